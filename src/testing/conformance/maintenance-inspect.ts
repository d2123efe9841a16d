import type { MarkJob } from "../../engine/commit.ts"
import { OUTBOX } from "../../engine/transactions.ts"
import { OrderRuns } from "./order-runs.ts"
import { GROUP } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const DAY_MS = 24 * 60 * 60 * 1000

export function testInspect({ describe, it, expect }: Suite): void {
  describe("inspect", () => {
    it("tells of a new store that nothing waits", async (shop) => {
      const { work, product, server, file } = await shop.engine.maintenance.inspect()

      expect(work).toEqual({
        openBatches: [],
        strays: 0,
        stuck: [],
        outbox: null,
        oldestEventAt: null,
        oldestUnneededAt: null,
      })
      expect(/^\S+ \d/.test(product)).toBe(true)
      expect((server === null) !== (file === null)).toBe(true)
    })

    it("counts open batches by group, since when, and what transactions left to be released", async (shop) => {
      const mail = await shop.subscribe("mail")
      const since = shop.now()
      await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
      await shop.advance(60_000)
      await shop.emit({
        events: shop.orders(2),
        batches: [shop.newBatch(mail, 2), shop.newBatch(mail, 2, { group: "billing" })],
      })
      const events = shop.orders(3)
      await shop.write({ kind: "stage", commitId: shop.commitId(), eventGroupId: OUTBOX, events })

      const { work } = await shop.engine.maintenance.inspect()

      expect(work.openBatches).toEqual([
        { group: "billing", batches: 1, oldestAt: shop.now() },
        { group: GROUP, batches: 2, oldestAt: since },
      ])
      expect(work.outbox).toEqual({ events: 3, oldestAt: shop.now() })
      expect(work.oldestEventAt).toBe(since)
    })

    it("names runs with a step that goes on past its timeout", async (shop) => {
      const runs = await OrderRuns.of(shop)
      const [stuck, fine] = [await runs.held(), await runs.held()]
      const mark = (lease: typeof stuck, reason: string): MarkJob => {
        return { kind: "mark-job", no: lease.job, worker: lease.worker, epoch: lease.epoch, reason }
      }
      await shop.write(mark(stuck, "charge goes on past its timeout"), mark(fine, "charge"))

      expect((await shop.engine.maintenance.inspect()).work.stuck).toEqual([stuck.id])
    })

    it("names deliveries that are stuck, and leaves out work of workers that are there", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      const [id] = await shop.queue(mail, [{}])
      const { no, epoch } = await shop.claimOne(worker, mail)
      await shop.write({ kind: "mark-job", no, worker, epoch, reason: "stuck" })

      const { work } = await shop.engine.maintenance.inspect()

      expect(work.stuck).toEqual([id])
      expect(work.strays).toBe(0)
    })

    it("tells the oldest events apart that something still needs", async (shop) => {
      const mail = await shop.subscribe("mail")
      const first = shop.now()
      await shop.queue(mail, [{ dueAt: first + 90 * DAY_MS }])
      await shop.advance(DAY_MS)
      const second = shop.now()
      await shop.emit({ events: shop.orders(1) })

      const { work } = await shop.engine.maintenance.inspect()

      expect([work.oldestEventAt, work.oldestUnneededAt]).toEqual([first, second])
    })

    it("measures its tables, each once", async (shop) => {
      await shop.emit({ events: shop.orders(500) })

      const { tables, bytes } = await shop.engine.maintenance.inspect()

      const names = tables.map((table) => table.name)
      expect(new Set(names).size).toBe(names.length)
      const events = tables.find((table) => table.name === "events")
      expect(events !== undefined && events.bytes > 0 && events.bytes <= bytes).toBe(true)
    })
  })
}
