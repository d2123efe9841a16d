import { commitIdFrom } from "../../core/ids.ts"
import type { PutReplay } from "../../engine/commit.ts"
import { LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const RECORD = { kind: "put-record", collection: "hooks", id: "hook", ifAbsent: false } as const

const definitionOf = async (shop: Shop, id: string) =>
  (await shop.engine.queries.catalog()).subscriptions.findLast((each) => each.id === id)

export function testSubscriptions({ it, expect }: Suite): void {
  it("gives a subscription a number that all its versions keep", async (shop) => {
    const before = await shop.engine.queries.catalog()
    const no = await shop.subscribe("mail", { policy: { retries: 1 } })
    const changed = await shop.subscribe("mail", { policy: { retries: 2 } })

    const { version, subscriptions } = await shop.engine.queries.catalog()

    expect(changed).toBe(no)
    expect(version).toBe(before.version + 2)
    expect(subscriptions).toMatchObject([
      { no, id: "mail", group: "shop", ephemeral: false, fromVersion: version - 1, toVersion: version },
      { no, fromVersion: version, toVersion: null, definition: { policy: { retries: 2 } } },
    ])
  })

  it("writes nothing when the same definition is put again", async (shop) => {
    await shop.subscribe("mail")
    const { version } = await shop.engine.queries.catalog()

    expect(await shop.writeOne(shop.putSubscription("mail"))).toMatchObject({ status: "ok", count: 0 })

    expect((await shop.engine.queries.catalog()).version).toBe(version)
  })

  it("keeps groups apart", async (shop) => {
    const ours = await shop.subscribe("mail")
    const theirs = await shop.subscribe("mail", { group: "warehouse" })

    expect(ours === theirs).toBe(false)
    expect((await shop.engine.queries.catalog()).subscriptions.length).toBe(2)
  })

  it("pauses by a version of its own, and keeps the pause over a deploy when asked to", async (shop) => {
    await shop.subscribe("mail")
    const pause = { ...shop.putSubscription("mail"), definition: { paused: true } }
    await shop.write(pause)
    expect(await definitionOf(shop, "mail")).toMatchObject({
      definition: { paused: true, pattern: "order.placed" },
    })

    await shop.write(shop.putSubscription("mail", { policy: { retries: 9 } }))
    expect(await definitionOf(shop, "mail")).toMatchObject({
      definition: { paused: true, policy: { retries: 9 } },
    })
    await shop.write(shop.putSubscription("mail", { keepPaused: false }))

    expect(await definitionOf(shop, "mail")).toMatchObject({ definition: { paused: false } })
  })

  it("refuses to pause or end a subscription that there is not", async (shop) => {
    const results = await shop.write(
      { ...shop.putSubscription("nobody"), definition: { paused: true } },
      { kind: "end-subscription", group: "shop", id: "nobody" },
    )

    expect(results.map((each) => each.status)).toEqual(["conflict", "conflict"])
    expect((await shop.engine.queries.catalog()).subscriptions).toEqual([])
  })

  it("puts a subscription and its record together, or neither of them", async (shop) => {
    const first = { ...RECORD, value: "first", ifAbsent: true }
    await shop.subscribe("hook", { record: first })
    const { version } = await shop.engine.queries.catalog()

    const [late, next] = await shop.write(
      shop.putSubscription("hook", {
        policy: { retries: 1 },
        record: { ...RECORD, value: "late", ifValue: "elsewhere" },
      }),
      shop.putSubscription("hook", {
        policy: { retries: 2 },
        record: { ...RECORD, value: "next", ifValue: "first" },
      }),
    )

    expect([late?.status, next?.status]).toEqual(["conflict", "ok"])
    expect(await shop.engine.queries.record("hooks", "hook")).toBe("next")
    expect(await definitionOf(shop, "hook")).toMatchObject({ definition: { policy: { retries: 2 } } })
    expect((await shop.engine.queries.catalog()).version).toBe(version + 1)
  })

  it("writes the record of a subscription whose definition stays as it is", async (shop) => {
    await shop.subscribe("hook", { record: { ...RECORD, value: "first", ifAbsent: true } })

    await shop.write(shop.putSubscription("hook", { record: { ...RECORD, value: "next", ifValue: "first" } }))

    expect(await shop.engine.queries.record("hooks", "hook")).toBe("next")
  })

  it("ends a subscription with its record, and nobody's record where there is no such subscription", async (shop) => {
    const end = { kind: "end-subscription", group: "shop", record: { ...RECORD, value: null } } as const
    await shop.subscribe("hook", { record: { ...RECORD, value: "first" } })

    const nobody = await shop.writeOne({ ...end, id: "nobody" })
    const kept = await shop.engine.queries.record("hooks", "hook")
    await shop.write({ ...end, id: "hook" })

    expect([nobody.status, kept]).toEqual(["conflict", "first"])
    expect(await shop.engine.queries.record("hooks", "hook")).toBe(null)
  })

  it("cancels what waits for a subscription that ends; what runs may finish", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [running, waiting] = await shop.queue(mail, [{}, {}])
    const { jobs } = await shop.claim(worker, mail, 1)
    const { commitId } = await shop.emit({ events: shop.orders(3) })
    const refs = [0, 1, 2].map((index) => ({ commitId, index }))
    await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, refs)] })

    const result = await shop.writeOne({ kind: "end-subscription", group: "shop", id: "mail" })

    expect(result).toEqual({ status: "ok", count: 4 })
    expect(await shop.job(waiting as string)).toMatchObject({ state: "cancelled" })
    expect((await shop.engine.queries.traceOf({ commitId, index: 0 })).parts).toMatchObject([
      { state: "closed", reason: "cancelled" },
    ])
    expect(await shop.writeOne(shop.settleJob(worker, jobs[0] as never))).toEqual({ status: "ok" })
    expect(await shop.job(running as string)).toMatchObject({ state: "delivered" })
    expect((await definitionOf(shop, "mail"))?.toVersion).toBe((await shop.engine.queries.catalog()).version)
  })

  it("cancels, at the next heartbeat, what comes back to wait for a subscription that has ended", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])
    const job = await shop.claimOne(worker, mail)
    const { batches, commitId } = await shop.emit({
      events: shop.orders(2),
      batches: [shop.newBatch(mail, 2, { worker })],
    })
    await shop.write({ kind: "end-subscription", group: "shop", id: "mail" })

    await shop.write(
      shop.settleJob(worker, job, shop.retry(1_000)),
      shop.settleBatch(worker, batches[0] as never, {
        jobs: [shop.continued(commitId, 0, mail)],
        parts: [shop.newPart(mail, [{ commitId, index: 1 }], { reason: "absent" })],
      }),
    )
    await shop.beat(worker)

    expect(await shop.job(id as string)).toMatchObject({ state: "cancelled" })
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openJobs: 0, openParts: 0, openBatches: 0 })
  })

  it("cancels what a worker gives back of a subscription that has ended", async (shop) => {
    for (const end of ["leave", "expire"]) {
      const mail = await shop.subscribe(`mail-${end}`)
      const worker = await shop.join()
      const [id] = await shop.queue(mail, [{}])
      await shop.claimOne(worker, mail)
      const { commitId } = await shop.emit({ events: shop.orders(1) })
      await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
      await shop.take(worker, [mail])
      await shop.write({ kind: "end-subscription", group: "shop", id: `mail-${end}` })

      if (end === "leave") await shop.engine.leases.leave(worker)
      else await shop.advance(LEASE_MS)
      await shop.beat(await shop.join())

      expect(await shop.job(id as string)).toMatchObject({ state: "cancelled", worker: null })
      expect(await shop.engine.maintenance.stats()).toMatchObject({ openJobs: 0, openParts: 0 })
    }
  })

  it("begins anew, under the same number, when an ended subscription is put again", async (shop) => {
    const no = await shop.subscribe("mail")
    await shop.write({ kind: "end-subscription", group: "shop", id: "mail" })

    expect(await shop.subscribe("mail")).toBe(no)

    expect((await definitionOf(shop, "mail"))?.toVersion).toBe(null)
  })

  it("makes a replay for a new subscription that starts in the past, once", async (shop) => {
    const startAt = shop.now() - 60_000
    const mail = await shop.subscribe("mail", { startAt })
    await shop.subscribe("mail", { startAt, policy: { retries: 1 } })

    const { items } = await shop.engine.queries.jobs({ kind: "replay", limit: 10 })

    expect(items.length).toBe(1)
    expect(JSON.parse(items[0]?.data as string)).toMatchObject({
      subscription: mail,
      fromCommit: commitIdFrom(startAt),
      missingOnly: true,
    })
  })

  it("makes the parts of a replay under its lease only, and goes on at its cursor", async (shop) => {
    const mail = await shop.subscribe("mail")
    const { commitId } = await shop.emit({ events: shop.orders(2) })
    const worker = await shop.join()
    const result = await shop.writeOne(replayOf(mail))
    if (result.status !== "ok") throw new Error(result.status)
    const job = await shop.claimOne(worker, mail, { system: 1 })
    expect(job).toMatchObject({ kind: "replay", replay: result.count, event: null })
    const step = { kind: "advance-replay", no: job.no, epoch: job.epoch, cursor: "B", made: 1 } as const
    const parts = [shop.newPart(mail, [{ commitId, index: 0 }], { replay: job.replay })]
    const jobs = [shop.continued(commitId, 1, mail, { replay: job.replay })]

    const results = await shop.write(
      { ...step, worker: worker + 1, done: true, parts, jobs, keys: ["cus_1"] },
      { ...step, worker, done: false, parts, jobs, keys: ["cus_1"] },
    )

    expect(results.map((each) => each.status)).toEqual(["fenced", "ok"])
    await shop.engine.leases.leave(worker)
    const next = await shop.claimOne(await shop.join(), mail, { system: 1, slots: [] })
    expect(JSON.parse(next.data as string)).toMatchObject({ cursor: "B", made: 1 })
    const trace = await shop.engine.queries.traceOf({ commitId, index: 1 })
    expect(trace.jobs).toMatchObject([{ replay: job.replay, key: "cus_1" }])
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openParts: 1 })
  })
}

function replayOf(subscription: number): PutReplay {
  const request = {
    group: "shop",
    subscription,
    fromCommit: "0",
    toCommit: "Z",
    eventId: null,
    missingOnly: false,
  }
  return { kind: "put-replay", token: `replay-of-${subscription}`, request }
}
