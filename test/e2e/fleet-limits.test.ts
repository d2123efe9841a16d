import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Carillon, createCarillon, type Policy } from "carillon"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

describe("limits over a fleet, on SQLite", () => {
  testLimits(() => {
    const folder = mkdtempSync(join(tmpdir(), "carillon-limits-"))
    const close = async () => rmSync(folder, { recursive: true, force: true })
    return Promise.resolve({ url: `file:${join(folder, "shop.db")}`, close })
  })
})

await describePostgres("limits over a fleet, on PostgreSQL", () => {
  testLimits(async () => {
    const database: TestDatabase = await testDatabase("limits", { durable: false })
    return { url: database.url, close: () => database.drop() }
  })
})

interface Store {
  readonly url: string
  readonly close: () => Promise<void>
}

/** How many run at one time, of everything and of each key. */
class Gauge {
  now = 0
  most = 0
  readonly #keys = new Map<string, Gauge>()

  of(key: string): Gauge {
    const gauge = this.#keys.get(key) ?? new Gauge()
    this.#keys.set(key, gauge)
    return gauge
  }

  get mostOfOneKey(): number {
    return Math.max(...[...this.#keys.values()].map((each) => each.most))
  }

  enter(): void {
    this.most = Math.max(this.most, ++this.now)
  }

  leave(): void {
    this.now--
  }
}

function testLimits(open: () => Promise<Store>): void {
  let store: Store
  const fleet: Carillon[] = []
  beforeEach(async () => {
    store = await open()
  })
  afterEach(async () => {
    await Promise.all(fleet.splice(0).map((each) => each.stop()))
    await store.close()
  })

  /** Workers that all book orders in the ERP, under one policy. */
  async function start(workers: number, policy: Policy, ms = 5) {
    const gauge = new Gauge()
    const handled: unknown[] = []
    for (let i = 0; i < workers; i++) {
      const carillon = await createCarillon({ database: store.url, group: "shop", logger: false })
      fleet.push(carillon)
      carillon.events.subscribe<{ no: number }>(
        "order.placed",
        async (event) => {
          const gauges = [gauge, gauge.of(String(event.key))]
          if (/^held_\d+$/.test(String(event.key))) throw new Error("The ERP is down")
          for (const each of gauges) each.enter()
          await sleep(ms)
          for (const each of gauges) each.leave()
          handled.push(event.data.no)
        },
        { subscriberId: "book-in-erp", policy },
      )
      await carillon.start()
    }
    const emit = (count: number, keyOf: (no: number) => string | undefined = () => undefined) =>
      (fleet[0] as Carillon).emit(
        Array.from({ length: count }, (_, no) => ({ name: "order.placed", key: keyOf(no), data: { no } })),
      )
    const done = (count: number) =>
      vi.waitFor(() => expect(handled.length).toBe(count), { timeout: 20_000, interval: 10 })
    return { gauge, handled, emit, done }
  }

  it("never runs more of a subscription at one time than its limit, over three workers", async () => {
    const { gauge, handled, emit, done } = await start(3, { globalConcurrency: 4, concurrency: 3 })

    await emit(120)
    await done(120)

    expect(gauge.most).toBeLessThanOrEqual(4)
    expect(gauge.most).toBeGreaterThan(1)
    expect(new Set(handled).size).toBe(120)
  })

  it("never runs more of a key at one time than its limit, and lets the other keys by", async () => {
    const { gauge, handled, emit, done } = await start(3, { keyConcurrency: 2 })

    await emit(150, (no) => (no < 100 ? "cus_hot" : `cus_${no}`))
    await done(150)

    expect(gauge.mostOfOneKey).toBeLessThanOrEqual(2)
    expect(gauge.most).toBeGreaterThan(2)
    expect(new Set(handled).size).toBe(150)
    expect(handled.indexOf(149)).toBeLessThan(120)
  })

  it("hands the slots of a worker that stops to the others", async () => {
    const { emit, done } = await start(2, { globalConcurrency: 1 })
    await emit(30)

    await fleet.pop()?.stop()

    await done(30)
  })

  it("drains what waits behind more keys than one claim looks at", async () => {
    const { handled, emit } = await start(1, { order: "hold", initialBackoffDelay: 3_600_000 }, 0)
    const worker = fleet[0] as Carillon
    await emit(600, (no) => `held_${String(no).padStart(3, "0")}`)
    await worker.drain()

    await emit(1, () => "held_299_behind_many")
    await worker.drain()

    expect(handled.length).toBe(1)
  })
}
