import { deliveryId } from "../../core/ids.ts"
import { GROUP, LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

export function testWorkers({ describe, it, expect }: Suite): void {
  it("lists workers with what they have handlers for", async (shop) => {
    const worker = await shop.join()
    await shop.advance(1_000)
    await shop.engine.leases.heartbeat({ worker, group: GROUP, leaseMs: LEASE_MS, handles: [3, 5] })

    expect(await shop.engine.queries.workers()).toMatchObject([
      {
        no: worker,
        group: "shop",
        pid: process.pid,
        startedAt: shop.now() - 1_000,
        seenAt: shop.now(),
        expiresAt: shop.now() + LEASE_MS,
        handles: [3, 5],
      },
    ])
  })

  it("uses a worker's number never again", async (shop) => {
    const first = await shop.join()
    await shop.engine.leases.leave(first)

    expect((await shop.join()) > first).toBe(true)
  })

  it("keeps a lease that is extended in time", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const sibling = await shop.join()
    const { batches } = await shop.emit({
      events: shop.orders(1),
      batches: [shop.newBatch(mail, 1, { worker })],
    })

    for (let i = 0; i < 5; i++) {
      await shop.advance(LEASE_MS - 1)
      expect(await shop.beat(worker)).toEqual({ alive: true, freed: 0 })
      expect(await shop.beat(sibling)).toEqual({ alive: true, freed: 0 })
    }

    expect(await shop.writeOne(shop.settleBatch(worker, batches[0] as never))).toEqual({ status: "ok" })
  })

  it("frees at a sibling's heartbeat what a silent worker held, and tells that worker so", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { batches, commitId } = await shop.emit({
      events: shop.orders(2),
      batches: [shop.newBatch(mail, 1, { worker })],
      jobs: [shop.newJob(mail, 1)],
    })
    const job = await shop.claimOne(worker, mail)
    await shop.advance(LEASE_MS)
    const sibling = await shop.join()
    await shop.beat(sibling)

    const [taken] = await shop.take(sibling, [mail])
    expect(taken).toMatchObject({ no: batches[0]?.no, epoch: 2, takes: 2 })
    expect(await shop.claimOne(sibling, mail)).toMatchObject({ no: job.no, epoch: job.epoch + 1, crashes: 1 })
    expect((await shop.beat(worker)).alive).toBe(false)

    const results = await shop.write(
      shop.settleBatch(worker, batches[0] as never, { jobs: [shop.continued(commitId, 0, mail)] }),
      shop.settleJob(worker, job),
    )
    expect(results.map((each) => each.status)).toEqual(["fenced", "fenced"])
    expect(await shop.engine.queries.job(deliveryId(commitId, 0, mail, 0))).toEqual(null)
    expect(await shop.writeOne(shop.settleBatch(sibling, taken as never))).toEqual({ status: "ok" })
  })

  it("frees the parts of a worker that is gone", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { commitId } = await shop.emit({ events: shop.orders(1) })
    await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
    const [held] = await shop.take(worker, [mail])
    await shop.advance(LEASE_MS)
    const sibling = await shop.join()

    const [taken] = await shop.take(sibling, [mail])

    expect(taken).toMatchObject({ source: "part", no: held?.no, epoch: 2, takes: 2 })
    expect(await shop.writeOne(shop.settleBatch(worker, held as never))).toEqual({ status: "fenced" })
    expect(await shop.writeOne(shop.settleBatch(sibling, taken as never))).toEqual({ status: "ok" })
  })

  it("counts what it frees", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const sibling = await shop.join()
    await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { worker })] })
    await shop.queue(mail, [{}, {}])
    await shop.claim(worker, mail)
    await shop.advance(LEASE_MS - 1)
    await shop.beat(sibling)
    await shop.advance(1)

    expect(await shop.beat(sibling)).toEqual({ alive: true, freed: 3 })
    expect(await shop.beat(sibling)).toEqual({ alive: true, freed: 0 })
  })

  it("gives nothing more to a worker that is buried", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    await shop.queue(mail, [{}])
    await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
    await shop.advance(LEASE_MS)
    const sibling = await shop.join()

    expect(await shop.take(worker, [mail])).toEqual([])
    expect((await shop.claim(worker, mail)).jobs).toEqual([])
    const { batches, jobs } = await shop.emit({
      events: shop.orders(1),
      batches: [shop.newBatch(mail, 1, { worker })],
      worker,
      jobs: [shop.newJob(mail, 0, { leased: true })],
    })

    expect(batches.map((each) => each.epoch)).toEqual([0])
    expect(jobs).toEqual([{ no: 0, epoch: 0 }])
    expect((await shop.take(sibling, [mail])).length).toBe(2)
    expect((await shop.claim(sibling, mail)).jobs.length).toBe(2)
  })

  it("takes back without a mark what a worker that leaves still holds", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { commitId } = await shop.emit({
      events: shop.orders(2),
      batches: [shop.newBatch(mail, 1, { worker })],
    })
    await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
    await shop.queue(mail, [{}])
    await shop.take(worker, [mail])
    await shop.write(shop.settleJob(worker, await shop.claimOne(worker, mail), shop.retry()))
    await shop.claimOne(worker, mail)

    await shop.engine.leases.leave(worker)

    const next = await shop.join()
    const taken = await shop.take(next, [mail])
    expect(taken.map(({ source, takes, epoch }) => [source, takes, epoch])).toEqual([
      ["batch", 1, 2],
      ["part", 1, 2],
    ])
    expect(await shop.claimOne(next, mail)).toMatchObject({ attempt: 1, crashes: 0, isolated: false })
    expect(await shop.engine.queries.workers()).toMatchObject([{ no: next }])
  })

  it(
    "takes over at once from a process of this host that has died",
    async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { worker })] })
      await shop.store.kill?.(worker)

      const next = await shop.join()

      expect((await shop.take(next, [mail])).length).toBe(1)
      expect((await shop.engine.queries.workers()).map((each) => each.no)).toEqual([next])
    },
    "dead processes",
  )

  it("ends an ephemeral subscription with its worker, however it ends, and cancels what waits", async (shop) => {
    for (const end of ["leave", "expire"]) {
      const worker = await shop.join()
      const mail = await shop.subscribe(`ephemeral-${end}`, { worker })
      const [waiting, held] = await shop.queue(mail, [{ dueAt: shop.now() + 1 }, {}])
      await shop.claimOne(worker, mail)
      const { commitId } = await shop.emit({ events: shop.orders(1) })
      await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })

      if (end === "leave") await shop.engine.leases.leave(worker)
      else await shop.advance(LEASE_MS)
      await shop.join()

      const { subscriptions } = await shop.engine.queries.catalog()
      expect(subscriptions.find((each) => each.no === mail)).toMatchObject({ ephemeral: true })
      expect(subscriptions.some((each) => each.no === mail && each.toVersion === null)).toBe(false)
      expect(await shop.job(waiting as string)).toMatchObject({ state: "cancelled" })
      expect(await shop.job(held as string)).toMatchObject({ state: "cancelled" })
      expect(await shop.engine.maintenance.stats()).toMatchObject({ openParts: 0, openJobs: 0 })
    }
  })

  describe("handing back what a worker does not know of", () => {
    it("frees batches, parts and jobs whose taker was not told, as if it had never taken them", async (shop) => {
      const { mail, worker, batch, part, job } = await held(shop)
      await shop.advance(3_000)

      const nothing = { batches: [], parts: [], jobs: [] }
      expect(await shop.engine.leases.handBack({ worker, olderThanMs: 2_000, ...nothing })).toBe(3)

      const sibling = await shop.join()
      const taken = await shop.take(sibling, [mail])
      expect(taken.map(({ source, no, takes }) => [source, no, takes]).sort()).toEqual([
        ["batch", batch.no, 1],
        ["part", part.no, 1],
      ])
      expect(await shop.claimOne(sibling, mail)).toMatchObject({ no: job.no, attempt: 0, crashes: 0 })
    })

    it("leaves what the worker knows of, what is new, and what others hold", async (shop) => {
      const { mail, worker, batch, part, job } = await held(shop)
      await shop.advance(3_000)
      const sibling = await shop.join()
      await shop.queue(mail, [{}])
      const theirs = await shop.claimOne(sibling, mail)
      await shop.advance(3_000)
      await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { worker })] })
      await shop.queue(mail, [{ dueAt: shop.now() }])
      const fresh = await shop.claimOne(worker, mail)

      const known = { batches: [batch.no], parts: [part.no], jobs: [job.no] }
      expect(await shop.engine.leases.handBack({ worker, olderThanMs: 2_000, ...known })).toBe(0)

      const settles = [
        shop.settleBatch(worker, batch),
        shop.settleBatch(worker, part),
        shop.settleJob(worker, job),
        shop.settleJob(sibling, theirs),
        shop.settleJob(worker, fresh),
      ]
      expect((await shop.write(...settles)).map((each) => each.status)).toEqual(settles.map(() => "ok"))
    })

    it("fences the worker off what it handed back", async (shop) => {
      const { worker, batch, job } = await held(shop)
      await shop.advance(3_000)
      const nothing = { batches: [], parts: [], jobs: [] }
      await shop.engine.leases.handBack({ worker, olderThanMs: 2_000, ...nothing })

      const results = await shop.write(shop.settleBatch(worker, batch), shop.settleJob(worker, job))

      expect(results.map((each) => each.status)).toEqual(["fenced", "fenced"])
    })
  })
}

/** A worker that took a batch, a part and a job. */
async function held(shop: Shop) {
  const mail = await shop.subscribe("mail")
  const worker = await shop.join()
  const { commitId } = await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
  await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
  await shop.queue(mail, [{}])
  const taken = await shop.take(worker, [mail])
  const [batch, part] = ["batch", "part"].map((source) => taken.find((each) => each.source === source))
  if (batch === undefined || part === undefined) throw new Error("Expected a batch and a part to be taken.")
  return { mail, worker, batch, part, job: await shop.claimOne(worker, mail) }
}
