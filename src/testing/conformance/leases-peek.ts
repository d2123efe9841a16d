import type { Glance } from "../../engine/leases.ts"
import { GROUP, LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** What a worker sees that only asks whether there is anything: it may be told too much, never too little. */
export function testPeek({ it, expect }: Suite): void {
  const kinds: readonly (readonly [string, (shop: Shop, mail: number) => Promise<unknown>])[] = [
    ["a batch", (shop, mail) => shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })],
    ["a part", waitingPart],
    ["a job", (shop, mail) => shop.queue(mail, [{ scope: "acme/dev", priority: 2 }])],
    ["a job with a key", (shop, mail) => shop.queue(mail, [{ key: "cus_1" }])],
    ["a job that is isolated", isolatedJob],
    ["a replay", (shop) => shop.subscribe("late", { startAt: 0 })],
  ]
  for (const [what, make] of kinds) {
    it(`sees ${what} that waits, with a heartbeat as well as without`, async (shop) => {
      const mail = await shop.subscribe("mail")
      const worker = await shop.join()
      await make(shop, mail)

      for (const glance of await glances(shop, worker, [mail])) expect(isFound(glance, shop.now())).toBe(true)
    })
  }

  it("says when the next job falls due, or that there is something at once", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const dueAt = shop.now() + 5_000
    await shop.queue(mail, [{ dueAt: dueAt + 1_000 }, { dueAt }, { dueAt: dueAt + 500, key: "cus_1" }])

    for (const glance of await glances(shop, worker, [mail])) expect(isFound(glance, dueAt)).toBe(true)
  })

  it("leases nothing", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const [id] = await shop.queue(mail, [{}])

    await glances(shop, worker, [mail])

    expect((await shop.job(id as string)).state).toBe("waiting")
    expect((await shop.claim(worker, mail)).jobs.length).toBe(1)
  })

  it("says the version of the catalog, unless hints do", async (shop) => {
    const worker = await shop.join()
    for (const id of ["mail", "sync"]) {
      const mail = await shop.subscribe(id)
      const { version } = await shop.engine.queries.catalog()

      for (const { catalogVersion } of await glances(shop, worker, [mail]))
        expect(catalogVersion === null ? version : catalogVersion).toBe(version)
    }
  })
}

async function glances(shop: Shop, worker: number, handles: readonly number[]): Promise<Glance[]> {
  const { leases } = shop.engine
  const { glance } = await leases.heartbeat({ worker, group: GROUP, leaseMs: LEASE_MS, handles })
  return [glance, await leases.peek({ worker, group: GROUP, subscriptions: handles })]
}

/** A worker that heeds this looks by then. */
function isFound({ work, nextDueAt }: Glance, by: number): boolean {
  return work || (nextDueAt !== null && nextDueAt <= by)
}

async function waitingPart(shop: Shop, mail: number): Promise<void> {
  const { commitId } = await shop.emit({ events: shop.orders(1) })
  await shop.emit({ events: shop.orders(1), parts: [shop.newPart(mail, [{ commitId, index: 0 }])] })
}

async function isolatedJob(shop: Shop, mail: number): Promise<void> {
  const worker = await shop.join()
  const { batches, commitId } = await shop.emit({
    events: shop.orders(1),
    batches: [shop.newBatch(mail, 1, { worker })],
  })
  const job = shop.continued(commitId, 0, mail, { isolated: true, reason: "isolated" })
  await shop.write(shop.settleBatch(worker, batches[0] as never, { jobs: [job] }))
}
