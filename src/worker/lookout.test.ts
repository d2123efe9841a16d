import { describe, expect, it, vi } from "vitest"
import { StoreUnavailableError } from "../core/errors.ts"
import type { Glance } from "../engine/leases.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { Lookout } from "./lookout.ts"

const NOTHING: Glance = { work: false, released: false, nextDueAt: null, catalogVersion: null }

function setup({ hasOutbox = false, untilBeatMs = Number.POSITIVE_INFINITY } = {}) {
  const clock = movingClock()
  const start = clock.monotonic()
  const looks: string[] = [] // when, and how thoroughly
  const glances: number[] = []
  const at = () => clock.monotonic() - start
  const work = { waiting: 0, mayAsk: true, isCutShort: false, hasRoom: true, glance: NOTHING, untilBeatMs }
  const onReleased = vi.fn()
  const onCatalog = vi.fn()
  const onError = vi.fn()
  const lookout = new Lookout({
    clock,
    pollMs: 1_000,
    mayAsk: () => work.mayAsk,
    take: async (thorough) => {
      looks.push(`${at()}${thorough ? " thorough" : ""}`)
      const count = Math.min(1, work.waiting)
      work.waiting -= count
      return { count, mayHaveLeft: count > 0, hasRoom: work.hasRoom, isCutShort: work.isCutShort }
    },
    peek: async () => {
      glances.push(at())
      return work.glance
    },
    hasOutbox,
    onReleased,
    onCatalog,
    untilBeatMs: () => work.untilBeatMs,
    onError,
  })
  return { clock, lookout, work, looks, glances, onReleased, onCatalog, onError }
}

async function idle(options?: Parameters<typeof setup>[0]) {
  const all = setup(options)
  all.lookout.open()
  await all.clock.settle()
  all.looks.length = 0
  return all
}

describe("an idle lookout", () => {
  it("asks once a second whether there is anything, and no more", async () => {
    const { clock, looks, glances } = await idle()

    await clock.advance("5s")

    expect(glances).toEqual([1_000, 2_000, 3_000, 4_000, 5_000])
    expect(looks).toEqual([])
  })

  it("looks at everything when there is something", async () => {
    const { clock, looks, work } = await idle()
    work.glance = { ...NOTHING, work: true }

    await clock.advance("1s")

    expect(looks).toEqual(["1000 thorough"])
  })

  it("looks when what a glance saw falls due", async () => {
    const { clock, looks, work } = await idle()
    work.glance = { ...NOTHING, nextDueAt: clock.now() + 1_250 }

    await clock.advance("1s")
    work.glance = NOTHING
    await clock.advance("1s")

    expect(looks).toEqual(["1250 thorough"])
  })

  it("takes a heartbeat for a poll", async () => {
    const { clock, lookout, glances } = await idle()
    await clock.advance(900)
    lookout.beginBeat()
    lookout.heedBeat(NOTHING, false)

    await clock.advance(900)
    expect(glances).toEqual([])
    await clock.advance(100)

    expect(glances).toEqual([1_900])
  })

  it("leaves a poll out when a heartbeat is about to be sent, and does not wait for one that hangs", async () => {
    const { clock, glances, work } = await idle({ untilBeatMs: 50 })
    await clock.advance("1s")
    expect(glances).toEqual([])

    work.untilBeatMs = Number.POSITIVE_INFINITY // it was sent, and no answer came
    await clock.advance("1s")

    expect(glances).toEqual([2_000])
  })

  it("believes a heartbeat that sees work, or glances first where it knows less", async () => {
    const { clock, lookout, looks, glances } = await idle()
    lookout.heedBeat({ ...NOTHING, work: true }, false)
    await clock.settle()
    expect([looks.length, glances.length]).toEqual([1, 0])

    lookout.heedBeat({ ...NOTHING, work: true }, true)
    await clock.settle()

    expect([looks.length, glances.length]).toEqual([1, 1])
  })

  it("tells what was released, seen by a glance or a heartbeat", async () => {
    const { clock, lookout, looks, work, onReleased } = await idle()
    work.glance = { ...NOTHING, released: true }
    await clock.advance("1s")
    expect(onReleased).toHaveBeenCalledTimes(1)

    lookout.heedBeat({ ...NOTHING, released: true }, false)

    expect(onReleased).toHaveBeenCalledTimes(2)
    expect(looks).toEqual([])
  })

  it("tells the catalog's version, where a glance says it", async () => {
    const { clock, work, onCatalog } = await idle()
    await clock.advance("1s")
    expect(onCatalog).not.toHaveBeenCalled()
    work.glance = { ...NOTHING, catalogVersion: 7 }

    await clock.advance("1s")

    expect(onCatalog.mock.calls).toEqual([[7]])
  })
})

describe("a busy lookout", () => {
  it("looks on until nothing is left, thoroughly at first and not more than once a second", async () => {
    const { clock, lookout, looks, work } = setup()
    work.waiting = 4
    lookout.open()
    await clock.settle()
    expect(looks).toEqual(["0 thorough", "0", "0", "0", "0"])

    await clock.advance(999)
    lookout.poke()
    await clock.settle()

    expect(looks.at(-1)).toBe("999")
  })

  it("waits for a free slot when it got all that there was room for", async () => {
    const { clock, lookout, looks, work } = await idle()
    work.waiting = 4
    work.hasRoom = false

    lookout.poke()
    await clock.settle()

    expect(looks.length).toBe(1)
    expect(lookout.wantsMore).toBe(true)
  })

  it("looks thoroughly once a second, however often it is poked", async () => {
    const { clock, lookout, looks } = await idle()
    for (let i = 0; i < 25; i++) {
      await clock.advance(100)
      lookout.poke()
      await clock.settle()
    }

    expect(looks.filter((look) => look.endsWith("thorough"))).toEqual(["1000 thorough", "2000 thorough"])
    expect(looks.length).toBe(25)
  })

  it("looks rather than glances while its own limits cut it short", async () => {
    const { clock, lookout, looks, glances, work } = await idle()
    work.isCutShort = true
    lookout.poke()
    await clock.advance("2s")

    expect([looks.length, glances.length]).toEqual([3, 0])
    expect(lookout.wantsMore).toBe(true)
  })

  it("glances aside once a second for what transactions left, and heeds nothing else of it", async () => {
    const { clock, lookout, looks, glances, work, onReleased } = setup({ hasOutbox: true })
    work.glance = { ...NOTHING, work: true, released: true }
    lookout.open()
    for (let i = 0; i < 20; i++) {
      await clock.advance(100)
      lookout.poke()
      await clock.settle()
    }

    expect(glances).toEqual([0, 1_000, 2_000])
    expect(onReleased).toHaveBeenCalledTimes(3)
    expect(looks.length).toBe(21)
  })

  it("looks anew for one who wants to be sure, thoroughly", async () => {
    const { lookout, looks, work } = await idle()
    work.waiting = 1

    expect(await lookout.lookAnew()).toBe(1)
    expect(looks).toEqual(["0 thorough"])
  })
})

describe("a lookout that may not ask, or is not answered", () => {
  it("looks again once it may", async () => {
    const { clock, looks, work, lookout } = await idle()
    work.mayAsk = false
    lookout.poke()
    await clock.advance("3s")
    expect(looks).toEqual([])

    work.mayAsk = true
    await clock.advance("1s")

    expect(looks).toEqual(["4000 thorough"])
  })

  it("asks again each second through an outage of minutes, and says that it saw nothing", async () => {
    const { clock, lookout, looks, work, onError } = await idle()
    const outage = new StoreUnavailableError("Connection refused.")
    let away = true
    Object.defineProperty(work, "waiting", {
      get: () => {
        if (away) throw outage
        return 0
      },
      set: () => {},
    })
    lookout.poke()

    await clock.advance("5m")
    expect(onError).toHaveBeenCalledTimes(301)
    expect(onError).toHaveBeenLastCalledWith(outage)
    expect(lookout.isAway).toBe(true)
    away = false
    await clock.advance("1s")

    expect(looks.length).toBe(302)
    expect(lookout.isAway).toBe(false)
  })

  it("does nothing before it is open and after it is closed", async () => {
    const { clock, lookout, looks, glances } = setup()
    lookout.poke()
    lookout.beginBeat()
    lookout.dueBy(clock.now())
    await clock.advance("5s")
    lookout.open()
    await lookout.close()
    lookout.heedBeat({ ...NOTHING, work: true }, false)
    await clock.advance("5s")

    expect([looks, glances]).toEqual([[], []])
  })
})

describe("a look of its own", () => {
  it("counts what the look before it took, which may be why it finds nothing", async () => {
    const { lookout, work } = await idle()
    work.waiting = 1
    void lookout.look()

    expect(await lookout.lookAnew()).toBe(1)
  })
})
