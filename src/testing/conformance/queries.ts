import { commitIdFrom, deliveryId, eventId } from "../../core/ids.ts"
import type { EventQuery } from "../../engine/queries.ts"
import { OUTBOX } from "../../engine/transactions.ts"
import { LEASE_MS, type Shop } from "./shop.ts"
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
      expect(await all(shop, { scopes: ["acme/dev"] }, 1)).toEqual(["ord_4", "ord_3"])
      expect(await all(shop, { scopes: [""] }, 10)).toEqual(["ord_2", "ord_1"])
      expect(await all(shop, { name: "order.placed", scopes: ["acme/dev"] }, 10)).toEqual(["ord_3"])
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

    it("goes on inside a commit, and reads a name from between others", async (shop) => {
      const names = ["order.placed", "order.paid", "order.placed", "order.paid", "order.placed"]
      for (const commit of ["a", "b"])
        await shop.emit({ events: names.map((name, i) => shop.order(`${commit}${i}`, { name })) })

      for (const limit of [1, 2, 4, 10]) {
        expect(await all(shop, { name: "order.placed" }, limit)).toEqual(["b4", "b2", "b0", "a4", "a2", "a0"])
        expect(await all(shop, { name: "order.paid" }, limit)).toEqual(["b3", "b1", "a3", "a1"])
      }
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

  describe("scopes", () => {
    it("says which there are, and how many of the newest events are of each", async (shop) => {
      await shop.emit({
        events: [shop.order("ord_1"), shop.order("ord_2", { scope: "acme/dev" }), shop.order("ord_3")],
      })
      await shop.emit({ events: [shop.order("ord_4", { scope: "acme/dev" })] })

      const { scopes, cursor } = await shop.engine.queries.scopes()

      expect(new Map(scopes.map((each) => [each.scope, each.events]))).toEqual(
        new Map([
          ["", 2],
          ["acme/dev", 2],
        ]),
      )
      expect(cursor).toBe(null)
    })

    it("goes on behind the events that were looked at", async (shop) => {
      const { commitId } = await shop.emit({
        events: [shop.order("ord_1", { scope: "acme/dev" }), shop.order("ord_2")],
      })

      const { scopes } = await shop.engine.queries.scopes(`${commitId}.1`)

      expect(scopes).toEqual([{ scope: "acme/dev", events: 1 }])
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

    it("knows which commits lie in a range, oldest first", async (shop) => {
      const ids: string[] = []
      for (let i = 0; i < 4; i++) ids.push((await shop.emit({ events: shop.orders(1) })).commitId)
      const commits = (from: string, to: string, limit: number) =>
        shop.engine.queries.commits({ from, to, limit })

      expect(await commits("0", "Z", 10)).toEqual(ids)
      expect(await commits(ids[1] as string, ids[3] as string, 10)).toEqual(ids.slice(1, 3))
      expect(await commits("0", "Z", 2)).toEqual(ids.slice(0, 2))
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

    it("lists dead letters newest first, page by page, over all subscriptions or by name", async (shop) => {
      const numbers = [await shop.subscribe("mail"), await shop.subscribe("sync")]
      const worker = await shop.join()
      const dead = { kind: "dead", error: "down", reason: "all failed" } as const
      const ids: string[] = []
      for (let i = 0; i < 4; i++) {
        const no = numbers[i % 2] as number
        ids.unshift(...(await shop.queue(no, [{}])))
        await shop.write(shop.settleJob(worker, await shop.claimOne(worker, no), dead))
      }
      const list = async (query: object) => {
        const found: string[] = []
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const page = await shop.engine.queries.jobs({ state: "dead", ...query, cursor, limit: 3 })
          found.push(...page.items.map((row) => row.id))
          cursor = page.cursor
        }
        return found
      }

      expect(await list({})).toEqual(ids)
      expect(await list({ name: "order.placed" })).toEqual(ids)
      expect(await list({ name: "order.paid" })).toEqual([])
      expect(await list({ subscriptions: [numbers[0]] })).toEqual([ids[1], ids[3]])
      expect(await list({ subscriptions: [] })).toEqual([])
    })

    it("lists dead letters of some scopes, however many others have", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      const dead = { kind: "dead", error: "down", reason: "all failed" } as const
      const own: string[] = []
      for (const scope of ["acme/dev", "", "acme/dev", "", ""]) {
        const { commitId } = await shop.emit({
          events: [shop.order("ord_1", { scope })],
          jobs: [{ ...shop.newJob(mail, 0), scope }],
        })
        await shop.write(shop.settleJob(worker, await shop.claimOne(worker, mail), dead))
        if (scope !== "") own.unshift(deliveryId(commitId, 0, mail, 0))
      }

      const page = await shop.engine.queries.jobs({ state: "dead", scopes: ["acme/dev"], limit: 10 })
      const first = await shop.engine.queries.jobs({ state: "dead", scopes: ["acme/dev"], limit: 1 })
      const none = await shop.engine.queries.jobs({ state: "dead", scopes: [], limit: 1 })

      expect(page.items.map((row) => row.id)).toEqual(own)
      expect(first.items.map((row) => row.id)).toEqual(own.slice(0, 1))
      expect(none.items).toEqual([])
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

  describe("openWork", () => {
    it("lists what is not closed newest first, page by page: batches, and parts by subscription", async (shop) => {
      const [mail, sync] = [await shop.subscribe("mail"), await shop.subscribe("sync")]
      const worker = await shop.join()
      const { commitId, batches } = await shop.emit({
        events: shop.orders(3),
        batches: [shop.newBatch(mail, 3), shop.newBatch(mail, 3), shop.newBatch(mail, 3, { worker })],
      })
      const refs = [0, 2].map((index) => ({ commitId, index }))
      const parts = [mail, sync, mail].map((no) => shop.newPart(no, refs, { reason: "paused" }))
      await shop.emit({ events: shop.orders(1), parts })
      const list = async (query: { source: "batch" | "part"; subscriptions?: number[] }) => {
        const first = await shop.engine.queries.openWork({ state: "open", ...query, limit: 1 })
        if (first.cursor === null) return first.items
        const rest = await shop.engine.queries.openWork({
          state: "open",
          ...query,
          cursor: first.cursor,
          limit: 9,
        })
        return [...first.items, ...rest.items]
      }

      expect((await list({ source: "batch" })).map((row) => row.no)).toEqual([batches[1]?.no, batches[0]?.no])
      expect((await list({ source: "part" })).map((row) => row.subscription)).toEqual([mail, sync, mail])
      expect(await list({ source: "part", subscriptions: [sync] })).toMatchObject([
        { source: "part", subscription: sync, commitId, refs, reason: "paused", worker: null },
      ])
      expect(await list({ source: "part", subscriptions: [] })).toEqual([])
      const leased = await shop.engine.queries.openWork({ state: "leased", source: "batch", limit: 9 })
      expect(leased.items).toMatchObject([{ no: batches[2]?.no, worker, subscription: null, refs: [] }])
    })
  })

  describe("staged", () => {
    const stage = (shop: Shop, eventGroupId: string, count: number) =>
      shop.write({
        kind: "stage",
        commitId: shop.commitId(),
        eventGroupId,
        events: shop.orders(count),
      })

    it("gives all events of a group, or the first, in the order of their emits", async (shop) => {
      for (const count of [2, 3]) {
        await stage(shop, "checkout", count)
        await shop.advance(1)
      }

      const rows = await shop.engine.queries.staged("checkout")

      expect(rows.map((row) => row.index)).toEqual([0, 1, 0, 1, 2])
      expect(await shop.engine.queries.staged("checkout", 3)).toEqual(rows.slice(0, 3))
      expect((await shop.engine.queries.staged("checkout", 99)).length).toBe(5)
    })

    it("lists groups oldest first, and no outbox of transactions among them", async (shop) => {
      for (const group of ["returns", OUTBOX, "checkout"]) {
        await stage(shop, group, 2)
        await shop.advance(1)
      }

      const groups = await shop.engine.queries.stagedGroups()

      expect(groups.map(({ eventGroupId, events }) => [eventGroupId, events])).toEqual([
        ["returns", 2],
        ["checkout", 2],
      ])
      expect((await shop.engine.queries.staged(OUTBOX)).length).toBe(2)
    })
  })

  describe("countBefore", () => {
    it("counts events, ended jobs and dead letters, each before its moment", async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      await shop.queue(mail, [{}, {}, {}])
      const { jobs } = await shop.claim(worker, mail, 2)
      const dead = { kind: "dead", error: "down", reason: "all failed" } as const
      await shop.write(
        shop.settleJob(worker, jobs[0] as never),
        shop.settleJob(worker, jobs[1] as never, dead),
      )
      const then = shop.now()
      await shop.advance(1_000)
      await shop.emit({ events: shop.orders(2) })

      const count = (events: number, deadBefore: number) =>
        shop.engine.queries.countBefore({ events, dead: deadBefore })
      expect(await count(then + 1, then + 1)).toEqual({ events: 3, jobs: 1, dead: 1 })
      expect(await count(then + 2_000, then)).toEqual({ events: 5, jobs: 1, dead: 0 })
      expect(await count(then, then + 1)).toEqual({ events: 0, jobs: 0, dead: 1 })
    })
  })

  describe("workers", () => {
    it("lists who is joined, since when, until when, and for what", async (shop) => {
      const worker = await shop.join()
      const startedAt = shop.now()
      await shop.advance(1_000)
      const handles = [1, 2]
      await shop.engine.leases.heartbeat({ worker, group: "shop", leaseMs: LEASE_MS, handles })

      expect(await shop.engine.queries.workers()).toMatchObject([
        {
          no: worker,
          group: "shop",
          startedAt,
          seenAt: shop.now(),
          expiresAt: shop.now() + LEASE_MS,
          handles,
        },
      ])
    })
  })
}
