import { LEASE_MS } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

export function testClaim({ describe, it, expect }: Suite): void {
  it("hands out a job with its event and everything an attempt needs", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{ scope: "acme/dev", key: "cus_1", priority: 0 }])

    const job = await shop.claimOne(worker, mail)

    expect(job).toMatchObject({
      id,
      kind: "delivery",
      epoch: 1,
      subscription: mail,
      scope: "acme/dev",
      key: "cus_1",
      priority: 0,
      attempt: 0,
      crashes: 0,
      isolated: false,
      replay: 0,
      history: [],
      data: null,
      event: { name: "order.placed", data: '{"id":"ord_1001"}', index: 0 },
    })
    expect(await shop.job(id as string)).toMatchObject({ state: "leased", reason: "running", worker })
    expect((await shop.claim(worker, mail)).jobs).toEqual([])
  })

  it("bears jobs leased to the emitting worker when it asks for that", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const { jobs } = await shop.emit({
      events: shop.orders(2),
      worker,
      jobs: [shop.newJob(mail, 0), shop.newJob(mail, 1, { leased: true })],
    })

    expect(jobs.map((each) => each.epoch)).toEqual([1])
    const [open] = (await shop.claim(worker, mail)).jobs
    expect(open?.event?.index).toBe(0)
    expect(await shop.writeOne(shop.settleJob(worker, jobs[0] as never))).toEqual({ status: "ok" })
  })

  it("hands out what is due, earliest first, and says when the next one will be", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const due = [3_000, 1_000, 2_000].map((ms) => ({ dueAt: shop.now() + ms }))
    await shop.queue(mail, due)
    expect(await shop.claim(worker, mail)).toEqual({ jobs: [], nextDueAt: shop.now() + 1_000 })

    await shop.advance(2_000)
    const { jobs, nextDueAt } = await shop.claim(worker, mail)

    expect(jobs.map((job) => job.event?.index)).toEqual([1, 2])
    expect(nextDueAt).toBe(shop.now() + 1_000)
    await shop.advance(1_000)
    expect((await shop.claim(worker, mail)).jobs.length).toBe(1)
    expect((await shop.claim(worker, mail)).nextDueAt).toBe(null)
  })

  it("hands out the priorities in the order asked for", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    await shop.queue(mail, [{ priority: 2 }, { priority: 1 }, { priority: 0 }, { priority: 1 }])

    const { jobs } = await shop.claim(worker, mail, 2)
    const rest = await shop.claim(worker, mail, 2, { priorities: [2, 1, 0] })

    expect(jobs.map((job) => job.priority)).toEqual([0, 1])
    expect(rest.jobs.map((job) => job.priority)).toEqual([2, 1])
  })

  it("hands out no more than there are free slots, of the subscriptions named only", async (shop) => {
    const [mail, sync] = [await shop.subscribe("mail"), await shop.subscribe("sync")]
    const worker = await shop.join()
    await shop.queue(mail, [{}, {}, {}])
    await shop.queue(sync, [{}, {}, {}])

    const { jobs } = await shop.claim(worker, mail, 2)
    const both = await shop.claim(worker, mail, 0, {
      slots: [
        [mail, 5],
        [sync, 1],
      ],
    })

    expect(jobs.map((job) => job.subscription)).toEqual([mail, mail])
    expect(both.jobs.map((job) => job.subscription)).toEqual([mail, sync])
    expect((await shop.claim(worker, 4711)).jobs).toEqual([])
  })

  it("gives several subscriptions at once, without a thorough look, what each of them would get alone", async (shop) => {
    const worker = await shop.join()
    const [plain, urgent, idle] = [
      await shop.subscribe("mail"),
      await shop.subscribe("stock"),
      await shop.subscribe("search"),
    ]
    const keyed = await shop.subscribe("ledger", { policy: { order: "hold" } })
    const [tenants, limited] = [await shop.subscribe("sync"), await shop.subscribe("cms")]
    const all = [plain, urgent, idle, keyed, tenants, limited]
    const slots = all.map((no) => [no, 3] as const)
    const limits = { [limited]: { rate: null, concurrency: 2, keyConcurrency: null } }
    for (const no of all) await shop.queue(no, [{}])
    expect((await shop.claim(worker, plain, 0, { slots, limits })).jobs.length).toBe(6)

    await shop.queue(plain, [{}, {}, {}, {}])
    await shop.queue(urgent, [{}, { priority: 2 }, { priority: 0 }, { dueAt: shop.now() + 4_000 }])
    await shop.queue(idle, [{ dueAt: shop.now() + 3_000 }])
    await shop.queue(keyed, [{ key: "cus_1" }, { key: "cus_1" }, { key: "cus_2" }])
    await shop.queue(tenants, [{ scope: "acme/dev" }, {}, { scope: "beta/dev" }])
    await shop.queue(limited, [{}, {}])
    const { jobs, nextDueAt } = await shop.claim(worker, plain, 0, { slots, limits, thorough: false })

    const indexesOf = (no: number): unknown[] =>
      jobs.filter((job) => job.subscription === no).map((job) => job.event?.index)
    expect(indexesOf(plain)).toEqual([0, 1, 2])
    expect(indexesOf(urgent)).toEqual([2, 0, 1])
    expect(indexesOf(idle)).toEqual([])
    expect(indexesOf(keyed)).toEqual([0, 2])
    expect(indexesOf(tenants).sort()).toEqual([0, 1, 2])
    expect(indexesOf(limited)).toEqual([0])
    expect(nextDueAt !== null && nextDueAt <= shop.now() + 3_000).toBe(true)
    const rest = await shop.claim(worker, plain, 0, { slots, limits, thorough: false })
    expect(rest.jobs.map((job) => [job.subscription, job.event?.index])).toEqual([[plain, 3]])
  })

  it("gives again, without a thorough look, what was handed back meanwhile", async (shop) => {
    const [mail, sync] = [await shop.subscribe("mail"), await shop.subscribe("sync")]
    const worker = await shop.join()
    const hasty = { slots: [mail, sync].map((no) => [no, 2] as const), thorough: false }
    await shop.queue(mail, [{}, {}])
    await shop.queue(sync, [{}])
    const { jobs: first } = await shop.claim(worker, mail, 0, { ...hasty, thorough: true })
    await shop.advance(2_000)
    await shop.queue(mail, [{}])
    expect((await shop.claim(worker, mail, 0, hasty)).jobs.length).toBe(1)

    const handedBack = { kind: "retry", dueAt: shop.now(), error: "" } as const
    await shop.writeOne(shop.settleJob(worker, first[0] as never, handedBack))
    const { jobs } = await shop.claim(worker, mail, 0, hasty)

    expect(jobs.map(({ no, epoch }) => ({ no, epoch }))).toEqual([{ no: first[0]?.no, epoch: 2 }])
  })

  it("goes round the scopes: one full of work does not starve the others", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const flood = Array.from({ length: 100 }, () => ({ scope: "big/shop" }))
    await shop.queue(mail, [...flood, { scope: "" }, { scope: "small/shop" }, { scope: "small/shop" }])

    const scopes: string[] = []
    for (let i = 0; i < 4; i++) {
      scopes.push(...(await shop.claim(worker, mail, 2)).jobs.map((job) => job.scope))
    }

    expect(scopes.filter((scope) => scope !== "big/shop").sort()).toEqual(["", "small/shop", "small/shop"])
    expect((await shop.claim(worker, mail, 200)).jobs.length).toBe(95)
  })

  it("gives a scope its turn though another is full of what is more urgent", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const flood = Array.from({ length: 300 }, (_, i) => ({ scope: "big/shop", priority: i % 2 }))
    await shop.queue(mail, [...flood, { scope: "small/shop", priority: 2 }])

    const scopes: string[] = []
    for (let i = 0; i < 4; i++)
      scopes.push(...(await shop.claim(worker, mail, 2)).jobs.map((job) => job.scope))

    expect(scopes.includes("small/shop")).toBe(true)
  })

  it("gives those without a key their turn though many keys wait, and the other way round", async (shop) => {
    const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
    const worker = await shop.join()
    const keyed = Array.from({ length: 100 }, (_, i) => ({ key: `cus_${i}` }))
    await shop.queue(mail, [...keyed, ...Array.from({ length: 100 }, () => ({}))])

    const kinds: string[] = []
    for (let i = 0; i < 4; i++)
      kinds.push(
        ...(await shop.claim(worker, mail, 5)).jobs.map((job) => (job.key === null ? "none" : "key")),
      )

    expect(kinds.filter((kind) => kind === "key").length).toBe(10)
    expect(kinds.length).toBe(20)
  })

  it("hands out each job once when many ask at the same time", async (shop) => {
    const mail = await shop.subscribe("mail")
    await shop.queue(
      mail,
      Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? {} : { key: `cus_${i}` })),
    )
    const workers = await Promise.all(Array.from({ length: 8 }, () => shop.join()))

    const claims = await Promise.all(workers.map((worker) => shop.claim(worker, mail, 10)))

    const ids = claims.flatMap(({ jobs }) => jobs.map((job) => job.id))
    expect([ids.length, new Set(ids).size]).toEqual([60, 60])
  })

  it("hands the product's own jobs to workers of their group that have room for them", async (shop) => {
    await shop.subscribe("mail", { startAt: 0 })
    const worker = await shop.join()

    expect((await shop.claim(worker, 0, 0, { system: 1, group: "warehouse" })).jobs).toEqual([])
    expect((await shop.claim(worker, 0, 0, { system: 0 })).jobs).toEqual([])
    const job = await shop.claimOne(worker, 0, { system: 1 })

    expect(job).toMatchObject({ kind: "replay", event: null })
  })

  describe("keys", () => {
    it("hands out the oldest job of each key, and the next when that is done", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      const ids = await shop.queue(mail, [
        { key: "cus_1" },
        { key: "cus_2" },
        { key: "cus_1" },
        { key: "cus_1" },
      ])

      const { jobs } = await shop.claim(worker, mail)
      expect(jobs.map((job) => job.id).sort()).toEqual([ids[0], ids[1]].sort())
      expect((await shop.claim(worker, mail)).jobs).toEqual([])
      const first = jobs.find((job) => job.key === "cus_1")
      await shop.write(shop.settleJob(worker, first as never))

      expect((await shop.claim(worker, mail)).jobs.map((job) => job.id)).toEqual([ids[2]])
    })

    it("lets a key wait for its retry, and only that key", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      const [failing] = await shop.queue(mail, [{ key: "cus_1" }, { key: "cus_1" }])
      await shop.write(shop.settleJob(worker, await shop.claimOne(worker, mail), shop.retry(1_000)))
      await shop.queue(mail, [{ key: "cus_2" }])

      const { jobs, nextDueAt } = await shop.claim(worker, mail)
      expect(jobs.map((job) => job.key)).toEqual(["cus_2"])
      expect(nextDueAt).toBe(shop.now() + 1_000)
      await shop.advance(1_000)

      expect((await shop.claimOne(worker, mail)).id).toBe(failing)
    })

    it("lets later ones of a key pass when the retry is settled as unordered", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "skip" } })
      const worker = await shop.join()
      const [failing, next] = await shop.queue(mail, [{ key: "cus_1" }, { key: "cus_1" }])
      const job = await shop.claimOne(worker, mail)
      await shop.write(shop.settleJob(worker, job, shop.retry(1_000), { unordered: true }))

      expect((await shop.claimOne(worker, mail)).id).toBe(next)
      await shop.advance(1_000)

      expect((await shop.claimOne(worker, mail)).id).toBe(failing)
    })

    it("is not held by the dead, and keeps a redriven one before the later", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      const [dead, next] = await shop.queue(mail, [{ key: "cus_1" }, { key: "cus_1" }, { key: "cus_1" }])
      const job = await shop.claimOne(worker, mail)
      await shop.write(shop.settleJob(worker, job, { kind: "dead", error: "down", reason: "all failed" }))
      const following = await shop.claimOne(worker, mail)
      expect(following.id).toBe(next)
      await shop.write({ kind: "redrive", nos: [job.no] }, shop.settleJob(worker, following))

      expect((await shop.claimOne(worker, mail)).id).toBe(dead)
    })

    it("takes a key over with its head when its worker is gone", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      const [head] = await shop.queue(mail, [{ key: "cus_1" }, { key: "cus_1" }])
      await shop.claimOne(worker, mail)
      await shop.advance(LEASE_MS)
      const sibling = await shop.join()

      expect((await shop.claimOne(sibling, mail)).id).toBe(head)
    })

    it("gives each of a thousand keys its turn, whatever a claim may hold", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      await shop.queue(
        mail,
        Array.from({ length: 1_000 }, (_, i) => ({ key: `cus_${i}` })),
      )
      const keys = new Set<string | null>()

      for (let i = 0; i < 60 && keys.size < 1_000; i++) {
        for (const job of (await shop.claim(worker, mail, 40)).jobs) keys.add(job.key)
      }

      expect(keys.size).toBe(1_000)
    })

    it("finds what became ready behind it, though its round of the keys comes to an end", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      await shop.queue(mail, [{ key: "cus_1" }, { key: "cus_1" }, { key: "cus_2" }])

      const keys: (string | null)[] = []
      for (let i = 0; i < 3; i++) {
        const { jobs } = await shop.claim(worker, mail, 1)
        keys.push(...jobs.map((job) => job.key))
        await shop.write(...jobs.map((job) => shop.settleJob(worker, job)))
      }

      expect(keys.sort()).toEqual(["cus_1", "cus_1", "cus_2"])
    })

    it("does not ask to come back at once when every key has had its turn and none is due", async (shop) => {
      const mail = await shop.subscribe("mail", { policy: { order: "hold" } })
      const worker = await shop.join()
      const dueAt = shop.now() + 60_000
      await shop.queue(
        mail,
        Array.from({ length: 600 }, (_, i) => ({ key: `cus_${i}`, dueAt })),
      )

      const asked: (number | null)[] = []
      for (let i = 0; i < 12; i++) asked.push((await shop.claim(worker, mail)).nextDueAt)

      expect(asked.filter((at) => at === dueAt).length >= 4).toBe(true)
    })
  })
}
