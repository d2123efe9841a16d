import type { SettleBatch, SettleJob } from "../../engine/commit.ts"
import { LEASE_MS, type Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** One thing that happens to a store; `worker` is counted round among those that live. */
export type LeaseStep =
  | { readonly do: "join" | "emit-open" | "emit-jobs" | "emit-key" | "expire" }
  | {
      readonly do: "emit-leased" | "take" | "claim" | "settle" | "settle-twice" | "fail" | "leave"
      readonly worker: number
    }
  | { readonly do: "settle-stale"; readonly worker: number }

interface Held {
  readonly id: string // what it is a lease of
  readonly settle: SettleBatch | SettleJob
  readonly fail: SettleBatch | SettleJob | null
}

/**
 * Runs any order of events against a store and a model of it. Throws when a lease is settled twice, when
 * a stale settle counts, or when in the end anything emitted is not settled exactly once.
 */
export async function runLeaseSteps(shop: Shop, steps: readonly LeaseStep[]): Promise<void> {
  const model = new LeaseModel(shop)
  await model.begin()
  for (const step of steps) await model.run(step)
  await model.finish()
}

class LeaseModel {
  readonly #shop: Shop
  readonly #held = new Map<number, Held[]>() // live workers and what they hold
  readonly #lost: Held[] = [] // what was taken from workers: never to count again
  readonly #done: Held[] = [] // what they settled
  readonly #settled = new Map<string, number>()
  readonly #emitted = new Set<string>()
  #subscription = 0

  constructor(shop: Shop) {
    this.#shop = shop
  }

  async begin(): Promise<void> {
    this.#subscription = await this.#shop.subscribe("mail")
    await this.#join()
  }

  async run(step: LeaseStep): Promise<void> {
    switch (step.do) {
      case "join":
        return this.#join()
      case "emit-open":
        return this.#emitBatch(null)
      case "emit-jobs":
        return this.#emitJobs(null)
      case "emit-key":
        return this.#emitJobs("cus_1")
      case "expire":
        return this.#expire()
    }
    const workers = [...this.#held.keys()]
    const worker = workers[step.worker % workers.length]
    if (worker === undefined) return
    switch (step.do) {
      case "emit-leased":
        return this.#emitBatch(worker)
      case "take":
        return this.#take(worker)
      case "claim":
        return this.#claim(worker)
      case "settle":
        return this.#settle(worker, 1)
      case "settle-twice":
        return this.#settle(worker, 2)
      case "fail":
        return this.#fail(worker)
      case "leave":
        return this.#leave(worker)
      case "settle-stale":
        return this.#settleStale()
    }
  }

  /** Everybody settles what they hold, and one worker does the rest: then each must be settled once. */
  async finish(): Promise<void> {
    for (const worker of [...this.#held.keys()])
      while (this.#of(worker).length > 0) await this.#settle(worker, 1)
    await this.#join()
    const last = [...this.#held.keys()].at(-1) as number
    for (let idle = 0; idle < 2; ) {
      await this.#take(last)
      await this.#claim(last)
      idle = this.#of(last).length === 0 ? idle + 1 : 0
      while (this.#of(last).length > 0) await this.#settle(last, 1)
    }
    await this.#settleStale()
    for (const id of this.#emitted) {
      if (this.#settled.get(id) !== 1)
        throw new Error(`Expected ${id} to be settled once, got ${this.#settled.get(id) ?? 0}.`)
    }
    const { openBatches, openJobs } = await this.#shop.engine.maintenance.stats()
    if (openBatches + openJobs > 0)
      throw new Error(`Expected nothing open, got ${openBatches} batches and ${openJobs} jobs.`)
  }

  #of(worker: number): Held[] {
    return this.#held.get(worker) ?? []
  }

  async #join(): Promise<void> {
    this.#held.set(await this.#shop.join(), [])
  }

  async #emitBatch(worker: number | null): Promise<void> {
    const batches = [this.#shop.newBatch(this.#subscription, 1, { worker })]
    const { batches: rows } = await this.#shop.emit({ events: this.#shop.orders(1), batches })
    const { no, epoch } = rows[0] as { no: number; epoch: number }
    this.#emitted.add(`batch ${no}`)
    if (worker !== null) this.#hold(worker, this.#batch(worker, no, epoch))
  }

  async #emitJobs(key: string | null): Promise<void> {
    for (const id of await this.#shop.queue(this.#subscription, [{ key }, { key }])) this.#emitted.add(id)
  }

  async #take(worker: number): Promise<void> {
    for (const { no, epoch } of await this.#shop.take(worker, [this.#subscription], { batches: 2 })) {
      this.#hold(worker, this.#batch(worker, no, epoch))
    }
  }

  async #claim(worker: number): Promise<void> {
    const { jobs } = await this.#shop.claim(worker, this.#subscription, 2, { isolated: true })
    for (const job of jobs) {
      const settle = this.#shop.settleJob(worker, job)
      this.#hold(worker, { id: job.id, settle, fail: { ...settle, outcome: this.#shop.retry() } })
    }
  }

  #batch(worker: number, no: number, epoch: number): Held {
    return { id: `batch ${no}`, settle: this.#shop.settleBatch(worker, { no, epoch }), fail: null }
  }

  #hold(worker: number, held: Held): void {
    for (const [other, theirs] of this.#held) {
      if (theirs.some((each) => each.id === held.id))
        throw new Error(
          `Expected ${held.id} to be held once, but worker ${other} has it, and ${worker} got it.`,
        )
    }
    this.#of(worker).push(held)
  }

  async #settle(worker: number, times: number): Promise<void> {
    const held = this.#of(worker).shift()
    if (held === undefined) return
    const results = await this.#shop.write(...new Array<SettleBatch | SettleJob>(times).fill(held.settle))
    const oks = results.filter((each) => each.status === "ok").length
    if (oks !== times)
      throw new Error(`Expected each settle of ${held.id} to be ok, ${oks} of ${times} were.`)
    this.#settled.set(held.id, (this.#settled.get(held.id) ?? 0) + 1)
    this.#done.push(held)
  }

  async #fail(worker: number): Promise<void> {
    const held = this.#of(worker).find((each) => each.fail !== null)
    if (held === undefined) return
    this.#of(worker).splice(this.#of(worker).indexOf(held), 1)
    const { status } = await this.#shop.writeOne(held.fail as SettleJob)
    if (status !== "ok") throw new Error(`Expected the retry of ${held.id} to count, it was ${status}.`)
    this.#lost.push(held)
  }

  async #leave(worker: number): Promise<void> {
    await this.#shop.engine.leases.leave(worker)
    this.#lost.push(...this.#of(worker))
    this.#held.delete(worker)
  }

  /** All but the newest worker fall silent; it finds them out. Three in a row would kill what is isolated. */
  async #expire(): Promise<void> {
    for (const [worker, held] of this.#held) {
      // What crashes five times is dead: the model's workers give jobs back before that.
      for (const each of held.filter((one) => one.fail !== null))
        await this.#shop.write(each.fail as SettleJob)
      this.#lost.push(...held)
      this.#held.delete(worker)
    }
    await this.#shop.advance(LEASE_MS)
    await this.#join()
  }

  /** What settled a lease may come again and is known; what comes for a lost lease is not. */
  async #settleStale(): Promise<void> {
    for (const held of this.#done) {
      const { status } = await this.#shop.writeOne(held.settle)
      if (status !== "ok")
        throw new Error(`Expected the settle of ${held.id} to be known again, it was ${status}.`)
    }
    for (const held of this.#lost) {
      const { status } = await this.#shop.writeOne(held.settle)
      if (status !== "fenced")
        throw new Error(`Expected a stale settle of ${held.id} to be fenced, it was ${status}.`)
    }
  }
}

const PROGRAMS = 20
const STEPS = 40

/** Random programs from fixed seeds; `runLeaseSteps` takes those of a property-testing library too. */
export function testModel({ it }: Suite): void {
  it(`settles each lease once and loses nothing, in ${PROGRAMS} random programs`, async (shop) => {
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const steps = randomSteps(seed)
      try {
        await runLeaseSteps(shop, steps)
      } catch (error) {
        throw new Error(`${(error as Error).message} Program ${seed}: ${JSON.stringify(steps)}`, {
          cause: error,
        })
      }
    }
  })
}

export const STEP_NAMES: readonly LeaseStep["do"][] = [
  "join",
  "emit-open",
  "emit-jobs",
  "emit-key",
  "expire",
  "emit-leased",
  "take",
  "claim",
  "settle",
  "settle-twice",
  "fail",
  "leave",
  "settle-stale",
]

function randomSteps(seed: number): LeaseStep[] {
  let state = seed * 2_654_435_761
  const draw = (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 1_013_904_223) >>> 0
    return state % below
  }
  return Array.from({ length: STEPS }, () => ({
    do: STEP_NAMES[draw(STEP_NAMES.length)] as LeaseStep["do"],
    worker: draw(4),
  })) as LeaseStep[]
}
