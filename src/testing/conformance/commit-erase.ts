import { erasedExtra } from "../../core/erasure.ts"
import { deliveryId, type EventKey } from "../../core/ids.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { Erase, ErasedEvent, ErasedRows } from "../../engine/erasure.ts"
import { OrderRuns } from "./order-runs.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const NONE: ErasedRows = {
  events: 0,
  staged: 0,
  deliveries: 0,
  cancelled: 0,
  runs: 0,
  steps: 0,
  openEvents: [],
  openRuns: [],
}

function erasing(over: Partial<Erase>): Erase {
  return { kind: "erase", events: [], staged: [], runs: [], cancels: false, ...over }
}

function erased(shop: Shop, key: EventKey): ErasedEvent {
  return { ...key, extra: erasedExtra(null, { at: shop.now(), to: [] }), sender: null }
}

function rowsOf(result: ChangeResult): ErasedRows | undefined {
  return result.status === "ok" ? result.erased : undefined
}

export function testErase({ it, expect }: Suite): void {
  const erase = async (shop: Shop, over: Partial<Erase>): Promise<ErasedRows | undefined> =>
    rowsOf(await shop.writeOne(erasing(over)))

  it("takes the content out of an event and of its deliveries, and leaves its neighbours", async (shop) => {
    const subscription = await shop.subscribe("mail@order.placed")
    const worker = await shop.join()
    const { commitId } = await shop.emit({
      events: [shop.order("ord_1001", { key: "cus_1", id: "own" }), shop.order("ord_1002", { key: "cus_2" })],
      jobs: [shop.newJob(subscription, 0, { key: "cus_1" })],
    })
    const job = await shop.claimOne(worker, subscription)
    await shop.writeOne(
      shop.settleJob(
        worker,
        job,
        { kind: "dead", error: "No mailbox cus_1", reason: "permanent" },
        {
          record: {
            attempt: 1,
            at: shop.now(),
            ms: 5,
            outcome: "dead",
            error: "No mailbox cus_1",
            worker,
          },
        },
      ),
    )
    const event = erased(shop, { commitId, index: 0 })

    expect(await erase(shop, { events: [event] })).toEqual({ ...NONE, events: 1, deliveries: 1 })

    const first = await shop.engine.queries.event({ commitId, index: 0 })
    expect(first).toMatchObject({
      name: "order.placed",
      id: "own",
      data: null,
      key: null,
      extra: event.extra,
    })
    const second = await shop.engine.queries.event({ commitId, index: 1 })
    expect(second).toMatchObject({ data: '{"id":"ord_1002"}', key: "cus_2", extra: null })
    expect(await shop.job(job.id)).toMatchObject({
      state: "cancelled",
      reason: "its event was erased",
      error: "erased",
      key: null,
      history: [{ attempt: 1, outcome: "dead", error: "erased" }],
    })
    expect(await shop.writeOne({ kind: "redrive", nos: [job.no] })).toMatchObject({ count: 0 })
  })

  it("changes nothing when it is asked twice", async (shop) => {
    const { commitId } = await shop.emit({ events: shop.orders(1) })
    const event = erased(shop, { commitId, index: 0 })
    await erase(shop, { events: [event] })
    const before = await shop.engine.queries.event(event)

    expect(await erase(shop, { events: [event] })).toEqual(NONE)
    expect(await shop.engine.queries.event(event)).toEqual(before)
  })

  it("keeps the id of an event taken", async (shop) => {
    const order = shop.order("ord_1001", { id: "own", hash: "a1b2" })
    const { commitId } = await shop.emit({ events: [order] })
    await erase(shop, { events: [erased(shop, { commitId, index: 0 })] })

    const again = await shop.emit({ events: [order] })

    expect(again.rejected).toMatchObject([{ emit: 0, code: "conflict" }])
  })

  it("leaves an event whose delivery waits in a job, a part or a batch, unless it is to be cancelled", async (shop) => {
    const subscription = await shop.subscribe("mail@order.placed")
    const inJob = await shop.emit({ events: shop.orders(1), jobs: [shop.newJob(subscription, 0)] })
    const inBatch = await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(subscription, 1)] })
    const partId = shop.commitId()
    const inPart = await shop.emit({
      commitId: partId,
      events: shop.orders(2),
      parts: [shop.newPart(subscription, [{ commitId: partId, index: 0 }])],
    })
    const keys = [inJob, inBatch, inPart].map(({ commitId }) => ({ commitId, index: 0 }))
    const events = keys.map((key) => erased(shop, key))

    expect(await erase(shop, { events })).toEqual({ ...NONE, openEvents: keys })
    expect(await shop.engine.queries.event(keys[0] as EventKey)).toMatchObject({ extra: null })
    // Its neighbour in the commit has no delivery in the part.
    expect(await erase(shop, { events: [erased(shop, { commitId: partId, index: 1 })] })).toEqual({
      ...NONE,
      events: 1,
    })

    expect(await erase(shop, { events, cancels: true })).toEqual({
      ...NONE,
      events: 3,
      deliveries: 1,
      cancelled: 1,
    })
    const job = await shop.job(deliveryId(inJob.commitId, 0, subscription, 0))
    expect(job).toMatchObject({ state: "cancelled", reason: "its event was erased" })
    const taken = await shop.take(await shop.join(), [subscription])
    expect(taken.flatMap((each) => each.events.map(({ data }) => data))).toEqual([null, null])
  })

  it("leaves an event whose delivery runs, whatever is wished", async (shop) => {
    const subscription = await shop.subscribe("mail@order.placed")
    const worker = await shop.join()
    const inJob = await shop.emit({ events: shop.orders(1), jobs: [shop.newJob(subscription, 0)] })
    await shop.claimOne(worker, subscription)
    const inBatch = await shop.emit({
      events: shop.orders(1),
      batches: [shop.newBatch(subscription, 1, { worker })],
    })
    const keys = [inJob, inBatch].map(({ commitId }) => ({ commitId, index: 0 }))

    const rows = await erase(shop, { events: keys.map((key) => erased(shop, key)), cancels: true })

    expect(rows).toEqual({ ...NONE, openEvents: keys })
    expect(await shop.engine.queries.event(keys[0] as EventKey)).toMatchObject({ extra: null })
  })

  it("deletes staged events, and only those", async (shop) => {
    const commitId = shop.commitId()
    const events = shop.orders(2).map((event, i) => ({ ...event, id: `ord_${i}` }))
    await shop.writeOne({ kind: "stage", commitId, eventGroupId: "cart_1", events })

    const rows = await erase(shop, { staged: [{ eventGroupId: "cart_1", commitId, index: 0 }] })

    expect(rows).toEqual({ ...NONE, staged: 1 })
    expect((await shop.engine.queries.staged("cart_1")).map(({ id }) => id)).toEqual(["ord_1"])
  })

  it("takes inputs, outputs and errors out of a run that has ended, for good", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const lease = await runs.held()
    const filter = { data: { cart: ["cart_1"] } }
    const wait = { kind: "event", event: "order.paid", filter } as const
    const records = [
      runs.step("charge", { undo: '"chg_1"' }),
      runs.step("pay", { outcome: "waiting", wait }),
      runs.step("ship", { outcome: "permanent", error: "No address cus_1" }),
    ]
    await shop.writeOne(runs.end(lease, { records, state: "failed", error: "No address cus_1" }))

    expect(await erase(shop, { runs: [lease.run] })).toEqual({ ...NONE, runs: 1, steps: 3 })
    expect(await erase(shop, { runs: [lease.run] })).toEqual(NONE)

    const row = await runs.row(lease.id)
    expect(row).toMatchObject({ state: "failed", input: null, result: null, error: "erased" })
    expect(row.context.erasedAt).toBe(shop.now())
    const steps = await shop.engine.queries.runSteps(lease.run)
    expect(steps.map(({ step, outcome, error }) => [step, outcome, error])).toEqual([
      ["charge", "done", null],
      ["pay", "waiting", null],
      ["ship", "permanent", "erased"],
    ])
    for (const step of steps) expect(step).toMatchObject({ input: null, output: null, undo: null })
    expect(steps[1]?.wait).toMatchObject({ event: "order.paid", filter: null })
    const cancel = runs.signal(lease.id, { kind: "cancel", reason: "sold out" })
    expect(await shop.writeOne(cancel)).toMatchObject({ status: "conflict" })
  })

  it("leaves a run that goes on, waits, or has its events still to release", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const [held, parked, ending] = [await runs.held(), await runs.parked(), await runs.held()]
    await shop.writeOne(runs.end(ending, { close: false }))
    const nos = [held, parked, ending].map(({ run }) => run)

    expect(await erase(shop, { runs: nos, cancels: true })).toEqual({ ...NONE, openRuns: nos })
    expect((await runs.row(held.id)).input).toBe('{"cart":"cart_1"}')
  })
}
