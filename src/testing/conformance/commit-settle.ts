import { deliveryId } from "../../core/ids.ts"
import { DEAD, HISTORY_LENGTH, LEASED } from "../../core/job.ts"
import type { Suite } from "./test-engine.ts"

export function testSettle({ it, expect }: Suite): void {
  it("closes a batch and makes what goes on, in one write", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const events = shop.orders(4)
    const { batches, commitId } = await shop.emit({ events, batches: [shop.newBatch(mail, 4, { worker })] })
    const jobs = [
      shop.continued(commitId, 1, mail, { dueAt: shop.now() + 1_000 }),
      shop.continued(commitId, 2, mail, { state: LEASED, reason: "running", attempt: 0, error: null }),
      shop.continued(commitId, 3, mail, { state: DEAD, reason: "the error is permanent" }),
    ]
    const parts = [shop.newPart(mail, [{ commitId, index: 0 }], { reason: "spilled" })]

    const result = await shop.writeOne(
      shop.settleBatch(worker, batches[0] as never, { outcome: { [mail]: [1, 5, 5] }, jobs, parts }),
    )

    if (result.status !== "ok") throw new Error(result.status)
    expect(result.jobs?.map((row) => row.epoch)).toEqual([0, 1, 0])
    const trace = await shop.engine.queries.traceOf({ commitId, index: 0 })
    expect(trace.batches).toMatchObject([{ state: "closed", outcome: { [mail]: [1, 5, 5] } }])
    expect(trace.parts).toMatchObject([{ state: "open", reason: "spilled" }])
    const states = await Promise.all([1, 2, 3].map((i) => shop.job(deliveryId(commitId, i, mail, 0))))
    expect(states.map(({ state, worker }) => [state, worker])).toEqual([
      ["waiting", null],
      ["leased", worker],
      ["dead", null],
    ])
  })

  it("writes nothing of a settle whose worker or epoch is not the lease's", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const batch = shop.newBatch(mail, 1, { worker })
    const { batches, commitId } = await shop.emit({ events: shop.orders(1), batches: [batch] })
    const { no, epoch } = batches[0] as { no: number; epoch: number }
    const rest = {
      jobs: [shop.continued(commitId, 0, mail)],
      parts: [shop.newPart(mail, [{ commitId, index: 0 }])],
    }

    const results = await shop.write(
      shop.settleBatch(worker + 1, { no, epoch }, rest),
      shop.settleBatch(worker, { no, epoch: epoch + 1 }, rest),
      shop.settleBatch(worker, { no: no + 1, epoch }, rest),
      shop.settleBatch(worker, { no, epoch }),
      shop.settleBatch(worker, { no, epoch }, rest),
    )

    expect(results.map((each) => each.status)).toEqual(["fenced", "fenced", "fenced", "ok", "fenced"])
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openBatches: 0, openParts: 0, openJobs: 0 })
  })

  it("leaves a job that is there already as it is, and says so by the number 0", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { batches, commitId } = await shop.emit({
      events: shop.orders(1),
      jobs: [shop.newJob(mail, 0, { reason: "queued" })],
      batches: [shop.newBatch(mail, 1, { worker })],
    })

    const result = await shop.writeOne(
      shop.settleBatch(worker, batches[0] as never, { jobs: [shop.continued(commitId, 0, mail)] }),
    )

    expect(result).toMatchObject({ status: "ok", jobs: [{ no: 0 }] })
    expect(await shop.job(deliveryId(commitId, 0, mail, 0))).toMatchObject({ reason: "queued", attempt: 0 })
  })

  it("settles a job by each outcome, and keeps every attempt", async (shop) => {
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

    const results = await shop.write(...jobs.map((job, i) => shop.settleJob(worker, job, outcomes[i])))

    expect(results.map((each) => each.status)).toEqual(["ok", "ok", "ok", "ok"])
    const rows = await Promise.all(ids.map((id) => shop.job(id)))
    expect(rows.map(({ state, reason, attempt, error }) => [state, reason, attempt, error])).toEqual([
      ["delivered", "delivered", 1, null],
      ["waiting", "retry", 1, "The CMS is down"],
      ["dead", "the error is permanent", 1, "The shop is gone"],
      ["cancelled", "its event is gone", 1, null],
    ])
    expect(rows.map((row) => row.worker)).toEqual([null, null, null, null])
    expect(rows[1]?.dueAt).toBe(shop.now() + 2_000)
    expect(rows[1]?.history).toMatchObject([{ attempt: 1, ms: 5, outcome: "retry", worker }])
  })

  it("settles a job once: the second time, and by an old epoch, it is fenced", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])
    const job = await shop.claimOne(worker, mail)
    await shop.write(shop.settleJob(worker, job, shop.retry()))
    const again = await shop.claimOne(worker, mail)

    const results = await shop.write(
      shop.settleJob(worker, job),
      { kind: "mark-job", no: job.no, worker, epoch: job.epoch, reason: "stuck" },
      shop.settleJob(worker + 1, again),
      shop.settleJob(worker, again),
      shop.settleJob(worker, again, { kind: "dead", error: "late", reason: "late" }),
    )

    expect(results.map((each) => each.status)).toEqual(["fenced", "fenced", "fenced", "ok", "fenced"])
    expect(await shop.job(id as string)).toMatchObject({ state: "delivered", attempt: 2 })
    expect((await shop.job(id as string)).history.map((each) => each.attempt)).toEqual([1, 2])
  })

  it("counts no attempt for a job that goes back as it came", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])
    const job = await shop.claimOne(worker, mail)

    await shop.write(shop.settleJob(worker, job, shop.retry(), { record: null }))

    expect(await shop.job(id as string)).toMatchObject({
      state: "waiting",
      attempt: 0,
      crashes: 0,
      history: [],
    })
  })

  it("keeps the newest attempts of a long history", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])

    for (let i = 0; i < HISTORY_LENGTH + 5; i++) {
      await shop.write(shop.settleJob(worker, await shop.claimOne(worker, mail), shop.retry()))
    }

    const { history, attempt } = await shop.job(id as string)
    expect([attempt, history.length, history[0]?.attempt]).toEqual([HISTORY_LENGTH + 5, HISTORY_LENGTH, 6])
  })

  it("says why a running job is as it is", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])
    const { no, epoch } = await shop.claimOne(worker, mail)

    await shop.write({ kind: "mark-job", no, worker, epoch, reason: "stuck" })

    expect(await shop.job(id as string)).toMatchObject({ state: "leased", reason: "stuck", worker })
  })

  it("redrives dead letters under their ids, with all attempts before them and their history", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}, { dueAt: shop.now() + 5_000 }])
    const job = await shop.claimOne(worker, mail)
    await shop.write(shop.settleJob(worker, job, { kind: "dead", error: "down", reason: "all failed" }))

    const result = await shop.writeOne({ kind: "redrive", nos: [job.no, job.no + 1, 4711] })

    expect(result).toEqual({ status: "ok", count: 1 })
    const again = await shop.claimOne(worker, mail)
    expect(again).toMatchObject({ id, attempt: 0, crashes: 0 })
    expect(again.history.map((each) => each.outcome)).toEqual(["dead"])
  })

  it("has what failed and waits tried at once where that is asked for, and counts its attempts on", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    await shop.queue(mail, [{}, { dueAt: shop.now() + 60_000 }])
    const job = await shop.claimOne(worker, mail)
    await shop.write(shop.settleJob(worker, job, shop.retry(3_600_000)))
    const nos = [job.no, job.no + 1]
    expect(await shop.writeOne({ kind: "redrive", nos })).toEqual({ status: "ok", count: 0 })

    const result = await shop.writeOne({ kind: "redrive", nos, retrying: true })

    expect(result).toEqual({ status: "ok", count: 1 })
    const again = await shop.claimOne(worker, mail)
    expect(again).toMatchObject({ no: job.no, attempt: 1 })
    expect(again.history.map((each) => each.outcome)).toEqual(["retry"])
    expect(await shop.writeOne({ kind: "redrive", nos, retrying: true })).toEqual({ status: "ok", count: 0 })
  })

  it("cancels what waits and what is dead, never what runs or has ended", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const ids = await shop.queue(mail, [{}, {}, {}, {}])
    const { jobs } = await shop.claim(worker, mail, 3)
    await shop.write(
      shop.settleJob(worker, jobs[0] as never, { kind: "dead", error: "down", reason: "all failed" }),
      shop.settleJob(worker, jobs[1] as never),
    )
    const rows = await Promise.all(ids.map((id) => shop.job(id)))

    const nos = rows.map((row) => row.no)
    expect(await shop.writeOne({ kind: "cancel", nos, reason: "asked for" })).toEqual({
      status: "ok",
      count: 2,
    })

    const states = await Promise.all(ids.map((id) => shop.job(id)))
    expect(states.map((row) => row.state)).toEqual(["cancelled", "delivered", "leased", "cancelled"])
  })
}
