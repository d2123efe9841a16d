import type { PruneResult } from "../../engine/maintenance.ts"
import { testInspect } from "./maintenance-inspect.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const DAY_MS = 24 * 60 * 60 * 1000

/** Slice by slice, as the product does it. */
async function prune(shop: Shop, over: { eventsBefore?: number; deadBefore?: number; limit?: number } = {}) {
  const now = shop.now()
  const total = { events: 0, jobs: 0, batches: 0, slices: 0 }
  for (let more = true; more; total.slices++) {
    if (total.slices === 1_000) throw new Error("Expected pruning to come to an end.")
    const result: PruneResult = await shop.engine.maintenance.prune({
      eventsBefore: now,
      deadBefore: now,
      limit: 100,
      ...over,
    })
    total.events += result.events
    total.jobs += result.jobs
    total.batches += result.batches
    more = result.more
  }
  await shop.store.flush()
  return total
}

export function testMaintenance(suite: Suite): void {
  const { describe, it, expect } = suite
  testInspect(suite)

  describe("migrate", () => {
    it("says which schema the store has, and which this code knows", async (shop) => {
      const { store, code, works } = await shop.engine.maintenance.version()

      expect([store === code, store > 0, works]).toEqual([true, true, true])
    })

    it("does nothing the second time", async (shop) => {
      await shop.emit({ events: shop.orders(1) })

      const { from, to } = await shop.engine.maintenance.migrate()

      expect(from).toBe(to)
      expect(await shop.eventsOf()).toBe(1)
    })

    it(
      "may be done by ten processes at once",
      async (shop) => {
        const engines = await Promise.all(Array.from({ length: 10 }, () => shop.store.open?.()))

        for (const [i, engine] of engines.entries()) {
          await engine?.commit([await shop.append({ events: shop.orders(1) })])
          expect((await engine?.queries.events({ limit: 100 }))?.items.length).toBe(i + 1)
        }
        for (const engine of engines) await engine?.close()
      },
      "several processes",
    )

    it(
      "refuses a store that a newer version wrote, and leaves it untouched",
      async (shop) => {
        await shop.emit({ events: shop.orders(1) })
        await shop.store.makeNewer?.()
        const before = await shop.store.fingerprint?.()

        const opening = (shop.store.open as () => Promise<unknown>)()

        expect(
          await opening.then(
            () => "opened",
            (error) => error.code,
          ),
        ).toBe("CARILLON_STORE_TOO_NEW")
        expect(await shop.store.fingerprint?.()).toEqual(before)
      },
      "newer stores",
    )
  })

  describe("prune", () => {
    it("deletes what is settled and old, and nothing younger", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      for (let i = 0; i < 5; i++) {
        const batch = shop.newBatch(mail, 50, { worker })
        const { batches } = await shop.emit({ events: shop.orders(50), batches: [batch] })
        await shop.write(shop.settleBatch(worker, batches[0] as never))
      }
      await shop.advance(DAY_MS)
      const { commitId } = await shop.emit({ events: shop.orders(3) })

      const { events, batches } = await prune(shop, { limit: 60 })

      expect([events, batches]).toEqual([250, 5])
      expect(await shop.eventsOf()).toBe(3)
      expect(await shop.engine.queries.names()).toMatchObject([{ name: "order.placed", events: 3 }])
      expect((await shop.engine.queries.traceOf({ commitId, index: 0 })).catalogVersion === null).toBe(false)
    })

    it(
      "deletes in small slices",
      async (shop) => {
        for (let i = 0; i < 5; i++) await shop.emit({ events: shop.orders(50) })
        await shop.advance(DAY_MS)

        const { events, slices } = await prune(shop, { limit: 60 })

        expect(events).toBe(250)
        expect(slices > 2).toBe(true)
      },
      "pruning by rows",
    )

    it("keeps the events that open work and dead letters still need", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
      await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { worker })] })
      const { commitId } = await shop.emit({ events: shop.orders(1) })
      await shop.emit({ events: [], parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
      await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
      await shop.queue(mail, [{ dueAt: shop.now() + 90 * DAY_MS }])
      await shop.queue(mail, [{}])
      const dead = await shop.claimOne(worker, mail)
      await shop.write(shop.settleJob(worker, dead, { kind: "dead", error: "down", reason: "all failed" }))
      await shop.advance(DAY_MS)

      const { events } = await prune(shop, { deadBefore: shop.now() - 10 * DAY_MS })

      expect(events).toBe(1) // the one that only carried the part of another
      expect(await shop.eventsOf()).toBe(5)
      await shop.write({ kind: "redrive", nos: [dead.no] })
      expect((await shop.claimOne(worker, mail)).event).toMatchObject({ name: "order.placed" })
    })

    it("deletes dead letters after a time of their own, and then their events", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      await shop.queue(mail, [{}])
      const job = await shop.claimOne(worker, mail)
      await shop.write(shop.settleJob(worker, job, { kind: "dead", error: "down", reason: "all failed" }))
      await shop.advance(10 * DAY_MS)

      expect(await prune(shop, { deadBefore: shop.now() - 11 * DAY_MS })).toMatchObject({
        events: 0,
        jobs: 0,
      })
      expect(await prune(shop)).toMatchObject({ events: 1, jobs: 1 })
    })

    it("deletes jobs that ended, and keeps those that wait", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      await shop.queue(mail, [{}, {}, {}])
      const { jobs } = await shop.claim(worker, mail, 2)
      await shop.write(...jobs.map((job) => shop.settleJob(worker, job)))
      await shop.advance(DAY_MS)

      expect(await prune(shop)).toMatchObject({ events: 0, jobs: 2 })

      expect(await shop.engine.maintenance.stats()).toMatchObject({ openJobs: 1, events: 3 })
    })

    it("forgets no id within its seven days, even when its event is gone", async (shop) => {
      const event = shop.order("ord_1", { id: "ord_1-placed", hash: "a" })
      await shop.emit({ events: [event] })
      await shop.advance(DAY_MS)
      expect((await prune(shop)).events).toBe(1)

      expect((await shop.emit({ events: [event] })).existing.length).toBe(1)
      expect((await shop.emit({ events: [{ ...event, hash: "b" }] })).rejected.length).toBe(1)
      await shop.advance(7 * DAY_MS)
      await prune(shop)

      expect((await shop.emit({ events: [event] })).existing).toEqual([])
    })

    it("keeps what is staged", async (shop) => {
      const events = [shop.order("ord_1", { id: "evt_a" })]
      await shop.write({ kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout_1", events })
      await shop.advance(30 * DAY_MS)

      await prune(shop)

      expect((await shop.engine.queries.staged("checkout_1")).length).toBe(1)
    })
  })

  describe("stats", () => {
    it("counts what is open, dead and staged", async (shop) => {
      const mail = await shop.subscribe("mail")
      const { commitId } = await shop.emit({ events: shop.orders(2), batches: [shop.newBatch(mail, 2)] })
      await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
      await shop.queue(mail, [{}, {}])
      const events = shop.orders(3)
      await shop.write({ kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout_1", events })

      const stats = await shop.engine.maintenance.stats()

      expect(stats).toMatchObject({
        events: 5,
        openBatches: 1,
        openParts: 1,
        openJobs: 2,
        deadJobs: 0,
        staged: 3,
      })
      expect(stats.bytes > 0).toBe(true)
    })
  })
}
