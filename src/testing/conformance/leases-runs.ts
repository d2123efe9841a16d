import { CRASHES_BEFORE_DEATH, CRASHES_BEFORE_ISOLATION } from "../../core/batch.ts"
import { OrderRuns, subscribe } from "./order-runs.ts"
import { LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** A new worker claims, dies, and is found out. */
async function crash(shop: Shop, subscription: number): Promise<readonly string[]> {
  const worker = await shop.join()
  const { jobs } = await shop.claim(worker, subscription, 100, { isolated: true })
  await shop.advance(LEASE_MS)
  await shop.join()
  return jobs.map((job) => job.id)
}

export function testLeasedRuns({ it, expect }: Suite): void {
  it("hands a run out to who announces its workflow, and to nobody else", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const other = await subscribe(shop, "h2")
    const { id, job } = await runs.start({ worker: null })

    expect((await shop.claim(runs.worker, other, 100, { system: 10 })).jobs).toEqual([])
    expect(await shop.claimOne(runs.worker, runs.subscription)).toMatchObject({
      no: job,
      epoch: 1,
      kind: "run",
      id,
      subscription: runs.subscription,
      attempt: 0,
      crashes: 0,
      isolated: false,
      event: null,
    })
  })

  it("hands out no more runs than there are slots", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (let i = 0; i < 3; i++) await runs.start({ worker: null })

    const claimed = [2, 2].map(
      async (free) => (await shop.claim(runs.worker, runs.subscription, free)).jobs.length,
    )

    expect((await Promise.all(claimed)).toSorted()).toEqual([1, 2])
  })

  it("counts runs that were born leased towards the limit over all workers", async (shop) => {
    const runs = await OrderRuns.of(shop)
    await runs.held()
    for (let i = 0; i < 3; i++) await runs.start({ worker: null })
    const limits = { [runs.subscription]: { rate: null, concurrency: 2, keyConcurrency: null } }

    expect((await runs.claimIds({ limits })).length).toBe(1)
  })

  it("takes the one of higher priority first", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (const priority of [2, 0, 1]) await runs.start({ worker: null, priority, id: `run_${priority}` })

    const { jobs } = await shop.claim(runs.worker, runs.subscription, 2)

    expect(jobs.map((job) => job.id)).toEqual(["run_0", "run_1"])
  })

  it("brings a dead worker's runs to the next, with a mark", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id } = await runs.held()
    await shop.advance(LEASE_MS)
    const other = await shop.join()

    expect((await runs.row(id)).job).toMatchObject({
      state: "waiting",
      reason: "retry",
      worker: null,
      crashes: 1,
    })
    expect(await shop.claimOne(other, runs.subscription)).toMatchObject({ id, epoch: 2, crashes: 1 })
  })

  it("leaves no mark on runs that a clean stop hands back", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id } = await runs.held()

    await shop.engine.leases.leave(runs.worker)

    expect((await runs.row(id)).job).toMatchObject({ state: "waiting", crashes: 0, worker: null })
  })

  it("hands back a run whose lease its worker never heard of", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [known, unknown] = [await runs.held(), await runs.held()]
    await shop.advance(10)
    const request = { worker: runs.worker, olderThanMs: 5, batches: [], parts: [], jobs: [known.job] }

    expect(await shop.engine.leases.handBack(request)).toBe(1)
    expect((await runs.row(unknown.id)).job?.state).toBe("waiting")
    expect((await runs.row(known.id)).job?.state).toBe("leased")
  })

  it("goes back as it came when its worker settles it untried", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const change = shop.settleJob(runs.worker, { no: lease.job, epoch: lease.epoch }, shop.retry(), {
      record: null,
    })

    expect(await shop.writeOne(change)).toMatchObject({ status: "ok" })
    expect((await runs.row(lease.id)).job).toMatchObject({ state: "waiting", crashes: 0 })
    expect(await runs.claimIds()).toEqual([lease.id])
  })

  it("isolates a run that kills its workers, and frees it of the suspicion when it parks", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id, run } = await runs.held()
    await shop.advance(LEASE_MS)
    await shop.join()
    for (let i = 1; i < CRASHES_BEFORE_ISOLATION; i++) await crash(shop, runs.subscription)
    const worker = await shop.join()

    expect((await shop.claim(worker, runs.subscription)).jobs).toEqual([])
    const job = await shop.claimOne(worker, runs.subscription, { isolated: true })
    expect([job.id, job.isolated]).toEqual([id, true])
    const lease = { run, job: job.no, worker, epoch: job.epoch }
    await shop.writeOne(
      runs.checkpoint(lease, [], { park: { dueAt: shop.now(), reason: "retry", signals: 0 } }),
    )

    expect(await shop.claimOne(worker, runs.subscription)).toMatchObject({ id, isolated: false, crashes: 0 })
  })

  it("tells who claims a run whether the lease before ended by itself", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    await shop.writeOne(
      runs.checkpoint(lease, [], { park: { dueAt: shop.now(), reason: "retry", signals: 0 } }),
    )
    const worker = await shop.join()

    const parked = await shop.claimOne(worker, runs.subscription)
    await shop.advance(LEASE_MS)
    const buried = await shop.claimOne(await shop.join(), runs.subscription)

    expect(parked.attempt).toBe(parked.epoch - 1)
    expect(buried.attempt).toBe(parked.attempt)
    expect(buried.epoch).toBe(parked.epoch + 1)
  })

  it("leaves a run that killed too many workers live and dead, until it is redriven", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id, job } = await runs.start({ worker: null })
    for (let i = 0; i < CRASHES_BEFORE_DEATH; i++) {
      expect(await crash(shop, runs.subscription)).toEqual([id])
      await shop.advance(60_000)
    }

    expect(await crash(shop, runs.subscription)).toEqual([])
    expect(await runs.row(id)).toMatchObject({
      state: "invoking",
      endedAt: null,
      job: { no: job, state: "dead", reason: "crashed worker", crashes: CRASHES_BEFORE_DEATH },
    })
    await shop.write({ kind: "redrive", nos: [job] })
    expect(await crash(shop, runs.subscription)).toEqual([id])
  })

  it("keeps a signal for a run that is dead until it is redriven", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id, job } = await runs.start({ worker: null })
    for (let i = 0; i < CRASHES_BEFORE_DEATH; i++) {
      await crash(shop, runs.subscription)
      await shop.advance(60_000)
    }

    await shop.writeOne(runs.signal(id, { kind: "cancel", reason: "the customer changed their mind" }))

    expect(await runs.row(id)).toMatchObject({ signals: 1, job: { state: "dead" } })
    await shop.write({ kind: "redrive", nos: [job] })
    const worker = await shop.join()
    expect(await runs.claimIds({}, worker)).toEqual([id])
  })

  it("does not cancel runs with the removal of their workflow, nor as if they were deliveries", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const { id, job } = await runs.start({ worker: null })

    const results = await shop.write(
      { kind: "cancel", nos: [job], reason: "unwanted" },
      { kind: "end-subscription", group: "shop", id: "workflow:place-order#h1" },
    )
    await shop.beat(runs.worker)

    expect(results).toMatchObject([{ count: 0 }, { count: 0 }])
    expect((await runs.row(id)).job?.state).toBe("waiting")
  })
}
