import { CRASHES_BEFORE_DEATH, CRASHES_BEFORE_ISOLATION } from "../../core/batch.ts"
import type { ClaimedJob } from "../../engine/leases.ts"
import { LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** A new worker claims, dies, and is found out. */
async function crash(shop: Shop, subscription: number): Promise<readonly ClaimedJob[]> {
  const worker = await shop.join()
  const { jobs } = await shop.claim(worker, subscription, 100, { isolated: true })
  await shop.advance(LEASE_MS)
  await shop.join()
  return jobs
}

/** The job is isolated by crashes; returns its id. */
async function isolate(shop: Shop, subscription: number): Promise<string> {
  const [id] = await shop.queue(subscription, [{}])
  for (let i = 0; i < CRASHES_BEFORE_ISOLATION; i++) await crash(shop, subscription)
  return id as string
}

export function testCrashes({ it, expect }: Suite): void {
  it("counts a lost lease as a crash, not as an attempt", async (shop) => {
    const mail = await shop.subscribe("mail")
    const [id] = await shop.queue(mail, [{}])

    await crash(shop, mail)

    expect(await shop.job(id as string)).toMatchObject({
      state: "waiting",
      attempt: 0,
      crashes: 1,
      isolated: false,
      worker: null,
    })
  })

  it("isolates after the second crash: only who asks for an isolated job gets it", async (shop) => {
    const mail = await shop.subscribe("mail")
    const id = await isolate(shop, mail)
    expect(await shop.job(id)).toMatchObject({ crashes: 2, isolated: true })
    const worker = await shop.join()

    expect((await shop.claim(worker, mail)).jobs).toEqual([])
    expect(await shop.claimOne(worker, mail, { isolated: true })).toMatchObject({
      id,
      isolated: true,
      crashes: 2,
    })
  })

  it("hands out one isolated job at a time", async (shop) => {
    const mail = await shop.subscribe("mail")
    await shop.queue(mail, [{}, {}, {}])
    for (let i = 0; i < CRASHES_BEFORE_ISOLATION; i++) await crash(shop, mail)
    const worker = await shop.join()

    expect((await shop.claim(worker, mail, 100, { isolated: true })).jobs.length).toBe(1)
  })

  it("makes a dead letter of what crashes three times while isolated", async (shop) => {
    const mail = await shop.subscribe("mail")
    const id = await isolate(shop, mail)

    for (let i = CRASHES_BEFORE_ISOLATION; i < CRASHES_BEFORE_DEATH; i++) {
      expect((await crash(shop, mail)).map((job) => job.id)).toEqual([id])
      await shop.advance(60_000)
    }

    expect(await crash(shop, mail)).toEqual([])
    expect(await shop.job(id)).toMatchObject({
      state: "dead",
      reason: "crashed worker",
      error: "crashed worker",
      attempt: 0,
      crashes: CRASHES_BEFORE_DEATH,
    })
    expect((await shop.job(id)).history.map((each) => each.outcome)).toEqual([
      "crashed",
      "crashed",
      "crashed",
    ])
  })

  it("lets a suspect wait after a crash, for whoever kills processes from outside does it again soon", async (shop) => {
    const mail = await shop.subscribe("mail")
    const id = await isolate(shop, mail)

    await crash(shop, mail)
    expect(await crash(shop, mail)).toEqual([])
    await shop.advance(1_000)

    expect((await crash(shop, mail)).map((job) => job.id)).toEqual([id])
  })

  it("blames the isolated job, and none that ran beside it", async (shop) => {
    const mail = await shop.subscribe("mail")
    const suspect = await isolate(shop, mail)
    const [innocent] = await shop.queue(mail, [{}])

    await crash(shop, mail)

    expect(await shop.job(suspect)).toMatchObject({ crashes: CRASHES_BEFORE_ISOLATION + 1 })
    expect(await shop.job(innocent as string)).toMatchObject({
      state: "waiting",
      crashes: 0,
      isolated: false,
    })
  })

  it("lets a redriven dead letter begin without a mark", async (shop) => {
    const mail = await shop.subscribe("mail")
    const id = await isolate(shop, mail)
    for (let i = 0; i < CRASHES_BEFORE_DEATH; i++) await crash(shop, mail)

    await shop.write({ kind: "redrive", nos: [(await shop.job(id)).no] })

    expect(await shop.job(id)).toMatchObject({ state: "waiting", crashes: 0, isolated: false })
  })

  it("says when an isolated job that waits will be due", async (shop) => {
    const mail = await shop.subscribe("mail")
    await isolate(shop, mail)
    const worker = await shop.join()
    const job = await shop.claimOne(worker, mail, { isolated: true })
    await shop.write(shop.settleJob(worker, job, shop.retry(7_000)))

    const { jobs, nextDueAt } = await shop.claim(worker, mail, 100, { isolated: true })

    expect([jobs, nextDueAt]).toEqual([[], shop.now() + 7_000])
  })

  it("keeps the order of a key while its head is isolated", async (shop) => {
    const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
    const [head, next] = await shop.queue(mail, [{ key: "cus_1" }, { key: "cus_1" }])
    for (let i = 0; i < CRASHES_BEFORE_ISOLATION; i++) await crash(shop, mail)
    const worker = await shop.join()

    expect((await shop.claim(worker, mail)).jobs).toEqual([])
    const job = await shop.claimOne(worker, mail, { isolated: true })
    expect(job.id).toBe(head)
    await shop.write(shop.settleJob(worker, job))

    expect((await shop.claimOne(worker, mail)).id).toBe(next)
  })
}
