import { CRASHES_BEFORE_DEATH } from "../../core/batch.ts"
import type { Page } from "../../engine/queries.ts"
import type { RunQuery, RunRow, WaitRow } from "../../engine/runs.ts"
import { OrderRuns, subscribe } from "./order-runs.ts"
import { GROUP, LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** Page by page to the end. */
async function all<T>(ask: (cursor?: string) => Promise<Page<T>>): Promise<T[]> {
  const found: T[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < 100; pages++) {
    const page = await ask(cursor)
    found.push(...page.items)
    if (page.cursor === null) return found
    cursor = page.cursor
  }
  throw new Error("Expected the pages to end.")
}

function listedRows(shop: Shop, query: Omit<RunQuery, "limit"> = {}, limit = 2): Promise<RunRow[]> {
  return all<RunRow>((cursor) => shop.engine.queries.runs({ ...query, cursor, limit }))
}

async function listed(shop: Shop, query: Omit<RunQuery, "limit"> = {}, limit = 2): Promise<string[]> {
  return (await listedRows(shop, query, limit)).map((row) => row.id)
}

async function waiting(shop: Shop, event: string, group = GROUP): Promise<WaitRow[]> {
  return await all((cursor) => shop.engine.queries.waits({ group, event, cursor, limit: 2 }))
}

export function testRunQueries({ it, expect }: Suite): void {
  it("finds no run where there is none", async (shop) => {
    const { queries } = shop.engine

    expect(await queries.run("run_404")).toBe(null)
    expect(await queries.runOf(null, "place-order", "cart_1", null)).toBe(null)
    expect(await queries.runSteps(404)).toEqual([])
    expect(await queries.runs({ limit: 10 })).toEqual({ items: [], cursor: null })
  })

  it("finds the newest run of a transaction id, of a group or of any", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const old = await runs.held({ transactionId: "cart_1" })
    await shop.writeOne(runs.end(old))
    const { id } = await runs.held({ transactionId: "cart_1" })
    const other = await runs.held({ transactionId: "cart_1", group: "billing" })
    const { queries } = shop.engine

    expect((await queries.runOf(GROUP, "place-order", "cart_1", null))?.id).toBe(id)
    expect((await queries.runOf(null, "place-order", "cart_1", null))?.id).toBe(other.id)
    expect(await queries.runOf(GROUP, "refund-order", "cart_1", null)).toBe(null)
    expect(await queries.runOf(GROUP, "place-order", "cart_2", null)).toBe(null)
  })

  it("lists runs newest first, page by page, each once", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const ids: string[] = []
    for (let i = 0; i < 5; i++)
      ids.unshift((await runs.start({ workflow: i % 2 ? "refund-order" : "place-order" })).id)

    for (const limit of [1, 2, 5, 6]) expect(await listed(shop, {}, limit)).toEqual(ids)
    expect(await listed(shop, { workflow: "refund-order" }, 1)).toEqual([ids[1], ids[3]])
  })

  it("lists runs by state, transaction id, parent and time", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.held({ transactionId: "cart_1" })
    const ended: Record<string, string> = {}
    for (const state of ["done", "reverted", "failed"] as const) {
      await shop.advance(1_000)
      const child = await runs.held({ parent: { run: parent.id, step: state } })
      await shop.writeOne(runs.end(child, { state }))
      ended[state] = child.id
    }
    await shop.advance(1_000)
    const undone = await runs.held()
    await shop.writeOne(runs.checkpoint(undone, [], { state: "compensating" }))

    for (const [state, id] of Object.entries(ended))
      expect(await listed(shop, { state: state as "done" })).toEqual([id])
    expect(await listed(shop, { state: "invoking" })).toEqual([parent.id])
    expect(await listed(shop, { state: "compensating" })).toEqual([undone.id])
    expect(await listed(shop, { state: "failed", workflow: "refund-order" })).toEqual([])
    expect(await listed(shop, { transactionId: "cart_1" })).toEqual([parent.id])
    expect(await listed(shop, { parent: parent.id })).toEqual([ended.failed, ended.reverted, ended.done])
    const { startedAt } = await runs.row(ended.reverted as string)
    expect(await listed(shop, { from: startedAt })).toEqual([undone.id, ended.failed, ended.reverted])
    expect(await listed(shop, { to: startedAt })).toEqual([ended.done, parent.id])
    expect(await listed(shop, { from: startedAt, to: startedAt + 1 })).toEqual([ended.reverted])
  })

  it("says which step of the parent waits for a run", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const parent = await runs.held()
    const child = await runs.held({ parent: { run: parent.id, step: "refund" } })

    expect((await runs.row(child.id)).parent).toEqual({ run: parent.id, step: "refund" })
  })

  it("finds the steps that wait for an event, a page at a time, with their filters", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const filter = { data: { order: ["ord_1001"] } }
    const on = (step: string, event: string, over: object | null = null) =>
      runs.waiting(step, { wait: { kind: "event", event, filter: over } })
    const [first, second] = [await runs.held(), await runs.held()]
    await shop.writeOne(
      runs.checkpoint(first, [
        on("a", "parcel.sent", filter),
        on("b", "parcel.sent"),
        on("c", "order.paid"),
        on("e", "parcel.sent"),
      ]),
    )
    await shop.advance(10)
    await shop.writeOne(
      runs.checkpoint(second, [on("a", "parcel.sent"), runs.waiting("b"), on("d", "parcel.sent")]),
    )
    const { startedAt } = await runs.row(first.id)

    expect(await waiting(shop, "order.paid")).toEqual([{ run: first.id, step: "c", filter: null, startedAt }])
    const found = await waiting(shop, "parcel.sent")
    expect(found.map(({ run, step }) => `${run} ${step}`)).toEqual([
      `${first.id} a`,
      `${first.id} b`,
      `${first.id} e`,
      `${second.id} a`,
      `${second.id} d`,
    ])
    expect(found[0]?.filter).toEqual(filter)
    expect(await waiting(shop, "parcel.sent", "billing")).toEqual([])
    expect(await waiting(shop, "parcel.lost")).toEqual([])
  })

  it("finds no step that waits no longer, or whose run has ended", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const wait = { kind: "event", event: "parcel.sent", filter: null } as const
    const [signalled, found, ended] = [await runs.held(), await runs.held(), await runs.held()]
    for (const lease of [signalled, found, ended])
      await shop.writeOne(runs.checkpoint(lease, [runs.waiting("a", { wait })]))

    await shop.writeOne(runs.stepSignal(signalled.id, "a"))
    await shop.writeOne(runs.checkpoint(found, [runs.step("a", { wait })]))
    await shop.writeOne(runs.end(ended, { state: "failed" }))

    expect(await waiting(shop, "parcel.sent")).toEqual([])
  })

  it("counts the runs of each workflow that go on, that crashed their workers, and that failed", async (shop) => {
    const runs = await OrderRuns.of(shop)
    const old = await subscribe(shop, "h0")
    expect(await shop.engine.queries.runCounts()).toEqual([])
    const other = await runs.start({ subscription: old, hash: "h0", worker: null })
    for (const state of ["done", "reverted", "failed", "failed"] as const) {
      await shop.advance(1_000)
      await shop.writeOne(runs.end(await runs.held(), { state }))
    }
    const failedAt = (await listedRows(shop, { state: "failed" }))[0]?.endedAt
    await runs.held()
    await runs.parked()
    const waiting = await runs.start({ worker: null })
    const dueAt = async ({ id }: { id: string }) => (await runs.row(id)).job?.dueAt

    const counts = await shop.engine.queries.runCounts()

    expect(counts.toSorted((a, b) => b.running - a.running)).toEqual([
      {
        subscription: runs.subscription,
        running: 1,
        waiting: 2,
        crashed: 0,
        failed: 2,
        failedAt,
        dueAt: await dueAt(waiting),
      },
      {
        subscription: old,
        running: 0,
        waiting: 1,
        crashed: 0,
        failed: 0,
        failedAt: null,
        dueAt: await dueAt(other),
      },
    ])
  })

  it("counts a run that crashed its workers apart from those that wait", async (shop) => {
    const runs = await OrderRuns.of(shop)
    await runs.start({ worker: null })
    for (let i = 0; i < CRASHES_BEFORE_DEATH; i++) {
      await shop.claim(await shop.join(), runs.subscription, 100, { isolated: true })
      await shop.advance(LEASE_MS)
      await shop.join()
      await shop.advance(60_000)
    }

    expect(await shop.engine.queries.runCounts()).toMatchObject([{ running: 0, waiting: 0, crashed: 1 }])
  })

  it("counts no run as a delivery: neither in lag nor in traces nor among what could be pruned", async (shop) => {
    const runs = await OrderRuns.of(shop)
    await runs.held()
    await runs.parked()
    await runs.start({ worker: null })

    expect(await shop.engine.queries.lag()).toEqual([])
    const old = { events: shop.now() + 1_000, dead: shop.now() + 1_000 }
    expect(await shop.engine.queries.countBefore(old)).toEqual({ events: 0, jobs: 0, dead: 0 })
    expect(await shop.engine.queries.jobs({ kind: "delivery", limit: 10 })).toMatchObject({ items: [] })
    expect((await shop.engine.maintenance.inspect()).work.strays).toBe(0)
  })
}
