import {
  type CarillonEvent,
  type HandlerContext,
  PermanentError,
  type Policy,
  RetryAfterError,
} from "carillon"
import { createTestCarillon, type TestCarillon, type TestCarillonOptions } from "carillon/testing"
import { afterEach, describe, expect, it } from "vitest"

const open: TestCarillon[] = []

interface Attempt {
  readonly at: number // milliseconds since the beginning of the test
  readonly attempt: number
  readonly data: unknown
}

/** A shop with one subscriber that notes when it is called and then does as it is told. */
async function setup(
  policy: Policy,
  run: (event: CarillonEvent, context: HandlerContext) => unknown,
  options?: TestCarillonOptions,
) {
  const carillon = await createTestCarillon(options)
  open.push(carillon)
  const { clock, events } = carillon
  const start = clock.now()
  const attempts: Attempt[] = []
  events.subscribe(
    "order.placed",
    (event, context) => {
      attempts.push({ at: clock.now() - start, attempt: context.attempt, data: event.data })
      return run(event, context)
    },
    { subscriberId: "erp", policy },
  )
  const emit = async (data?: unknown, rest: object = {}) => {
    const [receipt] = await carillon.emit({ name: "order.placed", data, ...rest })
    await clock.settle()
    return receipt?.id as string
  }
  const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms))
  return { carillon, clock, attempts, emit, sleep, times: () => attempts.map((each) => each.at) }
}

afterEach(async () => {
  for (const carillon of open.splice(0)) await carillon.stop()
})

const fail = () => {
  throw new Error("The ERP is down")
}

describe("retries", () => {
  it("are five after the first attempt, at 1, 3, 7, 15 and 31 seconds, unless said otherwise", async () => {
    const { carillon, clock, emit, times } = await setup({}, fail)
    await emit()

    await clock.advance("2h")

    expect(times()).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000])
    const { items } = await carillon.deadLetters()
    expect(items).toMatchObject([{ state: "dead", error: "The ERP is down" }])
    expect(items[0]?.attempts.map((each) => each.attempt)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it("grow from `initialBackoffDelay` by `exponentialBackoffCoefficient`, up to a maximum", async () => {
    const policy = {
      retries: 4,
      initialBackoffDelay: 100,
      exponentialBackoffCoefficient: 3,
      maximumBackoffDelay: 1_000,
    }
    const { clock, emit, times } = await setup(policy, fail)
    await emit()

    await clock.advance("1m")

    expect(times()).toEqual([0, 100, 400, 1_300, 2_300])
  })

  it("stop at the first success", async () => {
    const { carillon, clock, emit, attempts } = await setup(
      {},
      (_event, { attempt }) => attempt < 3 && fail(),
    )
    const id = await emit()

    await clock.advance("1h")

    expect(attempts.map((each) => each.attempt)).toEqual([1, 2, 3])
    expect((await carillon.deadLetters()).items).toEqual([])
    expect((await carillon.trace(id)).deliveries).toMatchObject([{ state: "delivered" }])
  })

  it("are none when there are to be none", async () => {
    const { carillon, clock, emit, times } = await setup({ retries: 0 }, fail)
    await emit()

    await clock.advance("1h")

    expect(times()).toEqual([0])
    expect((await carillon.deadLetters()).items.length).toBe(1)
  })

  it("may come at once", async () => {
    const { clock, emit, times } = await setup({ retries: 3, initialBackoffDelay: 0 }, fail)
    await emit()

    await clock.advance(100)

    expect(times().length).toBe(4)
  })

  it("follow a list of delays instead", async () => {
    const { clock, emit, times } = await setup({ delays: [50, 5_000, 20] }, fail)
    await emit()

    await clock.advance("1h")

    expect(times()).toEqual([0, 50, 5_050, 5_070])
  })

  it("come later by their jitter, never earlier", async () => {
    const policy = { retries: 1, initialBackoffDelay: 1_000, jitter: 0.5 }
    const { clock, emit, times } = await setup(policy, fail, { random: () => 0.999 })
    await emit()

    await clock.advance("1h")

    expect(times()).toEqual([0, 1_499])
  })

  it("are the same on the job road", async () => {
    const { clock, emit, times } = await setup({ retries: 2 }, fail, { fastPath: false })
    await emit()

    await clock.advance("1h")

    expect(times()).toEqual([0, 1_000, 3_000])
  })

  it("wait hours where the policy says so", async () => {
    const hours = 6 * 3_600_000
    const { clock, emit, times } = await setup({ delays: [hours] }, fail)
    await emit()

    await clock.advance("7h")

    expect(times()).toEqual([0, hours])
  })

  it("begin anew after a redrive, under the same delivery id", async () => {
    const ids = new Set<string>()
    const { carillon, clock, emit, times } = await setup({ retries: 1 }, (_event, { deliveryId }) => {
      ids.add(deliveryId)
      fail()
    })
    await emit()
    await clock.advance("10s")

    const [dead] = (await carillon.deadLetters()).items
    await carillon.redrive({ ids: [dead?.deliveryId as string] })
    await clock.advance("10s")

    expect(times()).toEqual([0, 1_000, 10_000, 11_000])
    expect([...ids]).toEqual([dead?.deliveryId])
  })
})

describe("what a handler throws", () => {
  it("makes a dead letter at once when it is permanent", async () => {
    const { carillon, clock, emit, times } = await setup({}, () => {
      throw new PermanentError("The shop is closed")
    })
    await emit()
    await clock.advance("1h")

    expect(times()).toEqual([0])
    expect((await carillon.deadLetters()).items).toMatchObject([{ error: "The shop is closed" }])
  })

  it("sets the time of the next attempt, by milliseconds or by date, beyond the maximum too", async () => {
    const { clock, emit, times } = await setup(
      { retries: 2, maximumBackoffDelay: 1_000 },
      (_event, { attempt }) => {
        if (attempt === 1) throw new RetryAfterError("busy", 45_000)
        throw new RetryAfterError("busy", new Date(clock.now() + 2_500))
      },
    )
    await emit()

    await clock.advance("1h")

    expect(times()).toEqual([0, 45_000, 47_500])
  })

  it("uses up attempts, however it is put off", async () => {
    const { carillon, clock, emit, attempts } = await setup({ retries: 2 }, () => {
      throw new RetryAfterError("busy", 10)
    })
    await emit()

    await clock.advance("1m")

    expect(attempts.length).toBe(3)
    expect((await carillon.deadLetters()).items.length).toBe(1)
  })

  it("may be anything at all", async () => {
    for (const thrown of [undefined, null, 0, "down", {}, new Proxy({}, { get: fail })]) {
      const { carillon, emit } = await setup({ retries: 0 }, () => Promise.reject(thrown))
      await emit()
      await carillon.drain()

      expect((await carillon.deadLetters()).items.length).toBe(1)
    }
  })

  it("does not bring the process down with a backoff that no policy would allow", async () => {
    const { carillon, emit, times } = await setup({}, fail)

    const code = await carillon.emit({ name: "order.placed" }, { backoff: 1e12 }).then(
      () => "taken",
      (error) => error.code,
    )
    await emit()
    await carillon.drain()

    expect(code).toBe("CARILLON_INVALID_INPUT")
    expect(times().length).toBe(1)
  })
})

describe("timeout", () => {
  it("aborts the signal at its time, with a reason, and counts as a failed attempt", async () => {
    const aborted: [number, string][] = []
    const { carillon, clock, emit, times } = await setup(
      { timeout: 2_000, retries: 1, initialBackoffDelay: 500 },
      (_event, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted.push([clock.now() - start, (signal.reason as { code: string }).code])
            reject(signal.reason)
          })
        }),
    )
    const start = clock.now()
    await emit()

    await clock.advance(1_999)
    expect(aborted).toEqual([])
    await clock.advance(1)
    expect(aborted).toEqual([[2_000, "CARILLON_TIMEOUT"]])
    await clock.advance("1m")

    expect(times()).toEqual([0, 2_500])
    expect((await carillon.deadLetters()).items[0]?.error).toContain("to end within 2000 ms")
  })

  it("grows with `exponentialTimeoutCoefficient`, up to `maximumTimeout`", async () => {
    const policy = {
      timeout: 100,
      exponentialTimeoutCoefficient: 3,
      maximumTimeout: 500,
      delays: [0, 0, 0],
    }
    const lasted: number[] = []
    const { clock, emit } = await setup(policy, (_event, { signal }) => {
      const begun = clock.now()
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          lasted.push(clock.now() - begun)
          reject(signal.reason)
        })
      })
    })
    await emit()

    await clock.advance("10s")

    expect(lasted).toEqual([100, 300, 500, 500])
  })

  it("lets the retry of a handler that ignores its signal wait for that handler's end", async () => {
    const running: number[] = []
    let most = 0
    const { carillon, clock, emit, attempts, sleep } = await setup(
      { timeout: 1_000, retries: 1, initialBackoffDelay: 100 },
      async (_event, { attempt }) => {
        most = Math.max(most, running.push(attempt))
        await sleep(attempt === 1 ? 10_000 : 10)
        running.pop()
      },
    )
    const id = await emit()

    await clock.advance(9_000)
    expect(attempts.length).toBe(1)
    expect((await carillon.trace(id)).deliveries).toMatchObject([{ state: "running" }])
    expect((await carillon.trace(id)).deliveries[0]?.why).toContain("past its timeout")
    await clock.advance(2_000)

    expect(attempts.map(({ at, attempt }) => [at, attempt])).toEqual([
      [0, 1],
      [10_100, 2],
    ])
    expect(most).toBe(1)
    expect((await carillon.trace(id)).deliveries).toMatchObject([{ state: "delivered" }])
  })

  it("does not touch what ends in time", async () => {
    const { carillon, clock, emit, sleep } = await setup({ timeout: 1_000 }, () => sleep(999))
    const id = await emit()

    await clock.advance("10s")

    expect((await carillon.trace(id)).deliveries).toMatchObject([{ state: "delivered" }])
  })
})

describe("concurrency", () => {
  it("is never exceeded, and always used: 20 deliveries of a second each take four rounds of five", async () => {
    let running = 0
    const seen: number[] = []
    const { clock, emit, attempts, sleep } = await setup({ concurrency: 5 }, async () => {
      seen.push(++running)
      await sleep(1_000)
      running--
    })
    for (let i = 0; i < 20; i++) await emit(i)

    await clock.advance("3999ms")
    expect(attempts.length).toBe(20)
    await clock.advance("1s")

    expect(Math.max(...seen)).toBe(5)
    expect(running).toBe(0)
    expect(new Set(attempts.map((each) => each.data)).size).toBe(20)
  })

  it("counts retries too", async () => {
    let running = 0
    let most = 0
    const { clock, emit, attempts, sleep } = await setup(
      { concurrency: 2, retries: 1, initialBackoffDelay: 100 },
      async () => {
        most = Math.max(most, ++running)
        await sleep(300)
        running--
        fail()
      },
    )
    for (let i = 0; i < 6; i++) await emit(i)

    await clock.advance("1m")

    expect([most, attempts.length]).toEqual([2, 12])
  })

  it("of one subscription leaves the others their own", async () => {
    const { carillon, clock, emit } = await setup({ concurrency: 1 }, () => new Promise(() => {}))
    const heard: unknown[] = []
    carillon.events.subscribe("order.placed", (event) => heard.push(event.data), { subscriberId: "mail" })
    for (let i = 0; i < 10; i++) await emit(i)

    await clock.advance("1s")

    expect(heard.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it("of the process holds over all subscriptions", async () => {
    let running = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++running)
      await sleep(100)
      running--
    }
    const { carillon, clock, emit, sleep } = await setup({}, work, { concurrency: 3 })
    carillon.events.subscribe("order.placed", work, { subscriberId: "mail" })
    for (let i = 0; i < 10; i++) await emit(i)

    await clock.advance("1m")

    expect([most, running]).toEqual([3, 0])
    expect((await carillon.stats()).events).toBe(10)
  })
})

describe("rate limit", () => {
  it("spreads attempts evenly: never more than a tenth at once, and all in the end", async () => {
    const { clock, emit, times } = await setup({ rateLimit: { limit: 10, per: 1_000 } }, () => {})
    for (let i = 0; i < 12; i++) await emit(i)

    await clock.advance("5s")

    expect(times()).toEqual(Array.from({ length: 12 }, (_, i) => i * 100))
  })

  it("counts retries as attempts", async () => {
    const { clock, emit, times } = await setup(
      { rateLimit: { limit: 1, per: 10_000 }, delays: [1_000] },
      fail,
    )
    await emit()

    await clock.advance("1m")

    expect(times()).toEqual([0, 10_000])
  })
})

describe("order", () => {
  const customer = (n: number) => ({ key: `cus_${n}` })

  it("holds the later ones of a key while one waits for its retry, and no other key", async () => {
    const { clock, emit, attempts } = await setup(
      { order: "hold", delays: [5_000] },
      ({ data }, { attempt }) => data === "a1" && attempt === 1 && fail(),
    )
    for (const data of ["a1", "a2", "a3"]) await emit(data, customer(1))
    await emit("b1", customer(2))

    await clock.advance("4999ms")
    expect(attempts.map((each) => each.data)).toEqual(["a1", "b1"])
    await clock.advance("1s")

    expect(attempts.map((each) => each.data)).toEqual(["a1", "b1", "a1", "a2", "a3"])
  })

  it("goes on with the key when the one that held it is dead", async () => {
    const { carillon, clock, emit, attempts } = await setup(
      { order: "hold", delays: [1_000] },
      ({ data }) => data === "a1" && fail(),
    )
    for (const data of ["a1", "a2"]) await emit(data, customer(1))

    await clock.advance("10s")

    expect(attempts.map((each) => each.data)).toEqual(["a1", "a1", "a2"])
    expect((await carillon.deadLetters()).items.length).toBe(1)
  })

  it("lets the later ones pass when it is to skip what fails", async () => {
    const { clock, emit, attempts } = await setup(
      { order: "skip", delays: [5_000] },
      ({ data }, { attempt }) => data === "a1" && attempt === 1 && fail(),
    )
    for (const data of ["a1", "a2", "a3"]) await emit(data, customer(1))

    await clock.advance("10s")

    expect(attempts.map(({ data, at }) => [data, at >= 5_000])).toEqual([
      ["a1", false],
      ["a2", false],
      ["a3", false],
      ["a1", true],
    ])
  })

  it("runs one of a key at a time", async () => {
    let running = 0
    let most = 0
    const { clock, emit, attempts, sleep } = await setup({ order: "hold" }, async () => {
      most = Math.max(most, ++running)
      await sleep(100)
      running--
    })
    for (let i = 0; i < 5; i++) await emit(i, customer(1))

    await clock.advance("10s")

    expect(most).toBe(1)
    expect(attempts.map((each) => each.data)).toEqual([0, 1, 2, 3, 4])
  })
})

describe("pause", () => {
  it("lets everything wait, retries included, and goes on where it was", async () => {
    const { carillon, clock, emit, attempts } = await setup(
      { delays: [1_000] },
      ({ data }, { attempt }) => data === 1 && attempt === 1 && fail(),
    )
    await emit(1)
    await carillon.pause("erp")
    await emit(2)

    await clock.advance("1m")
    expect(attempts.map((each) => each.data)).toEqual([1])
    await carillon.resume("erp")
    await clock.advance("1m")

    expect(attempts.map((each) => each.data).toSorted()).toEqual([1, 1, 2])
  })
})

describe("defaults", () => {
  it("come from the Carillon's own policy, field by field", async () => {
    const { clock, emit, times } = await setup({ retries: 1 }, fail, {
      policy: { initialBackoffDelay: 7_000 },
    })
    await emit()

    await clock.advance("1m")

    expect(times()).toEqual([0, 7_000])
  })
})
