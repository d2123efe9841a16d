import { commitIdFrom, deliveryId } from "../../core/ids.ts"
import { DEAD, LEASED } from "../../core/job.ts"
import type { Change, ChangeResult, PutReplay } from "../../engine/commit.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

type Answers = readonly ChangeResult[]

/** As when the connection is cut during the commit: it is written, nobody hears of it, and it comes again. */
async function twice(shop: Shop, changes: readonly Change[]): Promise<{ first: Answers; second: Answers }> {
  const first = await shop.write(...changes)
  await shop.advance(10)
  const second = await shop.write(...changes.map(again))
  return { first, second }
}

function again(change: Change): Change {
  return change.kind === "append" ? { ...change, again: true } : change
}

export function testTwice({ it, expect }: Suite): void {
  it("appends once, with its batches, jobs and parts, and answers the same", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const change = await shop.append({
      events: [shop.order("ord_1001", { id: "ord_1001.placed", hash: "1" }), ...shop.orders(2)],
      worker,
      batches: [shop.newBatch(mail, 1, { worker }), shop.newBatch(mail, 1)],
      jobs: [shop.newJob(mail, 0, { leased: true }), shop.newJob(mail, 1)],
      parts: [shop.newPart(mail, [])],
    })
    const parts = [shop.newPart(mail, [{ commitId: change.commitId, index: 2 }])]

    const { first, second } = await twice(shop, [{ ...change, parts }])

    expect(second).toEqual(first)
    expect(await shop.eventsOf()).toBe(3)
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openBatches: 2, openJobs: 2, openParts: 1 })
  })

  it("does not give again what was handed back, or has ended, since it was written", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const change = await shop.append({
      events: shop.orders(2),
      worker,
      batches: [shop.newBatch(mail, 1, { worker })],
      jobs: [shop.newJob(mail, 0, { leased: true }), shop.newJob(mail, 1, { leased: true })],
    })
    const first = await shop.writeOne(change)
    const [, job] = first.status === "ok" ? (first.append?.jobs ?? []) : []
    await shop.write(shop.settleJob(worker, job as never))
    await shop.advance(1)
    const handBack = { worker, olderThanMs: 0, batches: [], parts: [], jobs: [] }
    expect(await shop.engine.leases.handBack(handBack)).toBe(2)

    const again = await shop.writeOne({ ...change, again: true })

    const rows =
      again.status === "ok" ? [...(again.append?.batches ?? []), ...(again.append?.jobs ?? [])] : []
    expect(rows.map((row) => row.epoch)).toEqual([0, 0, 0])
  })

  it("stages once, and its events are as fresh as they were", async (shop) => {
    const events = [shop.order("ord_1", { id: "a", hash: "1" }), shop.order("ord_2", { id: "b", hash: "1" })]
    await shop.emit({ events: [events[1] as never] })
    const change = { kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout", events } as const

    const { first, second } = await twice(shop, [change])

    expect(first).toMatchObject([{ status: "ok", fresh: [0] }])
    expect(second).toEqual(first)
    expect((await shop.engine.queries.staged("checkout")).map((row) => row.id)).toEqual(["a"])
  })

  it("finds an event stale that another commit has staged under its id", async (shop) => {
    const events = [shop.order("ord_1", { id: "a", hash: "1" })]
    const change = () =>
      ({ kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout", events }) as const

    const results = await shop.write(change(), change())

    expect(results).toMatchObject([{ fresh: [0] }, { status: "ok", fresh: [] }])
  })

  it("clears a group, and no other when it is cleared again", async (shop) => {
    const events = shop.orders(2)
    await shop.write(
      { kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout", events },
      { kind: "stage", commitId: shop.commitId(), eventGroupId: "returns", events },
    )

    const { second } = await twice(shop, [{ kind: "clear", eventGroupId: "checkout", names: null }])

    expect(second).toEqual([{ status: "ok", count: 0 }])
    expect(await shop.engine.queries.stagedGroups()).toMatchObject([{ eventGroupId: "returns", events: 2 }])
  })

  it("settles a batch once, and answers with the rows that its jobs have", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { batches, commitId } = await shop.emit({
      events: shop.orders(4),
      batches: [shop.newBatch(mail, 4, { worker })],
    })
    const change = shop.settleBatch(worker, batches[0] as never, {
      outcome: { [mail]: [1, 5, 5] },
      jobs: [
        shop.continued(commitId, 1, mail),
        shop.continued(commitId, 2, mail, { state: LEASED, reason: "running", attempt: 0, error: null }),
      ],
      parts: [shop.newPart(mail, [{ commitId, index: 3 }], { reason: "spilled" })],
    })

    const { first, second } = await twice(shop, [change])

    const rows = (answers: Answers) => (answers[0]?.status === "ok" ? answers[0].jobs : undefined)
    const leased = await shop.job(deliveryId(commitId, 2, mail, 0))
    expect(rows(first)?.[1]).toEqual({ no: leased.no, epoch: 1 })
    expect(rows(second)?.[1]).toEqual({ no: leased.no, epoch: 1 })
    expect(rows(second)?.length).toBe(2)
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openBatches: 0, openJobs: 2, openParts: 1 })
  })

  it("settles a part once", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { commitId } = await shop.emit({ events: shop.orders(2) })
    const refs = [0, 1].map((index) => ({ commitId, index }))
    await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, refs)] })
    const [part] = await shop.take(worker, [mail])
    const rest = { parts: [shop.newPart(mail, refs.slice(1), { reason: "spilled" })] }

    const { first, second } = await twice(shop, [shop.settleBatch(worker, part as never, rest)])

    expect([first, second]).toEqual([[{ status: "ok" }], [{ status: "ok" }]])
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openParts: 1 })
  })

  it("answers 0 for a job of a settled batch that has passed on to somebody else", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const batch = shop.newBatch(mail, 1, { worker })
    const { batches, commitId } = await shop.emit({ events: shop.orders(1), batches: [batch] })
    const jobs = [shop.continued(commitId, 0, mail, { state: LEASED, reason: "running", attempt: 0 })]
    const change = shop.settleBatch(worker, batches[0] as never, { jobs })
    await shop.write(change)
    await shop.engine.leases.leave(worker)
    const next = await shop.join()
    await shop.claimOne(next, mail)

    const result = await shop.writeOne(change)

    expect(result).toMatchObject({ status: "ok", jobs: [{ no: 0 }] })
    expect(await shop.job(deliveryId(commitId, 0, mail, 0))).toMatchObject({ state: "leased", worker: next })
  })

  it("settles a job once by each outcome, with one record of the attempt", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const ids = await shop.queue(mail, [{}, {}, {}, {}])
    const { jobs } = await shop.claim(worker, mail)
    const outcomes = [
      { kind: "delivered" },
      shop.retry(2_000),
      { kind: "dead", error: "The shop is gone", reason: "the error is permanent" },
      { kind: "cancelled", reason: "its event is gone" },
    ] as const

    const { second } = await twice(
      shop,
      jobs.map((job, i) => shop.settleJob(worker, job, outcomes[i])),
    )

    expect(second.map((each) => each.status)).toEqual(["ok", "ok", "ok", "ok"])
    const rows = await Promise.all(ids.map((id) => shop.job(id)))
    expect(rows.map((row) => row.state)).toEqual(["delivered", "waiting", "dead", "cancelled"])
    expect(rows.map((row) => row.history.length)).toEqual([1, 1, 1, 1])
    expect(rows.map((row) => row.attempt)).toEqual([1, 1, 1, 1])
  })

  it("fences a settle that comes again when the job has gone on, or belongs to a dead worker", async (shop) => {
    const mail = await shop.subscribe("mail")
    const [slow, quick] = [await shop.join(), await shop.join()]
    await shop.queue(mail, [{}, {}])
    const { jobs } = await shop.claim(slow, mail)
    const [retried, abandoned] = jobs.map((job) => shop.settleJob(slow, job, shop.retry()))
    await shop.write(retried as never)
    await shop.claimOne(quick, mail)
    await shop.engine.leases.leave(slow)

    const results = await shop.write(retried as never, abandoned as never)

    expect(results.map((each) => each.status)).toEqual(["fenced", "fenced"])
  })

  it("marks a job", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])
    const { no, epoch } = await shop.claimOne(worker, mail)

    const { second } = await twice(shop, [{ kind: "mark-job", no, worker, epoch, reason: "stuck" }])

    expect(second).toEqual([{ status: "ok" }])
    expect(await shop.job(id as string)).toMatchObject({ state: "leased", reason: "stuck" })
  })

  it("puts a subscription once, with one version and one replay", async (shop) => {
    const before = await shop.engine.queries.catalog()

    const { first, second } = await twice(shop, [shop.putSubscription("mail", { startAt: 0 })])

    const numberOf = (answers: Answers) => (answers[0]?.status === "ok" ? answers[0].jobs?.[0]?.no : null)
    expect(numberOf(second)).toBe(numberOf(first))
    const { version, subscriptions } = await shop.engine.queries.catalog()
    expect([version, subscriptions.length]).toEqual([before.version + 1, 1])
    expect((await shop.engine.queries.jobs({ kind: "replay", limit: 10 })).items.length).toBe(1)
  })

  it("ends a subscription once, and says again that it has ended", async (shop) => {
    await shop.subscribe("mail")
    const before = await shop.engine.queries.catalog()

    const { second } = await twice(shop, [{ kind: "end-subscription", group: "shop", id: "mail" }])

    expect(second).toEqual([{ status: "ok", count: 0 }])
    expect((await shop.engine.queries.catalog()).version).toBe(before.version + 1)
  })

  it("makes one replay of one token, and another of another", async (shop) => {
    const mail = await shop.subscribe("mail")
    const [one, other] = [replayOf(mail, shop.commitId()), replayOf(mail, shop.commitId())]

    const { first, second } = await twice(shop, [one])
    const third = await shop.writeOne(other)

    expect(second).toEqual(first)
    expect(third.status === "ok" && first[0]?.status === "ok" && third.count !== first[0].count).toBe(true)
    expect((await shop.engine.queries.jobs({ kind: "replay", limit: 10 })).items.length).toBe(2)
  })

  it("makes the parts and jobs of a replay's step once, and of its last step as well", async (shop) => {
    const mail = await shop.subscribe("mail")
    const { commitId } = await shop.emit({ events: shop.orders(4) })
    const worker = await shop.join()
    await shop.write(replayOf(mail, shop.commitId()))
    const { no, epoch, replay, id } = await shop.claimOne(worker, mail, { system: 1 })
    const step = (index: number, rest: { cursor: string; made: number; done: boolean }) => ({
      kind: "advance-replay" as const,
      no,
      worker,
      epoch,
      ...rest,
      parts: [shop.newPart(mail, [{ commitId, index }], { replay })],
      jobs: [shop.continued(commitId, index + 1, mail, { replay })],
      keys: [null],
    })

    const one = await twice(shop, [step(0, { cursor: "B", made: 2, done: false })])
    const two = await twice(shop, [step(2, { cursor: "Z", made: 4, done: true })])

    expect([...one.second, ...two.second]).toEqual([{ status: "ok" }, { status: "ok" }])
    expect(await shop.job(id)).toMatchObject({ state: "delivered" })
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openParts: 2, openJobs: 2 })
  })

  it("ends a replay whose last step stops where the one before it stopped", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    await shop.write(replayOf(mail, shop.commitId()))
    const { no, epoch, id } = await shop.claimOne(worker, mail, { system: 1 })
    const step = { kind: "advance-replay", no, worker, epoch, cursor: "Z", made: 0 } as const
    const empty = { parts: [], jobs: [], keys: [] }

    await shop.write({ ...step, ...empty, done: false }, { ...step, ...empty, done: true })

    expect(await shop.job(id)).toMatchObject({ state: "delivered" })
  })

  it("redrives and cancels once: what has gone on meanwhile is left alone", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [dead, waiting] = await shop.queue(mail, [{}, { dueAt: shop.now() + 60_000 }])
    const job = await shop.claimOne(worker, mail)
    await shop.write(shop.settleJob(worker, job, { kind: "dead", error: "down", reason: "all failed" }))
    const { no } = await shop.job(waiting as string)
    const changes = [
      { kind: "redrive", nos: [job.no] },
      { kind: "cancel", nos: [no], reason: "asked for" },
    ] as const
    await shop.write(...changes)
    await shop.claimOne(worker, mail)

    const second = await shop.write(...changes)

    expect(second.map((each) => each.status)).toEqual(["ok", "ok"])
    expect(await shop.job(dead as string)).toMatchObject({ state: "leased", attempt: 0, worker })
    expect(await shop.job(waiting as string)).toMatchObject({ state: "cancelled", reason: "asked for" })
  })

  it("writes a whole commit once", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    await shop.queue(mail, [{}])
    const job = await shop.claimOne(worker, mail)
    const { batches, commitId } = await shop.emit({
      events: shop.orders(3),
      batches: [shop.newBatch(mail, 3, { worker })],
    })
    const staged = [shop.order("ord_1", { id: "a", hash: "1" })]

    const { first, second } = await twice(shop, [
      shop.settleBatch(worker, batches[0] as never, {
        outcome: { [mail]: [1, 5, 5] },
        jobs: [shop.continued(commitId, 1, mail, { state: DEAD, reason: "the error is permanent" })],
        parts: [shop.newPart(mail, [{ commitId, index: 2 }])],
      }),
      shop.settleJob(worker, job, shop.retry(60_000)),
      { kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout", events: staged },
      replayOf(mail, shop.commitId()),
      await shop.append({ events: shop.orders(2), batches: [shop.newBatch(mail, 2)] }),
    ])

    expect(second.map((each) => each.status)).toEqual(["ok", "ok", "ok", "ok", "ok"])
    expect(second.slice(1)).toEqual(first.slice(1))
    expect(await shop.engine.maintenance.stats()).toMatchObject({
      events: 1 + 3 + 2,
      openBatches: 1,
      openParts: 1,
      openJobs: 1 + 1, // the retry, and the replay
      deadJobs: 1,
      staged: 1,
    })
  })
}

function replayOf(subscription: number, token: string): PutReplay {
  const range = { fromCommit: commitIdFrom(0), toCommit: "Z" }
  const request = { group: "shop", subscription, eventId: null, missingOnly: false, ...range }
  return { kind: "put-replay", token, request }
}
