import { commitIdFrom, eventId } from "../../core/ids.ts"
import type { EventQuery } from "../../engine/queries.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** Page by page to the end. */
async function all(shop: Shop, query: Omit<EventQuery, "limit">, limit: number): Promise<string[]> {
  const found: string[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < 100; pages++) {
    const page = await shop.engine.queries.events({ ...query, cursor, limit })
    if (page.items.length > limit)
      throw new Error(`Expected at most ${limit} a page, got ${page.items.length}.`)
    found.push(...page.items.map((row) => JSON.parse(row.data as string).id as string))
    if (page.cursor === null) return found
    cursor = page.cursor
  }
  throw new Error("Expected the pages to end.")
}

export function testQueries({ describe, it, expect }: Suite): void {
  describe("events", () => {
    it("lists newest first, page by page, each event once", async (shop) => {
      for (let i = 0; i < 3; i++) {
        const events = [0, 1, 2].map((j) => shop.order(`ord_${i}${j}`))
        await shop.emit({ events })
        await shop.advance(1)
      }
      const newestFirst = ["22", "21", "20", "12", "11", "10", "02", "01", "00"].map((id) => `ord_${id}`)

      for (const limit of [1, 2, 3, 4, 9, 10]) {
        expect(await all(shop, {}, limit)).toEqual(newestFirst)
        expect(await all(shop, { name: "order.placed" }, limit)).toEqual(newestFirst)
      }
    })

    it("lists by name, by scope and by both", async (shop) => {
      await shop.emit({
        events: [
          shop.order("ord_1"),
          shop.order("ord_2", { name: "order.paid" }),
          shop.order("ord_3", { scope: "acme/dev" }),
          shop.order("ord_4", { name: "order.paid", scope: "acme/dev" }),
        ],
      })

      expect(await all(shop, { name: "order.paid" }, 1)).toEqual(["ord_4", "ord_2"])
      expect(await all(shop, { scope: "acme/dev" }, 1)).toEqual(["ord_4", "ord_3"])
      expect(await all(shop, { scope: "" }, 10)).toEqual(["ord_2", "ord_1"])
      expect(await all(shop, { name: "order.placed", scope: "acme/dev" }, 10)).toEqual(["ord_3"])
      expect(await all(shop, { name: "order.gone" }, 10)).toEqual([])
    })

    it("lists from a moment, inclusive, to another, exclusive", async (shop) => {
      const start = shop.now()
      for (let i = 0; i < 4; i++) {
        await shop.emit({ events: [shop.order(`ord_${i}`)] })
        await shop.advance(1_000)
      }
      const range = { from: start + 1_000, to: start + 3_000 }

      expect(await all(shop, range, 1)).toEqual(["ord_2", "ord_1"])
      expect(await all(shop, { ...range, name: "order.placed" }, 1)).toEqual(["ord_2", "ord_1"])
    })

    it("finds the event of an id that was derived", async (shop) => {
      const { commitId } = await shop.emit({ events: shop.orders(2) })

      expect(await shop.engine.queries.findEvent(eventId(commitId, 1))).toEqual({ commitId, index: 1 })
    })

    it("lists the names seen, with how often and where last", async (shop) => {
      await shop.emit({ events: [shop.order("ord_1"), shop.order("brand_1", { name: "brand.created" })] })
      const { commitId } = await shop.emit({ events: shop.orders(2) })

      expect(await shop.engine.queries.names()).toMatchObject([
        { name: "brand.created", events: 1 },
        { name: "order.placed", events: 3, lastCommit: commitId },
      ])
    })
  })

  describe("scan", () => {
    it("reads whole commits, oldest first, with the version that routed each", async (shop) => {
      const commits: string[] = []
      for (const id of ["mail", "sync", "audit"]) {
        await shop.subscribe(id)
        commits.push((await shop.emit({ events: shop.orders(3) })).commitId)
      }
      const { version } = await shop.engine.queries.catalog()
      const range = { names: null, fromCommit: "0", toCommit: "Z" }

      const first = await shop.engine.queries.scan({ ...range, limit: 4 })
      const second = await shop.engine.queries.scan({
        ...range,
        limit: 4,
        fromCommit: first.cursor as string,
      })

      expect(first.events.map(({ commitId, index }) => [commitId, index])).toEqual(
        [0, 1].flatMap((i) => [0, 1, 2].map((index) => [commits[i], index])),
      )
      expect(first.versions).toEqual({
        [commits[0] as string]: version - 2,
        [commits[1] as string]: version - 1,
      })
      expect(second.events.length).toBe(3)
      expect(second.versions).toEqual({ [commits[2] as string]: version })
      expect(second.cursor).toBe(null)
    })

    it("reads only the names asked for, within the range", async (shop) => {
      const paid = { name: "order.paid" }
      const one = await shop.emit({ events: [shop.order("ord_1"), shop.order("ord_2", paid)] })
      await shop.emit({ events: [shop.order("ord_3")] })
      const three = await shop.emit({ events: [shop.order("ord_4", paid)] })
      const scan = (fromCommit: string, toCommit: string) =>
        shop.engine.queries.scan({ names: ["order.paid", "order.gone"], fromCommit, toCommit, limit: 100 })

      expect((await scan("0", "Z")).events.map((event) => event.data)).toEqual([
        '{"id":"ord_2"}',
        '{"id":"ord_4"}',
      ])
      expect((await scan(one.commitId, three.commitId)).events.length).toBe(1)
      expect(await scan(commitIdFrom(shop.now() + 1_000), "Z")).toEqual({
        events: [],
        versions: {},
        cursor: null,
      })
    })
  })

  describe("traceOf", () => {
    it("knows batches, parts and jobs of one event, and of no other", async (shop) => {
      const mail = await shop.subscribe("mail")
      const { commitId } = await shop.emit({
        events: shop.orders(2),
        batches: [shop.newBatch(mail, 1)],
        jobs: [shop.newJob(mail, 0), shop.newJob(mail, 1)],
      })
      const between = await shop.emit({ events: shop.orders(1) })
      const refs = [{ commitId, index: 0 }]
      const later = await shop.emit({ events: shop.orders(1) })
      const both = [...refs, { commitId: later.commitId, index: 0 }]
      await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, both, { reason: "replayed" })] })

      const trace = await shop.engine.queries.traceOf({ commitId, index: 0 })
      const other = await shop.engine.queries.traceOf({ commitId: between.commitId, index: 0 })

      expect(trace.batches.length).toBe(1)
      expect(trace.parts).toMatchObject([{ subscription: mail, reason: "replayed", state: "open" }])
      expect(trace.jobs.map((job) => job.index)).toEqual([0])
      expect([other.batches, other.parts, other.jobs]).toEqual([[], [], []])
      expect((await shop.engine.queries.traceOf({ commitId: "0", index: 0 })).catalogVersion).toBe(null)
    })
  })

  describe("jobs", () => {
    it("lists newest first, page by page, by state, kind, subscription and time", async (shop) => {
      const [mail, sync] = [await shop.subscribe("mail"), await shop.subscribe("sync", { startAt: 0 })]
      const worker = await shop.join()
      await shop.queue(mail, [{}, {}])
      await shop.advance(1_000)
      const since = shop.now()
      await shop.queue(sync, [{}, {}, {}])
      await shop.claim(worker, sync, 1)
      const list = async (query: object) => {
        const found: number[] = []
        let cursor: string | undefined
        do {
          const page = await shop.engine.queries.jobs({ ...query, cursor, limit: 2 })
          found.push(...page.items.map((row) => row.subscription))
          cursor = page.cursor ?? undefined
        } while (cursor !== undefined)
        return found
      }

      expect(await list({})).toEqual([sync, sync, sync, mail, mail, 0])
      expect(await list({ kind: "delivery", state: "waiting" })).toEqual([sync, sync, mail, mail])
      expect(await list({ state: "leased" })).toEqual([sync])
      expect(await list({ state: "dead" })).toEqual([])
      expect(await list({ kind: "replay" })).toEqual([0])
      expect(await list({ subscriptions: [mail] })).toEqual([mail, mail])
      expect(await list({ kind: "delivery", to: since })).toEqual([mail, mail])
      expect(await list({ from: since })).toEqual([sync, sync, sync])
    })

    it("names the event of each", async (shop) => {
      const mail = await shop.subscribe("mail")
      await shop.queue(mail, [{}])

      const { items } = await shop.engine.queries.jobs({ limit: 10 })

      expect(items.map((row) => row.eventName)).toEqual(["order.placed"])
      expect((await shop.engine.queries.jobs({ name: "order.placed", limit: 10 })).items.length).toBe(1)
      expect((await shop.engine.queries.jobs({ name: "order.paid", limit: 10 })).items.length).toBe(0)
    })
  })

  describe("lag", () => {
    it("counts what waits, runs and is dead, in batches, parts and jobs alike", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      const { commitId } = await shop.emit({
        events: shop.orders(3),
        batches: [shop.newBatch(mail, 3), shop.newBatch(mail, 2, { worker })],
      })
      const refs = [0, 1].map((index) => ({ commitId, index }))
      await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, refs)] })
      await shop.queue(mail, [{}, {}, {}])
      const { jobs } = await shop.claim(worker, mail, 2)
      const dead = { kind: "dead", error: "down", reason: "all failed" } as const
      await shop.write(shop.settleJob(worker, jobs[0] as never, dead))

      expect(await shop.engine.queries.lag()).toMatchObject([
        { subscription: mail, waiting: 3 + 2 + 1, leased: 2 + 1, dead: 1 },
      ])
    })
  })
}
