import type { StartRun } from "../../engine/runs.ts"
import { CONTEXT, OrderRuns, runOf, WORKFLOW } from "./order-runs.ts"
import { GROUP, LEASE_MS } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

export function testRunStarts({ it, expect }: Suite): void {
  it("writes a run with a job that its starter holds", async (shop) => {
    const runs = await OrderRuns.of(shop)

    const started = await runs.start({ parent: null })

    expect(started).toMatchObject({ id: "run_1001", epoch: 1, state: "invoking", isNew: true })
    expect(await runs.row("run_1001")).toEqual({
      no: started.no,
      id: "run_1001",
      group: GROUP,
      subscription: runs.subscription,
      workflow: WORKFLOW,
      hash: "h1",
      scope: "",
      transactionId: "run_1001",
      parent: null,
      state: "invoking",
      input: '{"cart":"cart_1"}',
      context: CONTEXT,
      result: null,
      error: null,
      cancelled: null,
      signals: 0,
      startedAt: shop.now(),
      endedAt: null,
      job: {
        no: started.job,
        state: "leased",
        reason: "running",
        dueAt: shop.now(),
        worker: runs.worker,
        crashes: 0,
      },
    })
    expect(await shop.job("run_1001")).toMatchObject({ kind: "run", subscription: runs.subscription })
  })

  it("lets a run wait that nobody was to hold, until it is due", async (shop) => {
    const runs = await OrderRuns.of(shop)

    const started = await runs.start({ worker: null, dueAt: shop.now() + 1_000 })

    expect(started).toMatchObject({ epoch: 0, isNew: true })
    expect((await shop.claim(runs.worker, runs.subscription)).nextDueAt).toBe(shop.now() + 1_000)
    await shop.advance(1_000)
    expect(await runs.claimIds()).toEqual([started.id])
  })

  it("lets a run wait whose starter was buried meanwhile", async (shop) => {
    const runs = await OrderRuns.of(shop)
    await shop.advance(LEASE_MS)
    const other = await shop.join()

    const started = await runs.start()

    expect(started.epoch).toBe(0)
    expect(await runs.claimIds({}, other)).toEqual([started.id])
  })

  it("answers the same start as the first time, with its lease as long as it is held", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const change = runs.newStart()
    const first = runOf(await shop.writeOne(change))

    expect(runOf(await shop.writeOne(change))).toEqual(first)
    await shop.engine.leases.leave(runs.worker)

    expect(runOf(await shop.writeOne(change))).toEqual({ ...first, epoch: 0 })
  })

  it("gives the lease of a start to nobody else who sends it", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const change = runs.newStart()
    const first = runOf(await shop.writeOne(change))

    const other = runOf(await shop.writeOne({ ...change, worker: await shop.join() }))

    expect(other).toEqual({ ...first, epoch: 0 })
  })

  it("does not start a run again that has ended", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const change = runs.newStart()
    const started = runOf(await shop.writeOne(change))
    await shop.writeOne(runs.end(runs.leaseOf(started)))

    expect(runOf(await shop.writeOne(change))).toMatchObject({
      no: started.no,
      job: 0,
      epoch: 0,
      state: "done",
    })
  })

  it("joins the live run of a transaction id, whose lease stays with its holder", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const first = await runs.start({ transactionId: "cart_1" })

    for (const join of ["live", "done", "any"] as const)
      expect(await runs.start({ transactionId: "cart_1", join })).toEqual({
        ...first,
        epoch: 0,
        isNew: false,
      })
  })

  it("starts runs of one transaction id side by side in other groups and workflows", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const wishes: Partial<StartRun["run"]>[] = [{}, { group: "billing" }, { workflow: "refund-order" }]

    for (const wish of wishes)
      expect(await runs.start({ transactionId: "cart_1", ...wish })).toMatchObject({ isNew: true })
  })

  for (const [state, joined] of [
    ["done", ["done", "any"]],
    ["reverted", ["any"]],
    ["failed", ["any"]],
  ] as const) {
    it(`joins a run that is ${state} only where that is asked for`, async (shop) => {
      const runs = await OrderRuns.of(shop)
      const first = await runs.start({ transactionId: "cart_1" })
      await shop.writeOne(runs.end(runs.leaseOf(first), { state }))

      for (const join of joined)
        expect(await runs.start({ transactionId: "cart_1", join })).toEqual({
          ...first,
          job: 0,
          epoch: 0,
          state,
          isNew: false,
        })
      const second = await runs.start({
        transactionId: "cart_1",
        join: joined.length === 2 ? "live" : "done",
      })
      expect([second.isNew, second.epoch]).toEqual([true, 1])
    })
  }

  it("joins the newest: one that was done counts no longer when a later one was reverted", async (shop) => {
    const runs = await OrderRuns.of(shop)
    for (const state of ["done", "reverted"] as const) {
      const run = await runs.start({ transactionId: "cart_1" })
      await shop.writeOne(runs.end(runs.leaseOf(run), { state }))
    }

    expect(await runs.start({ transactionId: "cart_1", join: "done" })).toMatchObject({ isNew: true })
  })

  it("joins a live run though a newer one has ended", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const first = await runs.held({ transactionId: "cart_1" })
    await shop.writeOne(runs.end(first))
    const second = await runs.held({ transactionId: "cart_1" })
    await shop.writeOne(runs.end(second, { state: "reverted" }))
    await shop.writeOne(runs.signal(first.id, { kind: "cancel", reason: "the customer changed their mind" }))

    const third = await runs.start({ transactionId: "cart_1" })

    expect(third).toMatchObject({ id: first.id, state: "compensating", isNew: false })
  })

  it("makes one live run of many starts at once", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const wishes = Array.from({ length: 8 }, () => runs.newStart({ transactionId: "cart_1" }))

    const results = await Promise.all([
      ...wishes.slice(0, 4).map((wish) => shop.writeOne(wish)),
      shop.write(...wishes.slice(4)),
    ])

    const started = results.flat().map(runOf)
    expect(started.filter((run) => run.isNew).length).toBe(1)
    expect(new Set(started.map((run) => run.id)).size).toBe(1)
  })

  it(
    "makes one live run of starts in two processes at once",
    async (shop) => {
      const runs = await OrderRuns.of(shop)
      const other = await shop.store.open?.()

      for (let i = 0; i < 10; i++) {
        const [here, there] = [0, 1].map(() => runs.newStart({ transactionId: `cart_${i}` })) as [
          StartRun,
          StartRun,
        ]
        const answers = await Promise.all([shop.engine.commit([here]), other?.commit([there])])
        const started = answers.flatMap((each) => each ?? []).map(runOf)
        expect(started.map((run) => run.isNew).toSorted()).toEqual([false, true])
        expect(started[0]?.id).toBe(started[1]?.id)
      }
      await other?.close()
    },
    "several processes",
  )

  it("never gives a job's number twice, so that no lease of old is one of another run", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const numbers = new Set<number>()
    for (let i = 0; i < 3; i++) {
      const alone = await runs.held()
      await shop.write(runs.end(alone))
      numbers.add(alone.job)
      const [lease, beside] = [await runs.held(), await runs.held()]
      await shop.write(runs.end(beside), runs.end(lease))
      const [id] = await shop.queue(runs.subscription, [{}])
      for (const no of [lease.job, beside.job, (await shop.job(id as string)).no]) numbers.add(no)
    }

    expect(numbers.size).toBe(12)
  })
}
