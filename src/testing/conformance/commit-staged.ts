import type { StoredEvent } from "../../core/event.ts"
import { deliveryId, eventId } from "../../core/ids.ts"
import type { AppendEvents, ChangeResult, StageEvents } from "../../engine/commit.ts"
import { OUTBOX } from "../../engine/transactions.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const CHECKOUT = "checkout_1"

async function stage(shop: Shop, events: readonly StoredEvent[], group = CHECKOUT): Promise<StageEvents> {
  const commitId = shop.commitId()
  const named = events.map((event, i) => ({ ...event, id: event.id ?? eventId(commitId, i) }))
  const change = { kind: "stage", commitId, eventGroupId: group, events: named } as const
  const result = await shop.writeOne(change)
  if (result.status !== "ok") throw new Error(`The store did not stage: ${JSON.stringify(result)}`)
  return change
}

/** A release of what is staged now. */
async function release(shop: Shop, subscription?: number, group = CHECKOUT): Promise<AppendEvents> {
  const rows = await shop.engine.queries.staged(group)
  const keys = rows.map(({ commitId, index }) => ({ commitId, index }))
  return shop.append({
    events: rows,
    emits: rows.map(() => 0),
    release: { eventGroupId: group, keys },
    jobs: subscription === undefined ? [] : rows.map((_, i) => shop.newJob(subscription, i)),
  })
}

function missingOf(result: ChangeResult | undefined): readonly number[] | undefined {
  return result?.status === "ok" ? result.append?.missing : undefined
}

export function testStaged({ it, expect }: Suite): void {
  it("holds events back until they are released, in their order and under their ids", async (shop) => {
    const { events } = await stage(shop, [shop.order("ord_1"), shop.order("ord_2", { sender: "checkout" })])
    await stage(shop, [shop.order("ord_3")])
    expect(await shop.eventsOf()).toBe(0)
    expect(await shop.engine.queries.stagedGroups()).toMatchObject([{ eventGroupId: CHECKOUT, events: 3 }])

    const change = await release(shop)
    await shop.write(change)

    expect(change.events.map((event) => event.data)).toEqual([
      '{"id":"ord_1"}',
      '{"id":"ord_2"}',
      '{"id":"ord_3"}',
    ])
    const key = await shop.engine.queries.findEvent(events[1]?.id as string)
    expect(key).toEqual({ commitId: change.commitId, index: 1 })
    expect(await shop.engine.queries.event(key as never)).toMatchObject({ sender: "checkout" })
    expect(await shop.engine.queries.staged(CHECKOUT)).toEqual([])
  })

  it("counts what is staged in the size of the store", async (shop) => {
    await stage(shop, shop.orders(2))
    await shop.store.flush()

    const { bytes, staged } = await shop.engine.maintenance.size()

    expect([staged, bytes]).toEqual([2, (await shop.engine.maintenance.stats()).bytes])
    expect(bytes > 0).toBe(true)
  })

  it("releases each event once when two release at the same time", async (shop) => {
    const mail = await shop.subscribe("mail")
    await stage(shop, shop.orders(50))
    const rivals = [await release(shop, mail), await release(shop, mail)]

    const results = await Promise.all(rivals.map((change) => shop.engine.commit([change])))

    await shop.store.flush()
    expect(results.map(([result]) => missingOf(result)?.length).sort()).toEqual([0, 50])
    expect(await shop.eventsOf()).toBe(50)
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openJobs: 50, staged: 0 })
  })

  it("leaves out of a release what was cleared meanwhile, and its jobs", async (shop) => {
    const mail = await shop.subscribe("mail")
    await stage(shop, [shop.order("ord_1"), shop.order("ord_2", { name: "order.paid" })])
    const change = await release(shop, mail)
    await shop.write({ kind: "clear", eventGroupId: CHECKOUT, names: ["order.paid"] })

    const result = await shop.writeOne(change)

    expect(missingOf(result)).toEqual([1])
    expect(await shop.engine.queries.job(deliveryId(change.commitId, 1, mail, 0))).toEqual(null)
    expect(await shop.job(deliveryId(change.commitId, 0, mail, 0))).toMatchObject({ state: "waiting" })
  })

  it("writes nothing when nothing of a release is staged any more", async (shop) => {
    const mail = await shop.subscribe("mail")
    await stage(shop, shop.orders(2))
    const change = { ...(await release(shop, mail)), batches: [shop.newBatch(mail, 2)] }
    await shop.write({ kind: "clear", eventGroupId: CHECKOUT, names: null })

    expect(await shop.writeOne(change)).toMatchObject({
      status: "ok",
      append: { batches: [], missing: [0, 1] },
    })

    expect(await shop.engine.maintenance.stats()).toMatchObject({ events: 0, openBatches: 0, openJobs: 0 })
  })

  it("neither loses nor doubles a release that is tried again", async (shop) => {
    const mail = await shop.subscribe("mail")
    await stage(shop, shop.orders(3))
    const change = await release(shop, mail)
    await shop.write(change)

    const result = await shop.writeOne({ ...change, again: true })

    expect(missingOf(result)).toEqual([])
    expect(await shop.eventsOf()).toBe(3)
    expect(await shop.engine.maintenance.stats()).toMatchObject({ openJobs: 3 })
  })

  it("leaves a release alone that was routed by an older catalog: its events stay staged", async (shop) => {
    await stage(shop, shop.orders(2))
    const change = await release(shop)
    await shop.subscribe("mail")

    expect(await shop.writeOne(change)).toEqual({ status: "stale" })

    expect((await shop.engine.queries.staged(CHECKOUT)).length).toBe(2)
  })

  it("clears all of a group, or only some names, and says how many", async (shop) => {
    await stage(shop, [...shop.orders(2), shop.order("ord_3", { name: "order.paid" })])
    await stage(shop, shop.orders(1), "checkout_2")

    const clear = { kind: "clear", eventGroupId: CHECKOUT } as const
    expect(await shop.writeOne({ ...clear, names: ["order.paid", "order.gone"] })).toEqual({
      status: "ok",
      count: 1,
    })
    expect(await shop.writeOne({ ...clear, names: null })).toEqual({ status: "ok", count: 2 })
    expect(await shop.writeOne({ ...clear, names: null })).toEqual({ status: "ok", count: 0 })

    expect(await shop.engine.queries.stagedGroups()).toMatchObject([{ eventGroupId: "checkout_2" }])
  })

  it("finds a staged event by its id, in the scopes that are named, and none of the outbox", async (shop) => {
    const { findStaged } = shop.engine.queries
    await stage(shop, [
      shop.order("ord_1", { id: "ord_1" }),
      shop.order("ord_2", { id: "ord_1", scope: "acme/dev" }),
    ])
    await stage(shop, [shop.order("ord_3", { id: "ord_3" })], OUTBOX)

    expect(await findStaged("ord_1", ["acme/dev"])).toMatchObject({
      data: '{"id":"ord_2"}',
      scope: "acme/dev",
      eventGroupId: CHECKOUT,
    })
    expect(await findStaged("ord_1", [""])).toMatchObject({ data: '{"id":"ord_1"}' })
    expect((await findStaged("ord_1")) !== null).toBe(true)
    expect(await findStaged("ord_1", ["acme/qa"])).toBe(null)
    expect(await findStaged("ord_1", [])).toBe(null)
    expect(await findStaged("ord_3")).toBe(null)
  })

  it("clears what was staged in some scopes, and leaves what others staged under the same group", async (shop) => {
    await stage(shop, [shop.order("ord_1"), shop.order("ord_2", { scope: "acme/dev" })])
    const clear = { kind: "clear", eventGroupId: CHECKOUT, names: null } as const

    const none = await shop.writeOne({ ...clear, scopes: [] })
    const own = await shop.writeOne({ ...clear, scopes: ["acme/dev", "acme/qa"] })

    expect([none, own]).toEqual([
      { status: "ok", count: 0 },
      { status: "ok", count: 1 },
    ])
    expect((await shop.engine.queries.staged(CHECKOUT)).map((row) => row.scope)).toEqual([""])
  })

  it("stages once what is tried again", async (shop) => {
    const change = await stage(shop, shop.orders(2))

    expect(await shop.writeOne(change)).toMatchObject({ status: "ok" })

    expect((await shop.engine.queries.staged(CHECKOUT)).length).toBe(2)
  })

  it("refuses to stage other content under an id that is emitted or staged", async (shop) => {
    await shop.emit({ events: [shop.order("ord_1", { id: "a", hash: "1" })] })
    await stage(shop, [shop.order("ord_2", { id: "b", hash: "1" })])
    const events = [shop.order("ord_3"), shop.order("ord_4", { id: "a", hash: "2" })]
    const change = { kind: "stage", commitId: shop.commitId(), eventGroupId: "checkout_2", events } as const

    expect(await shop.writeOne(change)).toMatchObject({ status: "conflict" })

    const { rejected } = await shop.emit({ events: [shop.order("ord_5", { id: "b", hash: "2" })] })
    expect(rejected.length).toBe(1)
    expect(await shop.engine.queries.staged("checkout_2")).toEqual([])
  })

  it("stages one id once, and refuses two contents under one id in one change", async (shop) => {
    const one = shop.order("ord_1", { id: "a", hash: "1" })
    const change = { kind: "stage", commitId: shop.commitId(), eventGroupId: CHECKOUT } as const

    expect(await shop.writeOne({ ...change, events: [one, { ...one, hash: "2" }] })).toMatchObject({
      status: "conflict",
    })
    expect(await shop.engine.queries.staged(CHECKOUT)).toEqual([])
    await shop.write({ ...change, events: [one, one] })

    expect((await shop.engine.queries.staged(CHECKOUT)).length).toBe(1)
  })
}
