import { CONTEXT, OrderRuns } from "./order-runs.ts"
import type { Suite } from "./test-engine.ts"

export function testRunEnds({ it, expect }: Suite): void {
  it("writes the end with its last records, and nothing is left to do", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.advance(20)

    const result = await shop.writeOne(runs.end(lease, { records: [runs.step("notify")] }))

    expect(result).toMatchObject({ status: "ok" })
    expect(await runs.row(lease.id)).toMatchObject({
      state: "done",
      result: '{"order":"ord_1001"}',
      error: null,
      endedAt: shop.now(),
      job: null,
    })
    expect(await runs.steps(lease.run)).toEqual(["notify invoke 1: done"])
    expect(await shop.engine.queries.job(lease.id)).toBe(null)
  })

  it("ends a run in the commit that started it", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()

    const results = await shop.write(
      runs.checkpoint(lease, [runs.step("reserve-stock")]),
      runs.checkpoint(lease, [runs.step("charge")]),
      runs.end(lease, { records: [runs.step("notify")] }),
      runs.newStart({ transactionId: lease.id }),
    )

    expect(results.map((each) => each.status)).toEqual(["ok", "ok", "ok", "ok"])
    expect((await runs.steps(lease.run)).length).toBe(3)
    expect(results[3]).toMatchObject({ run: { isNew: true, epoch: 1 } })
  })

  it("says why a run failed", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()

    await shop.writeOne(runs.end(lease, { state: "failed", result: null, error: "The refund was refused" }))

    expect(await runs.row(lease.id)).toMatchObject({
      state: "failed",
      result: null,
      error: "The refund was refused",
    })
  })

  for (const close of [true, false]) {
    it(`writes nothing twice when it is sent twice, ${close ? "closed" : "not yet closed"}`, async (shop) => {
      const runs = await OrderRuns.of(shop)
      const parent = await runs.parked()
      const child = await runs.held({ parent: { run: parent.id, step: "refund" } })
      const change = runs.end(child, { close, records: [runs.step("notify")] })
      await shop.writeOne(change)
      const ended = await runs.row(child.id)
      await shop.advance(50)

      expect(await shop.writeOne(change)).toMatchObject({ status: "ok" })
      expect(await runs.row(child.id)).toEqual(ended)
      expect(await runs.steps(child.run)).toEqual(["notify invoke 1: done"])
      expect((await runs.row(parent.id)).signals).toBe(1)
    })
  }

  it("fences another end than the one that was written", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.end(lease))

    expect(await shop.writeOne(runs.end(lease, { state: "failed" }))).toEqual({ status: "fenced" })
    expect((await runs.row(lease.id)).state).toBe("done")
  })

  it("keeps the job leased until it is closed, however often", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const close = { kind: "close-run", lease: runs.end(lease).lease } as const

    await shop.writeOne(runs.end(lease, { close: false }))

    expect(await runs.row(lease.id)).toMatchObject({
      state: "done",
      job: { state: "leased", worker: runs.worker },
    })
    expect(await shop.writeOne(close)).toMatchObject({ status: "ok" })
    expect((await runs.row(lease.id)).job).toBe(null)
    expect(await shop.writeOne(close)).toMatchObject({ status: "ok" })
  })

  it("keeps the job of a run whose events somebody has staged, and says so each time", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const bare = await runs.held({ context: { ...CONTEXT, eventGroupId: "evg_2" } })
    const lease = await runs.held()
    const events = [{ ...shop.order("ord_1"), id: "ord_1-placed" }]
    await shop.writeOne({ kind: "stage", commitId: shop.commitId(), eventGroupId: "evg_1", events })
    const change = runs.end(lease, { close: "unless-staged" })

    const results = await shop.write(runs.end(bare, { close: "unless-staged" }), change)

    expect(results).toEqual([
      { status: "ok", count: 0 },
      { status: "ok", count: 0, open: true },
    ])
    expect((await runs.row(bare.id)).job).toBe(null)
    expect(await runs.row(lease.id)).toMatchObject({ state: "done", job: { state: "leased" } })
    expect(await shop.writeOne(runs.end(bare, { close: "unless-staged" }))).toMatchObject({ status: "ok" })
    await shop.writeOne({ kind: "clear", eventGroupId: "evg_1", names: null })
    expect(await shop.writeOne(change)).toMatchObject({ status: "ok", open: true })
    await shop.writeOne({ kind: "close-run", lease: change.lease })
    expect((await runs.row(lease.id)).job).toBe(null)
  })

  it("lets somebody else close what a dead worker ended", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.end(lease, { close: false }))
    await shop.engine.leases.leave(runs.worker)
    const other = await shop.join()

    const job = await shop.claimOne(other, runs.subscription)
    const close = {
      kind: "close-run",
      lease: { run: lease.run, job: job.no, worker: other, epoch: job.epoch },
    } as const
    const results = await shop.write({ kind: "close-run", lease: runs.end(lease).lease }, close)

    expect(results.map((each) => each.status)).toEqual(["fenced", "ok"])
    expect((await runs.row(lease.id)).job).toBe(null)
  })

  it("wakes the parent in the same commit", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.parked()
    const child = await runs.held({ parent: { run: parent.id, step: "refund" } })

    await shop.writeOne(runs.end(child))

    expect(await runs.row(parent.id)).toMatchObject({
      signals: 1,
      job: { state: "waiting", reason: "woken", dueAt: shop.now() },
    })
    expect(await runs.claimIds()).toEqual([parent.id])
  })

  it("keeps a parent from parking that has not seen its child's end", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.held()
    const child = await runs.held({ parent: { run: parent.id, step: "refund" } })
    await shop.writeOne(runs.end(child))

    const park = { dueAt: null, reason: "run", signals: 0 }
    expect(await shop.writeOne(runs.checkpoint(parent, [], { park }))).toEqual({
      status: "ok",
      signals: 1,
      parked: false,
    })
  })

  it("undoes a run that was cancelled before it was done, though its worker had not heard of it", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.parked()
    for (const close of [true, false]) {
      const lease = await runs.held({ parent: { run: parent.id, step: "refund" } })
      await shop.writeOne(
        runs.signal(lease.id, { kind: "cancel", reason: "the customer changed their mind" }),
      )

      const result = await shop.writeOne(runs.end(lease, { close, records: [runs.step("notify")] }))

      expect(result).toMatchObject({ status: "ok", parked: true })
      expect(await runs.row(lease.id)).toMatchObject({
        state: "compensating",
        cancelled: "the customer changed their mind",
        endedAt: null,
        job: { state: "waiting", reason: "woken", dueAt: shop.now() },
      })
      expect(await runs.steps(lease.run)).toEqual(["notify invoke 1: done"])
      expect(await runs.claimIds()).toEqual([lease.id])
    }
    expect((await runs.row(parent.id)).signals).toBe(0)
  })

  it("does not close a run that is to be undone since it ended: it waits for who undoes it", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.end(lease, { close: false }))
    await shop.writeOne(runs.signal(lease.id, { kind: "cancel", reason: "the customer changed their mind" }))
    expect((await runs.row(lease.id)).job?.state).toBe("leased")

    expect(await shop.writeOne({ kind: "close-run", lease: runs.end(lease).lease })).toMatchObject({
      status: "ok",
    })

    expect(await runs.row(lease.id)).toMatchObject({
      state: "compensating",
      job: { state: "waiting", reason: "woken" },
    })
    expect(await runs.claimIds()).toEqual([lease.id])
  })
}
