import type { StoredEvent } from "../../core/event.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const WINDOW_MS = 7 * 24 * 60 * 60 * 1000

const named = (shop: Shop, id: string, hash = "same", over: Partial<StoredEvent> = {}): StoredEvent =>
  shop.order(id, { id, hash, ...over })

export function testIds({ it, expect }: Suite): void {
  it("finds the event of an id", async (shop) => {
    const { commitId } = await shop.emit({ events: [...shop.orders(2), named(shop, "ord_1001-placed")] })

    expect(await shop.engine.queries.findEvent("ord_1001-placed")).toEqual({ commitId, index: 2 })
    expect(await shop.engine.queries.findEvent("unheard-of")).toEqual(null)
    expect(await shop.engine.queries.findEvent("ord_1001-placed", ["acme/dev", ""])).toEqual({
      commitId,
      index: 2,
    })
    expect(await shop.engine.queries.findEvent("ord_1001-placed", ["acme/dev"])).toEqual(null)
  })

  it("keeps one event when the same is emitted again under its id, also within one commit", async (shop) => {
    const { commitId } = await shop.emit({ events: [named(shop, "a"), named(shop, "a")] })

    const { existing, rejected } = await shop.emit({ events: [shop.order("ord_1"), named(shop, "a")] })

    expect(rejected).toEqual([])
    expect(existing).toEqual([{ index: 1, key: { commitId, index: 0 } }])
    expect(await shop.eventsOf()).toBe(2)
  })

  it("rejects only the emit whose id is taken by other content: 999 neighbours commit", async (shop) => {
    await shop.emit({ events: [named(shop, "taken")] })
    const events: StoredEvent[] = Array.from({ length: 1_000 }, (_, i) => named(shop, `ord_${i}`))
    events[7] = named(shop, "taken", "other content")

    const { rejected } = await shop.emit({ events })

    expect(rejected.map(({ emit, code }) => [emit, code])).toEqual([[7, "conflict"]])
    expect(await shop.eventsOf()).toBe(1_000)
  })

  it("makes no job, part or batch entry for an event that is there already", async (shop) => {
    const mail = await shop.subscribe("mail")
    await shop.emit({ events: [named(shop, "a")] })
    const change = await shop.append({ events: [named(shop, "a")], jobs: [shop.newJob(mail, 0)] })
    const parts = [shop.newPart(mail, [{ commitId: change.commitId, index: 0 }])]

    await shop.write({ ...change, parts, batches: [shop.newBatch(mail, 1)] })

    expect(await shop.engine.maintenance.stats()).toMatchObject({
      openBatches: 0,
      openParts: 0,
      openJobs: 0,
    })
  })

  it("takes no id for an emit that is refused as a whole", async (shop) => {
    await shop.emit({ events: [named(shop, "taken")] })
    await shop.emit({
      events: [named(shop, "free"), named(shop, "taken", "other content")],
      emits: [0, 0],
    })
    expect(await shop.engine.queries.findEvent("free")).toEqual(null)

    const { existing, rejected } = await shop.emit({ events: [named(shop, "free", "whatever")] })

    expect([existing, rejected]).toEqual([[], []])
    expect(await shop.eventsOf()).toBe(2)
  })

  it("writes an event whose id a refused emit of the same commit wanted too", async (shop) => {
    await shop.emit({ events: [named(shop, "taken")] })

    const { existing, rejected, commitId } = await shop.emit({
      events: [named(shop, "free"), named(shop, "taken", "other content"), named(shop, "free")],
      emits: [0, 0, 1],
    })

    expect(rejected.map((each) => each.emit)).toEqual([0])
    expect(existing).toEqual([])
    expect(await shop.engine.queries.event({ commitId, index: 2 })).toMatchObject({ id: "free" })
    expect(await shop.engine.queries.findEvent("free")).toEqual({ commitId, index: 2 })
  })

  it("takes no id for an event whose value the store refused", async (shop) => {
    const { rejected, existing, commitId } = await shop.emit({
      events: [named(shop, "a", "same", shop.store.badEvent), named(shop, "a")],
    })

    expect(rejected.map((each) => each.emit)).toEqual([0])
    expect(existing).toEqual([])
    expect(await shop.engine.queries.event({ commitId, index: 1 })).toMatchObject({ id: "a" })

    await shop.emit({ events: [named(shop, "b", "same", shop.store.badEvent)] })
    expect((await shop.emit({ events: [named(shop, "b", "other")] })).rejected).toEqual([])
  })

  it("keeps ids apart by scope", async (shop) => {
    const { rejected, existing } = await shop.emit({
      events: [named(shop, "a"), named(shop, "a", "other", { scope: "acme/dev" })],
    })

    expect([rejected, existing]).toEqual([[], []])
    expect(await shop.eventsOf()).toBe(2)
  })

  it("keeps an id for seven days, and no longer", async (shop) => {
    await shop.emit({ events: [named(shop, "a")] })

    await shop.advance(WINDOW_MS - 1)
    expect((await shop.emit({ events: [named(shop, "a", "other")] })).rejected.length).toBe(1)
    await shop.advance(1)

    expect((await shop.emit({ events: [named(shop, "a", "other")] })).rejected).toEqual([])
    expect(await shop.eventsOf()).toBe(2)
  })
}
