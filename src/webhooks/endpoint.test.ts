import { describe, expect, it } from "vitest"
import type { EndpointState, Failing } from "../core/endpoint.ts"
import type { RecordSource } from "../identity/records.ts"
import { type MovingClock, movingClock } from "../testing/moving-clock.ts"
import { Postponed } from "../worker/job-run.ts"
import { Allotment } from "./allotment.ts"
import type { Attempted } from "./attempt.ts"
import { breakerSettings } from "./breaker.ts"
import { Endpoint } from "./endpoint.ts"
import { EndpointStates } from "./endpoint-states.ts"

const WELL: Attempted = { error: null, sign: { kind: "success" }, isOverload: false, disable: null }
const BAD: Attempted = {
  error: new Error("500"),
  sign: { kind: "failure", why: "500" },
  isOverload: false,
  disable: null,
}
const OURS: Attempted = {
  error: new Error("no names are resolved"),
  sign: null,
  isOverload: false,
  disable: null,
}

/** Records in memory, without conditions: one process writes. */
function memory(): RecordSource & { readonly rows: Map<string, string> } {
  const rows = new Map<string, string>()
  return {
    rows,
    write: async (change) => {
      if (change.kind === "put-record" && change.value !== null) rows.set(change.id, change.value)
      else if (change.kind === "put-record") rows.delete(change.id)
      return { status: "ok" }
    },
    queries: {
      record: async (_, id) => rows.get(id) ?? null,
      records: async () => [...rows].map(([id, value]) => ({ id, value })),
      recordPage: () => Promise.reject(new Error("Nobody asks for pages.")),
    },
  }
}

function setup({ slots = 100, concurrency = 10 } = {}) {
  const clock = movingClock()
  const records = memory()
  const moves: string[] = []
  const failings: Failing[] = []
  const onError = (error: unknown) => {
    throw error
  }
  const states = new EndpointStates({ records, clock, onChange: () => {}, onError })
  const allotment = new Allotment(slots)
  const endpoint = new Endpoint({
    id: "sub_1",
    scope: "shop/master",
    states,
    allotment,
    breaker: breakerSettings(),
    clock,
    random: () => 0,
    onGate: () => {},
    onMoved: (from: EndpointState, to: EndpointState) => void moves.push(`${from.phase} ${to.phase}`),
    onFailing: (failing) => void failings.push(failing),
    onFault: () => {},
    onStalled: () => {},
    onError,
  })
  endpoint.concurrency = concurrency
  const run = (made: Attempted | Promise<Attempted>) =>
    endpoint.run({ timeoutMs: 15_000, make: async () => made }).catch((error: Error) => error)
  return { clock, records, endpoint, allotment, run, moves, failings }
}

/** An attempt that ends when the test says so. */
function open() {
  const { promise, resolve } = Promise.withResolvers<Attempted>()
  return { made: promise, end: resolve }
}

async function until(clock: MovingClock, endpoint: Endpoint): Promise<void> {
  const opensAt = endpoint.opensAt
  if (opensAt !== null) await clock.advance(opensAt - clock.now())
}

describe("an endpoint that nobody knows", () => {
  it("gets one attempt at a time, and with each that succeeds one more, up to its policy's", async () => {
    const { endpoint, run } = setup({ concurrency: 3 })
    const slots = [endpoint.slotsBeside(0)]
    for (let i = 0; i < 4; i++) {
      const running = Array.from({ length: endpoint.slotsBeside(0) }, open)
      const ended = running.map(({ made }) => run(made))
      for (const { end } of running) end(WELL)
      await Promise.all(ended)
      slots.push(endpoint.slotsBeside(0))
    }

    expect(slots).toEqual([1, 2, 3, 3, 3])
    expect(endpoint.standing).toBe("proven")
  })

  it("is known to fail after one attempt", async () => {
    const { endpoint, run } = setup()
    expect([endpoint.standing, endpoint.holdsReady]).toEqual(["new", false])

    await run(BAD)

    expect(endpoint.standing).toBe("failing")
  })

  it("is known to hang when nothing ended between two reviews, and well again when something does", async () => {
    const { endpoint, run } = setup()
    await run(WELL)
    const attempt = open()
    const ended = run(attempt.made)

    endpoint.review()
    expect(endpoint.standing).toBe("proven")
    endpoint.review()
    expect(endpoint.standing).toBe("failing")
    attempt.end(WELL)
    await ended

    expect(endpoint.standing).toBe("proven")
  })
})

describe("an endpoint", () => {
  it("gives no slot away twice, whoever else has some of them", async () => {
    const { endpoint, run } = setup()
    for (let i = 0; i < 20; i++) {
      const running = Array.from({ length: endpoint.slotsBeside(0) }, open)
      const ended = running.map(({ made }) => run(made))
      for (const { end } of running) end(WELL)
      await Promise.all(ended)
    }
    const old = Array.from({ length: 6 }, open)
    const ended = old.map(({ made }) => run(made)) // begun under terms of before

    expect([endpoint.slotsBeside(0), endpoint.slotsBeside(4)]).toEqual([4, 8])
    for (const { end } of old) end(WELL)
    await Promise.all(ended)
    expect(endpoint.slotsBeside(0)).toBe(10)
  })

  it("is left alone longer and longer while the fault is ours, and then tried with one attempt", async () => {
    const { endpoint, run, clock, moves } = setup()
    await run(WELL)
    const holds: number[] = []
    for (let i = 0; i < 8; i++) {
      const error = await run(OURS)
      expect(error).toBeInstanceOf(Postponed)
      holds.push((endpoint.opensAt ?? 0) - clock.now())
      expect([endpoint.isClosed, endpoint.slotsBeside(0)]).toEqual([true, 0])
      await until(clock, endpoint)
      expect([endpoint.isClosed, endpoint.slotsBeside(0)]).toEqual([false, 1])
    }

    await run(WELL)

    expect(holds.map((ms) => ms / 1_000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    expect(endpoint.slotsBeside(0)).toBeGreaterThan(1)
    expect(moves).toEqual([])
  })

  it("that was to be probed is probed anew where the fault was ours", async () => {
    const { endpoint, run, clock } = setup()
    for (let i = 0; i < 10; i++) await run(BAD)
    await until(clock, endpoint)

    await run(OURS)
    await until(clock, endpoint)

    expect(endpoint.state).toMatchObject({ phase: "resting", trips: 1 })
    expect(endpoint.slotsBeside(0)).toBe(1)
    await run(WELL)
    expect(endpoint.state.phase).toBe("resuming")
  })

  it("is not judged by what was begun before it rested", async () => {
    const { endpoint, run, clock } = setup()
    const late = [open(), open()]
    const ended = late.map(({ made }) => run(made))
    for (let i = 0; i < 10; i++) await run(BAD)
    await until(clock, endpoint)
    const probe = open()
    const probed = run(probe.made)
    await clock.settle()

    for (const { end } of late) end(BAD)
    await Promise.all(ended)
    expect(endpoint.state).toMatchObject({ phase: "probing", trips: 1 })
    probe.end(WELL)
    await probed

    expect(endpoint.state.phase).toBe("resuming")
  })

  it("lets nothing through beside its probe, not even what was claimed already", async () => {
    const { endpoint, run, clock } = setup()
    for (let i = 0; i < 10; i++) await run(BAD)
    await until(clock, endpoint)
    const probe = open()
    const probed = run(probe.made)
    await clock.settle()

    expect(await run(WELL)).toBeInstanceOf(Postponed)
    probe.end(WELL)
    expect(await probed).toBeUndefined()
  })

  it("writes nothing while it is well, nor for a failure now and then", async () => {
    const { endpoint, run, records, clock } = setup()
    for (let i = 0; i < 40; i++) {
      await run(i % 4 === 0 ? BAD : WELL)
      await clock.advance("1m")
    }
    await endpoint.saved

    expect(records.rows.size).toBe(0)
  })

  it("keeps since when everything fails, from ten minutes on, and forgets it with the first success", async () => {
    const { endpoint, run, records, clock, failings } = setup()
    const since = clock.now()
    const failing = () =>
      JSON.parse(records.rows.get("sub_1") ?? '{"failing":null}').failing as Failing | null
    await run(BAD)
    await clock.advance("9m")
    await run(BAD)
    await endpoint.saved
    expect(failing()).toBeNull()

    await clock.advance("1m")
    await run(BAD)
    await endpoint.saved
    expect(failing()).toEqual({ since, attempts: 3 })
    expect(failings.map(({ attempts }) => attempts)).toEqual([1, 2, 3])

    await run(WELL)
    await endpoint.saved
    expect(records.rows.size).toBe(0)
  })

  it("counts for the tenant for whom its attempts were begun", async () => {
    const { endpoint, run, allotment } = setup({ slots: 5 })
    for (const scope of ["shop/master", "other/master"]) allotment.joined(scope)
    const attempt = open()
    const ended = run(attempt.made)

    endpoint.scope = "other/master"
    attempt.end(WELL)
    await ended

    for (const scope of ["shop/master", "other/master"])
      expect(allotment.mayStart({ standing: "proven", scope })).toBe(true)
    expect(allotment.running).toBe(0)
  })
})
