import type { ClaimRequest, FleetLimits } from "../../engine/leases.ts"
import { LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

const NONE: FleetLimits = { rate: null, concurrency: null, keyConcurrency: null }

/** What holds for a subscription over all workers together. */
export function testLimits({ describe, it, expect }: Suite): void {
  describe("in a stretch of time", () => {
    it("hands out the burst, then a job as each token comes", async (shop) => {
      const limit = { limit: 20, per: 1_000 } // a burst of 2, a token each 50 ms
      const mail = await shop.subscribe("mail", { policy: { rateLimit: limit } })
      const worker = await shop.join()
      await shop.queue(
        mail,
        Array.from({ length: 10 }, () => ({})),
      )
      const limits = { [mail]: { ...NONE, rate: limit } }

      const { jobs, nextDueAt } = await shop.claim(worker, mail, 100, { limits })
      expect(jobs.length).toBe(2)
      expect(nextDueAt).toBe(shop.now() + 50)
      await shop.advance(49)
      expect((await shop.claim(worker, mail, 100, { limits })).jobs).toEqual([])
      await shop.advance(1)

      expect((await shop.claim(worker, mail, 100, { limits })).jobs.length).toBe(1)
    })

    it("shares a limit among all workers", async (shop) => {
      const limit = { limit: 50, per: 1_000 }
      const mail = await shop.subscribe("mail", { policy: { rateLimit: limit } })
      const workers = await Promise.all(Array.from({ length: 4 }, () => shop.join()))
      await shop.queue(
        mail,
        Array.from({ length: 40 }, () => ({})),
      )
      const limits = { [mail]: { ...NONE, rate: limit } }

      const claims = await Promise.all(workers.map((worker) => shop.claim(worker, mail, 10, { limits })))

      expect(claims.flatMap(({ jobs }) => jobs).length).toBe(5)
    })

    it("takes no token for what it does not hand out", async (shop) => {
      const limit = { limit: 10, per: 1_000 }
      const mail = await shop.subscribe("mail", { policy: { rateLimit: limit } })
      const worker = await shop.join()
      const limits = { [mail]: { ...NONE, rate: limit } }
      for (let i = 0; i < 5; i++) await shop.claim(worker, mail, 10, { limits })
      await shop.queue(mail, [{}])

      expect((await shop.claim(worker, mail, 10, { limits })).jobs.length).toBe(1)
    })

    it("says when a retry is due though there is no token now", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { rate: { limit: 10, per: 1_000 } })
      await shop.queue(mail, [{}])
      const job = await shop.claimOne(workers[0], mail, limits)
      await shop.write(shop.settleJob(workers[0], job, shop.retry(30)))

      expect((await shop.claim(workers[0], mail, 10, limits)).nextDueAt).toBe(shop.now() + 30)
    })

    it("does not ask to look again soon when nothing waits for a token", async (shop) => {
      const limit = { limit: 20, per: 1_000 }
      const { mail, workers, limits } = await limited(shop, { rate: limit })
      const worker = workers[0]
      await shop.queue(mail, several(2))

      const busy = await shop.claim(worker, mail, 10, limits)
      await shop.advance(1_000)
      const idle = await shop.claim(worker, mail, 10, limits)

      expect([busy.jobs.length, idle.jobs.length, idle.nextDueAt]).toEqual([2, 0, null])
    })
  })

  describe("at one time", () => {
    it("leases no more than the limit over three workers, and says when to look again", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 5 })
      await shop.queue(mail, several(20))

      const claims: string[] = []
      for (const worker of workers) {
        const { jobs, nextDueAt } = await shop.claim(worker, mail, 3, limits)
        claims.push(`${jobs.length} ${nextDueAt === null ? "" : nextDueAt - shop.now()}`)
      }

      expect(claims).toEqual(["3 ", "2 50", "0 50"])
    })

    it("leases no more than the limit when all ask at the same time", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 4 })
      await shop.queue(mail, several(20))

      const claims = await Promise.all(workers.map((worker) => shop.claim(worker, mail, 3, limits)))

      expect(claims.flatMap(({ jobs }) => jobs).length).toBe(4)
    })

    it("counts what another worker holds, however it came to hold it", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 3 })
      const [emitting, other] = workers
      await shop.emit({
        events: shop.orders(5),
        worker: emitting,
        jobs: [0, 1, 2, 3, 4].map((i) => shop.newJob(mail, i, { leased: i < 2 })),
      })

      expect((await shop.claim(other, mail, 5, limits)).jobs.length).toBe(1)
    })

    it("gives a slot to whoever asks first once an attempt is settled", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 2 })
      const [one, two] = workers
      await shop.queue(mail, several(5))
      const { jobs } = await shop.claim(one, mail, 5, limits)
      expect((await shop.claim(two, mail, 5, limits)).jobs).toEqual([])

      await shop.write(
        shop.settleJob(one, jobs[0] as never),
        shop.settleJob(one, jobs[1] as never, shop.retry(60_000)),
      )

      expect((await shop.claim(two, mail, 5, limits)).jobs.length).toBe(2)
    })

    it("frees the slots of a worker that died", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 2 })
      await shop.queue(mail, several(5))
      expect((await shop.claim(workers[0], mail, 5, limits)).jobs.length).toBe(2)

      await shop.advance(LEASE_MS)
      const heir = await shop.join()

      expect((await shop.claim(heir, mail, 5, limits)).jobs.length).toBe(2)
    })

    it("does not ask to look again soon when nothing waits for a slot", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 2 })
      const dueAt = shop.now() + 60_000
      await shop.queue(mail, [{}, {}, { dueAt }])

      const first = await shop.claim(workers[0], mail, 5, limits)
      const second = await shop.claim(workers[1], mail, 5, limits)

      expect([first.jobs.length, second.jobs.length]).toEqual([2, 0])
      expect([first.nextDueAt, second.nextDueAt]).toEqual([dueAt, dueAt])
    })

    it("bounds one subscription and leaves the others alone", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 1 })
      const sync = await shop.subscribe("sync")
      await shop.queue(mail, several(3))
      await shop.queue(sync, several(3))
      const slots: ClaimRequest["slots"] = [
        [mail, 5],
        [sync, 5],
      ]

      const { jobs } = await shop.claim(workers[0], mail, 0, { ...limits, slots })

      expect(jobs.map((job) => job.subscription).sort()).toEqual([mail, sync, sync, sync].sort())
    })

    it("holds for ordered keys too", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 2 })
      await shop.queue(mail, several(6, "own"))

      const claims = await Promise.all(workers.map((worker) => shop.claim(worker, mail, 3, limits)))

      expect(claims.flatMap(({ jobs }) => jobs).length).toBe(2)
    })

    it("keeps to the rate as well, whichever is the tighter", async (shop) => {
      const rate = { limit: 100, per: 1_000 } // a burst of 10
      const { mail, workers, limits } = await limited(shop, { concurrency: 3, rate })
      const worker = workers[0]
      await shop.queue(mail, several(40))

      const counts: number[] = []
      for (let round = 0; round < 5; round++) {
        const { jobs } = await shop.claim(worker, mail, 20, limits)
        counts.push(jobs.length)
        await shop.write(...jobs.map((job) => shop.settleJob(worker, job)))
      }

      expect(counts).toEqual([3, 3, 3, 1, 0])
    })

    it("gives an isolated job a slot of the limit, before others take them all", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { concurrency: 2 })
      const worker = workers[0]
      const [batch] = (
        await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { worker })] })
      ).batches
      const { commitId } = await shop.emit({ events: shop.orders(1) })
      const suspect = shop.continued(commitId, 0, mail, { isolated: true, crashes: 2, attempt: 0 })
      await shop.write(shop.settleBatch(worker, batch as never, { jobs: [suspect] }))
      await shop.queue(mail, several(10))

      const { jobs } = await shop.claim(worker, mail, 5, { ...limits, isolated: true })

      expect(jobs.map((job) => job.isolated).sort()).toEqual([false, true])
      expect((await shop.claim(worker, mail, 5, { ...limits, isolated: true })).jobs).toEqual([])
    })
  })

  describe("at one time of a key", () => {
    it("leases so many of each key over all workers, and the other keys beside them", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 2 })
      await shop.queue(mail, [...several(10, "cus_1"), ...several(3, "cus_2"), ...several(1, "cus_3")])

      const claims = await Promise.all(workers.map((worker) => shop.claim(worker, mail, 20, limits)))

      const keys = claims.flatMap(({ jobs }) => jobs.map((job) => job.key))
      expect(keys.sort()).toEqual(["cus_1", "cus_1", "cus_2", "cus_2", "cus_3"])
      expect((await shop.claim(workers[0], mail, 20, limits)).nextDueAt).toBe(shop.now() + 50)
    })

    it("hands out the next of a key once one is settled, or its worker is gone", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 1 })
      const [one, two] = workers
      await shop.queue(mail, several(3, "cus_1"))
      const { jobs } = await shop.claim(one, mail, 5, limits)
      expect((await shop.claim(two, mail, 5, limits)).jobs).toEqual([])

      await shop.write(shop.settleJob(one, jobs[0] as never))
      expect((await shop.claim(two, mail, 5, limits)).jobs.length).toBe(1)
      await shop.advance(LEASE_MS)
      const heir = await shop.join()

      expect((await shop.claim(heir, mail, 5, limits)).jobs.length).toBe(1)
    })

    it("is not held up by a retry that is not due", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 1 })
      const worker = workers[0]
      const ids = await shop.queue(mail, several(3, "cus_1"))
      const { jobs } = await shop.claim(worker, mail, 5, limits)
      await shop.write(shop.settleJob(worker, jobs[0] as never, shop.retry(60_000)))

      const next = await shop.claimOne(worker, mail, limits)
      await shop.write(shop.settleJob(worker, next))
      const last = await shop.claimOne(worker, mail, limits)
      await shop.write(shop.settleJob(worker, last))

      expect([jobs[0]?.id, next.id, last.id].sort()).toEqual([...ids].sort())
      expect(await shop.claim(worker, mail, 5, limits)).toEqual({ jobs: [], nextDueAt: shop.now() + 60_000 })
    })

    it("does not starve the keys behind a hot one with thousands waiting", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 2 })
      const worker = workers[0]
      await shop.queue(mail, several(3_000, "cus_0"))
      await shop.queue(mail, several(50, "own"))

      const keys: (string | null)[] = []
      for (let round = 0; round < 30; round++) {
        const { jobs } = await shop.claim(worker, mail, 4, limits)
        keys.push(...jobs.map((job) => job.key))
        await shop.write(...jobs.map((job) => shop.settleJob(worker, job)))
      }

      expect(new Set(keys).size).toBe(51)
    })

    it("asks for the urgent ones of a key first", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 2 })
      await shop.queue(
        mail,
        [2, 1, 0, 1].map((priority) => ({ key: "cus_1", priority })),
      )

      const { jobs } = await shop.claim(workers[0], mail, 5, limits)

      expect(jobs.map((job) => job.priority)).toEqual([0, 1])
    })

    it("does not bind what has no key", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 1 })
      await shop.queue(mail, several(7))

      expect((await shop.claim(workers[0], mail, 10, limits)).jobs.length).toBe(7)
    })

    it("holds beside a limit to all of them", async (shop) => {
      const { mail, workers, limits } = await limited(shop, { keyConcurrency: 2, concurrency: 3 })
      await shop.queue(mail, [...several(10, "cus_1"), ...several(10, "cus_2")])

      const claims = await Promise.all(workers.map((worker) => shop.claim(worker, mail, 10, limits)))

      const keys = claims.flatMap(({ jobs }) => jobs.map((job) => job.key))
      expect([keys.length, new Set(keys).size]).toEqual([3, 2])
    })
  })
}

/** Three workers and a subscription with limits. */
async function limited(shop: Shop, over: Partial<FleetLimits>) {
  const mail = await shop.subscribe("mail")
  const workers = await Promise.all([shop.join(), shop.join(), shop.join()])
  return { mail, workers, limits: { limits: { [mail]: { ...NONE, ...over } } } }
}

/** So many jobs: without a key, all of one, or, with "own", each of its own. */
function several(count: number, key: string | null = null): { key: string | null }[] {
  return Array.from({ length: count }, (_, i) => ({ key: key === "own" ? `cus_own_${i}` : key }))
}
