import { type Carillon, createCarillon } from "carillon"
import { type MovingClock, movingClock } from "carillon/testing"
import { afterEach, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { testDatabase } from "../support/postgres.ts"

const PRINTERS = Array.from({ length: 60 }, (_, i) => `printer-${i}`)

await describeEngines((engine) => {
  let carillon: Carillon
  let clock: MovingClock
  let drop: () => Promise<void>
  let printed: string[]
  beforeEach(async () => {
    const store = engine === "sqlite" ? { url: ":memory:", drop: async () => {} } : await testDatabase("many")
    drop = store.drop
    clock = movingClock()
    printed = []
    carillon = await createCarillon({ database: store.url, clock, group: "shop", logger: false })
  })
  afterEach(async () => {
    await carillon.stop()
    await drop()
  })

  const everybody = (id: string): string[] => PRINTERS.map((each) => `${each} ${id}`).sort()

  it("finds what is due for each of many subscriptions, wherever it waits", async () => {
    for (const [i, subscriberId] of PRINTERS.entries())
      carillon.events.subscribe<{ id: string }>(
        "order.placed",
        ({ data }, { attempt }) => {
          if (data.id === "jammed" && attempt === 1) throw new Error("the paper is jammed")
          printed.push(`${subscriberId} ${data.id}`)
        },
        { subscriberId, policy: { order: i % 2 === 0 ? "hold" : null, jitter: 0 } },
      )
    await carillon.start()
    for (const each of PRINTERS) await carillon.pause(each)
    await carillon.emit({ name: "order.placed", key: "cus_77", data: { id: "paused" } })
    await carillon.drain()
    expect(printed).toEqual([])

    for (const each of PRINTERS) await carillon.resume(each)
    await carillon.drain()
    expect(printed.splice(0).sort()).toEqual(everybody("paused"))

    await carillon.emit({ name: "order.placed", key: "cus_77", data: { id: "jammed" } })
    await carillon.emit({ name: "order.placed", delay: 60_000, data: { id: "later" } })
    await carillon.drain()
    expect(printed).toEqual([])
    await clock.advance("2s")
    await carillon.drain()
    expect(printed.splice(0).sort()).toEqual(everybody("jammed"))
    await clock.advance("60s")
    await carillon.drain()
    expect(printed.sort()).toEqual(everybody("later"))
  })
})
