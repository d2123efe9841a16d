import { deliveryId } from "../../core/ids.ts"
import type { Suite } from "./test-engine.ts"

export function testAppend({ it, expect }: Suite): void {
  it("gives back every field of an event as it was written", async (shop) => {
    const event = shop.order("ord_1001", {
      scope: "acme/dev",
      sender: "checkout",
      key: "cus_1",
      data: '{"note":"Größe 42 👟","zero":0,"nothing":null}',
      extra: '{"metadata":{"source":"shop"}}',
      id: "ord_1001-placed",
      hash: "h",
    })

    const { commitId } = await shop.emit({ events: [event, shop.order("ord_1002", { data: null })] })

    const { hash: _, ...fields } = event
    expect(await shop.engine.queries.event({ commitId, index: 0 })).toMatchObject({
      ...fields,
      commitId,
      index: 0,
    })
    expect(await shop.engine.queries.event({ commitId, index: 1 })).toMatchObject({ data: null, id: null })
    expect(await shop.engine.queries.event({ commitId, index: 2 })).toEqual(null)
  })

  it("answers each change of a commit for itself, and applies them in order", async (shop) => {
    const mail = await shop.subscribe("mail")
    const first = await shop.append({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
    const stale = await shop.append({ events: shop.orders(1), catalogVersion: first.catalogVersion - 1 })
    const last = await shop.append({ events: shop.orders(2) })

    const results = await shop.write(
      first,
      shop.settleJob(99, { no: 4711, epoch: 1 }),
      stale,
      { kind: "end-subscription", group: "shop", id: "nobody" },
      last,
      shop.putSubscription("sync"),
      await shop.append({ events: shop.orders(1) }), // routed before the subscription just put
    )

    expect(results.map((each) => each.status)).toEqual([
      "ok",
      "fenced",
      "stale",
      "conflict",
      "ok",
      "ok",
      "stale",
    ])
    expect(await shop.eventsOf()).toBe(3)
  })

  it("writes nothing of a commit that was routed by an older catalog", async (shop) => {
    const mail = await shop.subscribe("mail")
    const change = await shop.append({
      events: [shop.order("ord_1001", { id: "ord_1001-placed", hash: "a" })],
      batches: [shop.newBatch(mail, 1)],
      jobs: [shop.newJob(mail, 0)],
    })
    await shop.subscribe("sync")

    expect(await shop.writeOne(change)).toEqual({ status: "stale" })

    expect(await shop.engine.maintenance.stats()).toMatchObject({ events: 0, openBatches: 0, openJobs: 0 })
    expect(await shop.engine.queries.findEvent("ord_1001-placed")).toEqual(null)
    const { version } = await shop.engine.queries.catalog()
    expect(await shop.writeOne({ ...change, catalogVersion: version })).toMatchObject({ status: "ok" })
  })

  it("refuses one event whose value cannot be stored, and writes its 999 neighbours", async (shop) => {
    const mail = await shop.subscribe("mail")
    const events = shop.orders(1_000)
    events[500] = shop.order("ord_bad", shop.store.badEvent)

    const { rejected, commitId } = await shop.emit({
      events,
      batches: [shop.newBatch(mail, 1_000)],
      jobs: [shop.newJob(mail, 499), shop.newJob(mail, 500)],
    })

    expect(rejected.map(({ emit, code }) => [emit, code])).toEqual([[500, "value"]])
    expect(await shop.eventsOf()).toBe(999)
    expect(await shop.engine.queries.job(deliveryId(commitId, 500, mail, 0))).toEqual(null)
    expect(await shop.job(deliveryId(commitId, 499, mail, 0))).toMatchObject({ state: "waiting" })
  })

  it("writes an emit of several events as a whole or not at all", async (shop) => {
    const [one, two, three, four] = shop.orders(4)
    const bad = { ...three, ...shop.store.badEvent }

    const { rejected } = await shop.emit({ events: [one, two, bad, four] as never, emits: [0, 1, 1, 2] })

    expect(rejected.map((each) => each.emit)).toEqual([1])
    expect(await shop.eventsOf()).toBe(2)
  })

  it("makes each planned job with its derived id, and its key and priority", async (shop) => {
    const mail = await shop.subscribe("mail")

    const [id] = await shop.queue(mail, [
      { key: "cus_1", priority: 2, scope: "acme/dev", dueAt: shop.now() + 500, reason: "delayed" },
    ])

    expect(await shop.job(id as string)).toMatchObject({
      id,
      kind: "delivery",
      group: "shop",
      subscription: mail,
      state: "waiting",
      reason: "delayed",
      key: "cus_1",
      priority: 2,
      scope: "acme/dev",
      dueAt: shop.now() + 500,
      attempt: 0,
      crashes: 0,
    })
  })

  it("bears batches leased or open, as they are asked for", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()

    const { batches, commitId } = await shop.emit({
      events: shop.orders(2),
      batches: [
        shop.newBatch(mail, 2, { worker }),
        shop.newBatch(mail, 2, { group: "warehouse" }),
        shop.newBatch(mail, 2, { priority: 0 }),
      ],
    })

    expect(batches.map((each) => each.epoch)).toEqual([1, 0, 0])
    const trace = await shop.engine.queries.traceOf({ commitId, index: 0 })
    expect(trace.batches.map(({ no, state, group, priority }) => [no, state, group, priority])).toEqual([
      [batches[0]?.no, "leased", "shop", 1],
      [batches[1]?.no, "open", "warehouse", 1],
      [batches[2]?.no, "open", "shop", 0],
    ])
  })

  it("does a commit that is tried again after an unknown outcome only once", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const taken = shop.order("ord_1", { id: "taken", hash: "a" })
    const earlier = await shop.emit({ events: [taken] })
    const change = await shop.append({
      events: [
        shop.order("ord_2"),
        taken,
        { ...taken, hash: "other" },
        shop.order("ord_3", { id: "new", hash: "b" }),
      ],
      batches: [shop.newBatch(mail, 4, { worker }), shop.newBatch(mail, 4, { group: "warehouse" })],
      jobs: [shop.newJob(mail, 0)],
      parts: [shop.newPart(mail, [])],
    })
    const first = await shop.writeOne(change)
    const before = await shop.engine.maintenance.stats()

    const second = await shop.writeOne({ ...change, again: true })

    expect(second).toMatchObject({ status: "ok" })
    if (first.status !== "ok" || second.status !== "ok") return
    expect(second.append?.batches).toEqual(first.append?.batches)
    expect(second.append?.existing).toEqual([{ index: 1, key: { commitId: earlier.commitId, index: 0 } }])
    expect(second.append?.rejected.map((each) => each.emit)).toEqual([2])
    expect(await shop.engine.maintenance.stats()).toEqual(before)
  })

  it("does a commit that is tried again and never arrived", async (shop) => {
    const change = await shop.append({ events: shop.orders(3), again: true })

    expect(await shop.writeOne(change)).toMatchObject({ status: "ok", append: { rejected: [] } })

    expect(await shop.eventsOf()).toBe(3)
  })

  it("tells a commit that is tried again that its catalog is old only if it never arrived", async (shop) => {
    const change = await shop.append({ events: shop.orders(1) })
    await shop.write(change)
    await shop.subscribe("mail")

    expect(await shop.writeOne({ ...change, again: true })).toMatchObject({ status: "ok" })

    const other = { ...change, commitId: shop.commitId(), again: true }
    expect(await shop.writeOne(other)).toEqual({ status: "stale" })
    expect(await shop.eventsOf()).toBe(1)
  })
}
