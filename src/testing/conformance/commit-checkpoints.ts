import { PAUSED } from "../../core/run.ts"
import type { Checkpoint, RunLease } from "../../engine/runs.ts"
import { OrderRuns } from "./order-runs.ts"
import { LEASE_MS } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const PARK = { dueAt: null, reason: "event", signals: 0 }

export function testCheckpoints({ it, expect }: Suite): void {
  it("keeps each attempt as it was recorded, in the order of the first writing", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const records = [
      runs.step("reserve-stock", { undo: '{"sku":"tea"}' }),
      runs.step("charge", {
        outcome: "failed",
        output: null,
        error: "The bank is down",
        dueAt: shop.now() + 1_000,
      }),
      runs.waiting("await-parcel", {
        wait: { kind: "event", event: "parcel.sent", filter: { data: { id: ["p_1"] } } },
      }),
      runs.waiting("await-any", {
        wait: { kind: "event", event: "parcel.sent", filter: null },
        dueAt: shop.now() + 5,
      }),
      runs.step("await-harvest", { ms: 90 * 24 * 60 * 60 * 1_000 }),
      runs.waiting("sleep", { wait: { kind: "time" }, dueAt: shop.now() + 60_000 }),
      runs.waiting("refund", { wait: { kind: "run", run: "run_2001" }, phase: "compensate" }),
      runs.waiting("approve"),
    ]

    const first = await shop.writeOne(runs.checkpoint(lease, records.slice(0, 2)))
    const second = await shop.writeOne(runs.checkpoint(lease, records.slice(2), { state: "compensating" }))

    expect([first, second]).toEqual([
      { status: "ok", signals: 0 },
      { status: "ok", signals: 0 },
    ])
    expect(await shop.engine.queries.runSteps(lease.run)).toEqual(records)
    expect((await runs.row(lease.id)).state).toBe("compensating")
  })

  it("replaces an attempt that waits with its end, in its place", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.checkpoint(lease, [runs.waiting("approve"), runs.step("charge")]))

    await shop.writeOne(runs.checkpoint(lease, [runs.step("approve", { output: '"yes"' })]))

    const [first, second] = await shop.engine.queries.runSteps(lease.run)
    expect(first).toMatchObject({ step: "approve", outcome: "done", output: '"yes"', wait: null })
    expect(second?.step).toBe("charge")
  })

  it("keeps attempts beside each other", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()

    await shop.writeOne(runs.checkpoint(lease, [runs.step("charge", { outcome: "failed" })]))
    await shop.writeOne(runs.checkpoint(lease, [runs.step("charge", { attempt: 2 })]))
    await shop.writeOne(runs.checkpoint(lease, [runs.step("charge", { phase: "compensate" })]))

    expect(await runs.steps(lease.run)).toEqual([
      "charge invoke 1: failed",
      "charge invoke 2: done",
      "charge compensate 1: done",
    ])
  })

  it("writes nothing twice when it is sent twice, and answers the same", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const change = runs.checkpoint(lease, [runs.step("reserve-stock"), runs.step("charge")])
    const first = await shop.writeOne(change)

    expect(await shop.writeOne(change)).toEqual(first)
    expect(await shop.engine.queries.runSteps(lease.run)).toEqual(change.records)
  })

  it("does not take back what a signal made of an attempt, when it is sent again", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const change = runs.checkpoint(lease, [
      runs.waiting("approve"),
      runs.waiting("pick"),
      runs.step("charge", { outcome: "failed" }),
    ])
    await shop.writeOne(change)
    await shop.writeOne(runs.stepSignal(lease.id, "approve"))
    await shop.writeOne(runs.stepSignal(lease.id, "pick", { outcome: "failed" }))
    await shop.writeOne(runs.stepSignal(lease.id, "charge", { outcome: "again" }))

    expect(await shop.writeOne(change)).toEqual({ status: "ok", signals: 3 })
    expect(await runs.steps(lease.run)).toEqual([
      "approve invoke 1: done",
      "pick invoke 1: failed",
      "charge invoke 1: again",
    ])
  })

  it("lets whoever ended a waiting step first decide", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.checkpoint(lease, [runs.waiting("approve")]))
    await shop.writeOne(runs.stepSignal(lease.id, "approve"))

    await shop.writeOne(
      runs.checkpoint(lease, [runs.step("approve", { outcome: "permanent", error: "Timed out" })]),
    )

    expect(await runs.steps(lease.run)).toEqual(["approve invoke 1: done"])
  })

  const strangers: Record<string, (lease: RunLease) => Partial<RunLease>> = {
    "another worker": ({ worker }) => ({ worker: worker + 1 }),
    "a later epoch": ({ epoch }) => ({ epoch: epoch + 1 }),
    "another job": ({ job }) => ({ job: job + 1_000 }),
    "another run": ({ run }) => ({ run: run + 1_000 }),
  }
  for (const [who, over] of Object.entries(strangers)) {
    it(`fences ${who}, writes nothing of it, and leaves its neighbours alone`, async (shop) => {
      const runs = await OrderRuns.of(shop)
      const [lease, neighbour] = [await runs.held(), await runs.held()]
      const stranger = { ...lease, ...over(lease) }

      const results = await shop.write(
        runs.checkpoint(neighbour, [runs.step("charge")]),
        runs.checkpoint(stranger, [runs.step("charge")], { state: "compensating", park: PARK }),
        runs.end(stranger),
        { kind: "close-run", lease: stranger },
        runs.checkpoint(neighbour, [runs.step("notify")]),
      )

      expect(results.map((each) => each.status)).toEqual(["ok", "fenced", "fenced", "fenced", "ok"])
      expect(await runs.steps(lease.run)).toEqual([])
      expect(await runs.steps(neighbour.run)).toEqual(["charge invoke 1: done", "notify invoke 1: done"])
      expect(await runs.row(lease.id)).toMatchObject({ state: "invoking", job: { state: "leased" } })
    })
  }

  it("fences one run's lease with the job of another", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [mine, other] = [await runs.held(), await runs.held()]

    expect(await shop.writeOne(runs.checkpoint({ ...mine, run: other.run }, [runs.step("charge")]))).toEqual({
      status: "fenced",
    })
    expect(await runs.steps(other.run)).toEqual([])
  })

  it("fences who was buried, and lets who took over go on from the last record", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.checkpoint(lease, [runs.step("reserve-stock")]))
    await shop.advance(LEASE_MS)
    const other = await shop.join()
    const job = await shop.claimOne(other, runs.subscription)
    const taken = { run: lease.run, job: job.no, worker: other, epoch: job.epoch }

    const results = await shop.write(
      runs.checkpoint(lease, [runs.step("charge", { output: '"by the dead"' })]),
      runs.checkpoint(taken, [runs.step("charge", { output: '"by the living"', worker: other })]),
    )

    expect(results.map((each) => each.status)).toEqual(["fenced", "ok"])
    const steps = await shop.engine.queries.runSteps(lease.run)
    expect(steps.map((each) => each.output)).toEqual(['{"reserved":true}', '"by the living"'])
  })

  it("ends the hold when it parks: the run is claimed when it is due, and not before", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const park = { dueAt: shop.now() + 5_000, reason: "sleeping", signals: 0 }

    const result = await shop.writeOne(runs.checkpoint(lease, [runs.step("charge")], { park }))

    expect(result).toEqual({ status: "ok", signals: 0, parked: true })
    expect((await runs.row(lease.id)).job).toMatchObject({
      state: "waiting",
      reason: "sleeping",
      dueAt: shop.now() + 5_000,
      worker: null,
    })
    const { jobs, nextDueAt } = await shop.claim(runs.worker, runs.subscription)
    expect([jobs, nextDueAt]).toEqual([[], shop.now() + 5_000])
    await shop.advance(5_000)
    expect(await runs.claimIds()).toEqual([lease.id])
  })

  it("parks until it is woken: no time brings it back", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.parked()
    await shop.advance(365 * 24 * 60 * 60 * 1_000)
    const worker = await shop.join()

    const { jobs, nextDueAt } = await shop.claim(worker, runs.subscription)
    expect([jobs, nextDueAt]).toEqual([[], null])

    await shop.writeOne(runs.signal(lease.id, { kind: "wake" }))
    expect(await runs.claimIds({}, worker)).toEqual([lease.id])
  })

  it("brings back at once what waits for a pause to be heard of, when that is over, and nothing else", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [paused, later, sleeping] = [await runs.held(), await runs.held(), await runs.held()]
    const id = "workflow:place-order#h1"
    const pause = (paused: boolean) => shop.putSubscription(id, { definition: { paused }, keepPaused: false })
    await shop.writeOne(pause(true))
    const park = (lease: RunLease, afterMs: number, reason: string): Promise<unknown> =>
      shop.writeOne(runs.checkpoint(lease, [], { park: { dueAt: shop.now() + afterMs, reason, signals: 0 } }))
    await park(paused, PAUSED.forMs, PAUSED.reason)
    await park(later, 60_000, PAUSED.reason)
    await park(sleeping, PAUSED.forMs, "sleep")

    await shop.writeOne(pause(false))

    expect(await runs.claimIds()).toEqual([paused.id])
  })

  it("does not park while there are signals that it has not seen", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(runs.signal(lease.id, { kind: "wake" }))
    const parking = (signals: number): Checkpoint =>
      runs.checkpoint(lease, [runs.step("charge")], { park: { ...PARK, signals } })

    expect(await shop.writeOne(parking(0))).toEqual({ status: "ok", signals: 1, parked: false })
    expect(await runs.steps(lease.run)).toEqual(["charge invoke 1: done"])
    expect((await runs.row(lease.id)).job?.state).toBe("leased")
    expect(await shop.writeOne(parking(1))).toEqual({ status: "ok", signals: 1, parked: true })
  })

  it("takes nothing from who has parked", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.parked()

    expect(await shop.writeOne(runs.checkpoint(lease, [runs.step("charge")]))).toEqual({ status: "fenced" })
    expect(await runs.steps(lease.run)).toEqual([])
  })

  it("keeps what the answers of steps are made of: long, foreign and empty texts", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const texts = ["", '"Grüße, 你好, 🎉\\n"', JSON.stringify("tea ".repeat(50_000)), "a,b{}\"'\\N\t"]
    const records = texts.map((output, i) =>
      runs.step(`step ${i}, "quoted"`, { output, input: output, error: output }),
    )

    await shop.writeOne(runs.checkpoint(lease, records))

    expect(await shop.engine.queries.runSteps(lease.run)).toEqual(records)
  })
}
