import type { RunSignal } from "../../engine/runs.ts"
import { OrderRuns } from "./order-runs.ts"
import type { Suite } from "./test-engine.ts"

const CANCEL: RunSignal = { kind: "cancel", reason: "the customer changed their mind" }

export function testSignals({ it, expect }: Suite): void {
  it("knows nothing of a run that is not there", async (shop) => {
    const runs = await OrderRuns.of(shop)

    for (const signal of [CANCEL, { kind: "wake" } as const, runs.stepSignal("run_404", "approve").signal])
      expect(await shop.writeOne(runs.signal("run_404", signal))).toMatchObject({ status: "conflict" })
  })

  it("ends a step that waits, and wakes its run", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const park = { dueAt: shop.now() + 60_000, reason: "response", signals: 0 }
    await shop.writeOne(runs.checkpoint(lease, [runs.waiting("approve", { dueAt: park.dueAt })], { park }))
    await shop.advance(700)

    const result = await shop.writeOne(
      runs.stepSignal(lease.id, "approve", { output: '"yes"', undo: '"no"' }),
    )

    expect(result).toMatchObject({ status: "ok" })
    expect(await shop.engine.queries.runSteps(lease.run)).toMatchObject([
      {
        step: "approve",
        outcome: "done",
        output: '"yes"',
        undo: '"no"',
        error: null,
        dueAt: null,
        wait: null,
      },
    ])
    expect(await runs.row(lease.id)).toMatchObject({
      signals: 1,
      job: { reason: "woken", dueAt: shop.now() },
    })
    expect(await runs.claimIds()).toEqual([lease.id])
  })

  it("lets a step that was told to have failed wait for its next attempt, beside others and alone", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.checkpoint(lease, [runs.waiting("approve"), runs.waiting("pay")]))
    const over = { outcome: "failed", output: null, error: "No", dueAt: shop.now() + 5_000 } as const

    await shop.writeOne(runs.stepSignal(lease.id, "approve", over))
    await shop.write(runs.stepSignal(lease.id, "pay", over), shop.putSubscription("mail"))

    const failed = { outcome: "failed", error: "No", dueAt: over.dueAt, wait: null }
    expect(await shop.engine.queries.runSteps(lease.run)).toMatchObject([failed, failed])
  })

  it("ends a step only once", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.checkpoint(lease, [runs.waiting("approve")]))
    await shop.writeOne(runs.stepSignal(lease.id, "approve", { outcome: "permanent", error: "No" }))

    expect(await shop.writeOne(runs.stepSignal(lease.id, "approve"))).toMatchObject({ status: "conflict" })
    expect(await shop.engine.queries.runSteps(lease.run)).toMatchObject([
      { outcome: "permanent", error: "No" },
    ])
    expect((await runs.row(lease.id)).signals).toBe(1)
  })

  it("ends no step that has not begun, is over, or waits in the other phase", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(
      runs.checkpoint(lease, [
        runs.step("charge"),
        runs.step("ship", { outcome: "failed" }),
        runs.waiting("refund", { phase: "compensate" }),
      ]),
    )

    for (const step of ["notify", "charge", "ship", "refund"])
      expect(await shop.writeOne(runs.stepSignal(lease.id, step))).toMatchObject({ status: "conflict" })
    expect((await runs.row(lease.id)).signals).toBe(0)
  })

  it("looks at the newest attempt alone", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(
      runs.checkpoint(lease, [
        runs.waiting("charge"),
        runs.step("charge", { attempt: 2, outcome: "failed" }),
      ]),
    )

    expect(await shop.writeOne(runs.stepSignal(lease.id, "charge"))).toMatchObject({ status: "conflict" })
  })

  it("lets a step that failed have one more attempt, and keeps what is known of the last", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const failed = runs.step("charge", { outcome: "failed", output: null, error: "The bank is down" })
    await shop.writeOne(runs.checkpoint(lease, [failed]))

    const again = runs.stepSignal(lease.id, "charge", { outcome: "again", output: null })
    expect(await shop.writeOne(again)).toMatchObject({ status: "ok" })

    const [record] = await shop.engine.queries.runSteps(lease.run)
    expect(record).toEqual({ ...failed, outcome: "again" })
    expect((await runs.row(lease.id)).signals).toBe(1)
  })

  it("lets a run that failed in compensating go on", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const failed = runs.step("charge", {
      phase: "compensate",
      outcome: "permanent",
      error: "The bank is down",
    })
    await shop.writeOne(runs.checkpoint(lease, [failed], { state: "compensating" }))
    await shop.writeOne(runs.end(lease, { state: "failed", result: null, error: "The bank is down" }))

    const again = runs.stepSignal(lease.id, "charge", { phase: "compensate", outcome: "again", output: null })
    expect(await shop.writeOne(again)).toMatchObject({ status: "ok" })

    expect(await runs.row(lease.id)).toMatchObject({
      state: "compensating",
      endedAt: null,
      cancelled: null,
      job: { state: "waiting", dueAt: shop.now() },
    })
    expect(await runs.steps(lease.run)).toEqual(["charge compensate 1: again"])
    expect(await runs.claimIds()).toEqual([lease.id])
  })

  it("does not wake the dead: steps of runs that have ended stay as they are", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (const state of ["done", "reverted", "failed"] as const) {
      const lease = await runs.held()
      await shop.writeOne(runs.end(lease, { state, records: [runs.waiting("approve")] }))

      for (const outcome of ["done", "again"] as const)
        expect(await shop.writeOne(runs.stepSignal(lease.id, "approve", { outcome }))).toMatchObject({
          status: "conflict",
        })
      expect(await runs.steps(lease.run)).toEqual(["approve invoke 1: waiting"])
    }
  })

  it("marks a live run as cancelled and wakes it", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.parked()

    expect(await shop.writeOne(runs.signal(lease.id, CANCEL))).toMatchObject({ status: "ok" })

    expect(await runs.row(lease.id)).toMatchObject({
      state: "invoking",
      cancelled: "the customer changed their mind",
      signals: 1,
      job: { state: "waiting", reason: "woken", dueAt: shop.now() },
    })
  })

  it("keeps the first reason of two", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.signal(lease.id, CANCEL))
    await shop.writeOne(runs.signal(lease.id, { kind: "cancel", reason: "sold out" }))

    expect((await runs.row(lease.id)).cancelled).toBe("the customer changed their mind")
  })

  for (const state of ["done", "failed"] as const) {
    it(`gives a run that is ${state} a job again, to be undone`, async (shop) => {
      const runs = await OrderRuns.of(shop)
      const lease = await runs.held()
      await shop.writeOne(runs.end(lease, { state, keepUntil: shop.now() + 1 }))
      await shop.advance(10)

      expect(await shop.writeOne(runs.signal(lease.id, CANCEL))).toMatchObject({ status: "ok" })

      expect(await runs.row(lease.id)).toMatchObject({
        state: "compensating",
        cancelled: "the customer changed their mind",
        endedAt: null,
        signals: 1,
        job: { state: "waiting", dueAt: shop.now(), crashes: 0 },
      })
      const job = await shop.claimOne(runs.worker, runs.subscription)
      expect([job.kind, job.id]).toEqual(["run", lease.id])
      const next = { run: lease.run, job: job.no, worker: runs.worker, epoch: job.epoch }
      const results = await shop.write(
        runs.end(lease),
        runs.checkpoint(lease, [runs.step("charge")]),
        runs.end(next, { state: "reverted" }),
      )
      expect(results.map((each) => each.status)).toEqual(["fenced", "fenced", "ok"])
    })
  }

  it("refuses to undo what is undone, and changes nothing of what is being undone", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [reverted, compensating] = [await runs.held(), await runs.held()]
    await shop.writeOne(runs.end(reverted, { state: "reverted" }))
    await shop.writeOne(runs.checkpoint(compensating, [], { state: "compensating" }))
    const before = await runs.row(compensating.id)

    const results = await shop.write(runs.signal(reverted.id, CANCEL), runs.signal(compensating.id, CANCEL))

    expect(results.map((each) => each.status)).toEqual(["conflict", "ok"])
    expect((await runs.row(reverted.id)).state).toBe("reverted")
    expect(await runs.row(compensating.id)).toEqual(before)
  })

  it("does not undo an old run while a new one of its transaction is live", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const old = await runs.held({ transactionId: "cart_1" })
    await shop.writeOne(runs.end(old))
    await runs.held({ transactionId: "cart_1" })

    expect(await shop.writeOne(runs.signal(old.id, CANCEL))).toMatchObject({ status: "conflict" })
    expect(await runs.row(old.id)).toMatchObject({ state: "done", cancelled: null, job: null })
  })

  it("counts five signals at once for five steps, and loses none", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const steps = ["a", "b", "c", "d", "e"]
    await shop.writeOne(
      runs.checkpoint(
        lease,
        steps.map((step) => runs.waiting(step)),
        { park: { dueAt: null, reason: "response", signals: 0 } },
      ),
    )

    const results = await Promise.all(steps.map((step) => shop.writeOne(runs.stepSignal(lease.id, step))))

    expect(results.map((each) => each.status)).toEqual(steps.map(() => "ok"))
    expect(await runs.steps(lease.run)).toEqual(steps.map((step) => `${step} invoke 1: done`))
    expect((await runs.row(lease.id)).signals).toBe(5)
  })

  it("loses no signal that comes while the run parks", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (let i = 0; i < 10; i++) {
      const lease = await runs.held()
      const park = { dueAt: null, reason: "response", signals: 0 }
      await shop.writeOne(runs.checkpoint(lease, [runs.waiting("approve")]))

      const [parked] = await Promise.all([
        shop.writeOne(runs.checkpoint(lease, [], { park })),
        shop.writeOne(runs.stepSignal(lease.id, "approve")),
      ])

      const { job } = await runs.row(lease.id)
      const isParked = parked.status === "ok" && parked.parked === true
      expect([job?.state, (job?.dueAt ?? 0) <= shop.now()]).toEqual([isParked ? "waiting" : "leased", true])
    }
  })
}
