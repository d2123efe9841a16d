import { OrderRuns } from "./order-runs.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const HOUR_MS = 60 * 60 * 1000

async function prune(
  shop: Shop,
  eventsBefore: number,
  limit = 100,
): Promise<{ runs: number; slices: number }> {
  let [runs, slices] = [0, 0]
  for (let more = true; more; slices++) {
    if (slices === 1_000) throw new Error("Expected pruning to come to an end.")
    const result = await shop.engine.maintenance.prune({ eventsBefore, deadBefore: eventsBefore, limit })
    runs += result.runs ?? 0
    more = result.more
  }
  await shop.store.flush()
  return { runs, slices }
}

export function testRunMaintenance({ it, expect }: Suite): void {
  it("deletes runs that ended before the history begins, with their steps", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const old = await runs.held()
    await shop.writeOne(runs.end(old, { records: [runs.step("charge")] }))
    await shop.advance(HOUR_MS)
    const before = shop.now()
    const recent = await runs.held()
    await shop.writeOne(runs.end(recent))

    expect((await prune(shop, before)).runs).toBe(1)

    expect(await shop.engine.queries.run(old.id)).toBe(null)
    expect(await runs.steps(old.run)).toEqual([])
    expect((await runs.row(recent.id)).state).toBe("done")
  })

  it("keeps a run as long as it was to be kept, however short or long the history is", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [short, long] = [await runs.held(), await runs.held()]
    await shop.writeOne(runs.end(short, { keepUntil: shop.now() + 1_000 }))
    await shop.writeOne(runs.end(long, { keepUntil: shop.now() + 3 * HOUR_MS }))
    expect((await prune(shop, 0)).runs).toBe(0)
    await shop.advance(HOUR_MS)

    expect((await prune(shop, 0)).runs).toBe(1)
    expect((await prune(shop, shop.now())).runs).toBe(0)

    expect(await shop.engine.queries.run(short.id)).toBe(null)
    expect((await runs.row(long.id)).state).toBe("done")
  })

  it("deletes no run that goes on, waits or is still to be closed", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [held, parked, open] = [await runs.held(), await runs.parked(), await runs.held()]
    await shop.writeOne(runs.end(open, { close: false, keepUntil: shop.now() }))
    await shop.advance(HOUR_MS)

    expect((await prune(shop, shop.now())).runs).toBe(0)
    for (const { id } of [held, parked, open]) expect((await runs.row(id)).job === null).toBe(false)
  })

  it("deletes no run that is being undone after it was done", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.end(lease, { keepUntil: shop.now() }))
    await shop.writeOne(runs.signal(lease.id, { kind: "cancel", reason: "sold out" }))
    await shop.advance(HOUR_MS)

    expect((await prune(shop, shop.now())).runs).toBe(0)
    expect((await runs.row(lease.id)).state).toBe("compensating")
  })

  it("keeps a run as long as the one whose step it is, and deletes both then", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.held()
    const child = await runs.held({ parent: { run: parent.id, step: "charge" } })
    await shop.writeOne(runs.end(child, { keepUntil: shop.now() }))
    const grandchild = await runs.held({ parent: { run: child.id, step: "charge" } })
    await shop.writeOne(runs.end(grandchild))
    await shop.advance(HOUR_MS)

    expect((await prune(shop, shop.now())).runs).toBe(0)
    await shop.writeOne(runs.end(parent, { keepUntil: shop.now() }))
    await shop.advance(HOUR_MS)

    expect((await prune(shop, shop.now())).runs).toBe(3)
  })

  it("deletes runs a slice at a time", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (let i = 0; i < 7; i++) {
      const keepUntil = i % 2 ? shop.now() : null
      await shop.writeOne(
        runs.end(await runs.held(), { keepUntil, records: [runs.step("charge"), runs.step("ship")] }),
      )
    }
    await shop.advance(HOUR_MS)

    const pruned = await prune(shop, shop.now(), 3)

    expect(pruned.runs).toBe(7)
    expect(pruned.slices >= 3).toBe(true)
    expect((await shop.engine.queries.runs({ limit: 10 })).items).toEqual([])
  })
}
