import type { ClaimedJob } from "../../engine/leases.ts"
import type { AdvanceSchedule, PutSchedule } from "../../engine/runs.ts"
import { GROUP, LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const DAILY = '{"cron":"0 3 * * *"}'

/** A schedule in the catalog, and a worker that knows it. */
async function setUp(shop: Shop) {
  const { definition } = shop.putSubscription("x")
  const target = { kind: "schedule", schedule: "sync-brands" } as const
  const subscription = await shop.subscribe("schedule:sync-brands", {
    definition: { ...definition, pattern: "", target } as never,
  })
  const put = (over: Partial<PutSchedule> = {}): PutSchedule => ({
    kind: "put-schedule",
    group: GROUP,
    subscription,
    id: "sync-brands",
    definition: DAILY,
    dueAt: shop.now() + 1_000,
    ...over,
  })
  return { subscription, worker: await shop.join(), put }
}

function advance(
  worker: number,
  { no, epoch }: ClaimedJob,
  over: Partial<AdvanceSchedule> = {},
): AdvanceSchedule {
  return { kind: "advance-schedule", no, worker, epoch, dueAt: null, state: '{"fired":1}', ...over }
}

export function testSchedules({ it, expect }: Suite): void {
  it("hands a tick out when it is due, to who announces its subscription", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put())
    const early = await shop.claim(worker, subscription)
    expect([early.jobs, early.nextDueAt]).toEqual([[], shop.now() + 1_000])

    await shop.advance(1_000)

    expect((await shop.claim(worker, subscription + 1, 100, { system: 10 })).jobs).toEqual([])
    expect(await shop.claimOne(worker, subscription)).toMatchObject({
      kind: "schedule",
      subscription,
      epoch: 1,
      event: null,
      data: JSON.stringify({ definition: DAILY, state: null }),
    })
  })

  it("lists what it knows of each, of a group or of all", async (shop) => {
    const { subscription, put } = await setUp(shop)
    await shop.write(put(), put({ id: "a:b", group: "billing" }))

    const { schedules } = shop.engine.queries
    const [row] = await schedules(GROUP)
    expect(row).toMatchObject({
      id: "sync-brands",
      group: GROUP,
      subscription,
      definition: DAILY,
      state: null,
      dueAt: shop.now() + 1_000,
      leased: false,
      crashed: false,
    })
    expect((await schedules("billing")).map((each) => each.id)).toEqual(["a:b"])
    expect((await schedules(null)).length).toBe(2)
  })

  it("changes nothing when the same definition comes again", async (shop) => {
    const { put } = await setUp(shop)
    await shop.writeOne(put())
    const before = await shop.engine.queries.schedules(GROUP)
    await shop.advance(500)

    expect(await shop.writeOne(put())).toMatchObject({ status: "ok", count: 0 })
    expect(await shop.engine.queries.schedules(GROUP)).toEqual(before)
  })

  it("goes on with another definition from its next tick, and forgets what it remembered", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put({ dueAt: shop.now() }))
    const job = await shop.claimOne(worker, subscription)
    await shop.writeOne(advance(worker, job, { dueAt: shop.now() + 9_000 }))

    await shop.writeOne(put({ definition: '{"interval":5000}', dueAt: shop.now() + 5_000 }))

    expect(await shop.engine.queries.schedules(GROUP)).toMatchObject([
      { definition: '{"interval":5000}', state: null, dueAt: shop.now() + 5_000 },
    ])
  })

  it("fences a tick of the old definition", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put({ dueAt: shop.now() }))
    const job = await shop.claimOne(worker, subscription)

    await shop.writeOne(put({ definition: '{"interval":5000}' }))

    expect(await shop.writeOne(advance(worker, job, { dueAt: 1 }))).toEqual({ status: "fenced" })
    expect(await shop.engine.queries.schedules(GROUP)).toMatchObject([
      { state: null, dueAt: shop.now() + 1_000 },
    ])
  })

  it("advances to the next tick and remembers, however often that is sent", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put({ dueAt: shop.now() }))
    const job = await shop.claimOne(worker, subscription)
    expect((await shop.engine.queries.schedules(GROUP))[0]?.leased).toBe(true)
    const change = advance(worker, job, { dueAt: shop.now() + 9_000 })

    for (let i = 0; i < 2; i++) {
      expect(await shop.writeOne(change)).toMatchObject({ status: "ok" })
      expect(await shop.engine.queries.schedules(GROUP)).toMatchObject([
        { state: '{"fired":1}', dueAt: shop.now() + 9_000, leased: false },
      ])
    }
    await shop.advance(9_000)
    expect(await shop.claimOne(worker, subscription)).toMatchObject({ epoch: 2 })
    expect(await shop.writeOne(change)).toEqual({ status: "fenced" })
  })

  it("fences who does not hold the tick", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put({ dueAt: shop.now() }))
    const job = await shop.claimOne(worker, subscription)

    for (const over of [{ epoch: 2 }, { worker: worker + 1 }, { no: job.no + 1 }])
      expect(await shop.writeOne(advance(worker, job, over))).toEqual({ status: "fenced" })
  })

  it("stays, ended, so that the same definition does not begin anew", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put({ dueAt: shop.now() }))
    const job = await shop.claimOne(worker, subscription)
    const change = advance(worker, job)

    for (let i = 0; i < 2; i++) expect(await shop.writeOne(change)).toMatchObject({ status: "ok" })
    await shop.advance(100_000)
    await shop.engine.maintenance.prune({ eventsBefore: shop.now(), deadBefore: shop.now(), limit: 100 })
    await shop.writeOne(put())

    expect(await shop.engine.queries.schedules(GROUP)).toMatchObject([
      { state: '{"fired":1}', dueAt: null, leased: false },
    ])
    expect((await shop.claim(await shop.join(), subscription)).jobs).toEqual([])
  })

  it("brings a dead worker's tick to the next, without a mark", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put({ dueAt: shop.now() }))
    await shop.claimOne(worker, subscription)
    await shop.advance(LEASE_MS)

    const other = await shop.join()

    expect(await shop.claimOne(other, subscription)).toMatchObject({ kind: "schedule", epoch: 2, crashes: 0 })
  })

  it("ends with its subscription, and is back when it is put again", async (shop) => {
    const { subscription, worker, put } = await setUp(shop)
    await shop.writeOne(put())

    await shop.writeOne({ kind: "end-subscription", group: GROUP, id: "schedule:sync-brands" })
    expect(await shop.engine.queries.schedules(GROUP)).toMatchObject([{ dueAt: null }])

    await shop.writeOne(put({ dueAt: shop.now() }))
    expect(await shop.claimOne(worker, subscription)).toMatchObject({ kind: "schedule" })
  })

  it("is one schedule when many put it at once", async (shop) => {
    const { put } = await setUp(shop)

    const results = await Promise.all(Array.from({ length: 5 }, () => shop.writeOne(put())))

    expect(results.map((each) => (each.status === "ok" ? each.count : 9)).toSorted()).toEqual([0, 0, 0, 0, 1])
  })
}
