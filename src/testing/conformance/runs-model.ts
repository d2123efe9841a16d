import { isEnded, type RunState } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { RunLease } from "../../engine/runs.ts"
import { OrderRuns } from "./order-runs.ts"
import type { Shop } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

/** What the model knows of a run from the answers alone. */
interface Known {
  readonly id: string
  readonly no: number
  lease: (RunLease & { seen: number }) | null // null = nobody that we know of holds it
  readonly written: Set<string> // steps whose record was acknowledged
  readonly waiting: Set<string>
  signals: number // acknowledged, so at least so many
  cancelled: boolean
  state: RunState // as it was seen last: a cancel may have come since
  busy: boolean // in this round somebody writes under its lease
}

type Draw = (below: number) => number

/**
 * Runs and signals in any order, many at once, each in a commit of its own. Throws when two hold one run, when two
 * live runs have one transaction id, or when what was acknowledged is not there.
 */
class RunsModel {
  readonly #runs: OrderRuns
  readonly #shop: Shop
  readonly #draw: Draw
  readonly #known = new Map<string, Known>()
  #workers: number[] = []
  #steps = 0

  constructor(runs: OrderRuns, draw: Draw) {
    this.#runs = runs
    this.#shop = runs.shop
    this.#draw = draw
    this.#workers = [runs.worker]
  }

  async round(): Promise<void> {
    for (const run of this.#known.values()) run.busy = false
    if (this.#draw(5) === 0) await this.#changeShift()
    const acts = Array.from({ length: 6 }, () => this.#act(this.#draw(10)))
    const claims = this.#draw(3) === 0 ? [this.#claim()] : []
    // What is started or let go in a round may be claimed in it: that is noted last.
    for (const note of await Promise.all([...acts, ...claims])) note?.()
    await this.#check()
  }

  /** Everything is driven to its end by one worker. */
  async finish(): Promise<void> {
    for (const worker of this.#workers) await this.#shop.engine.leases.leave(worker)
    for (const run of this.#known.values()) run.lease = null
    this.#workers = [await this.#shop.join()]
    for (const id of this.#known.keys()) await this.#shop.writeOne(this.#runs.signal(id, { kind: "wake" }))
    for (let left = 1; left > 0; ) {
      ;(await this.#claim())?.()
      const held = [...this.#known.values()].filter((run) => run.lease !== null)
      for (const run of held) (await this.#end(run))?.()
      left = held.length
      await this.#check()
    }
    const { items } = await this.#shop.engine.queries.runs({ state: "invoking", limit: 100 })
    if (items.length > 0) throw new Error(`Expected no live run, got ${items.map((each) => each.id)}.`)
  }

  async #act(what: number): Promise<(() => void) | undefined> {
    if (what < 4) return this.#start()
    const run = this.#pick()
    if (run === undefined) return undefined
    if (what === 4) return this.#signal(run)
    if (what === 5 && this.#draw(3) === 0) return this.#cancel(run)
    if (run.lease === null || run.busy) return this.#signal(run)
    run.busy = true
    return what < 9 ? this.#checkpoint(run) : this.#end(run)
  }

  #pick(): Known | undefined {
    return [...this.#known.values()].at(-1 - this.#draw(8))
  }

  #worker(): number {
    return this.#workers[this.#draw(this.#workers.length)] as number
  }

  async #changeShift(): Promise<void> {
    const leaving = this.#workers.shift() as number
    await this.#shop.engine.leases.leave(leaving)
    for (const run of this.#known.values()) if (run.lease?.worker === leaving) run.lease = null
    while (this.#workers.length < 3) this.#workers.push(await this.#shop.join())
  }

  async #start(): Promise<() => void> {
    const worker = this.#draw(4) === 0 ? null : this.#worker()
    const join = (["live", "done", "any"] as const)[this.#draw(3)]
    const change = this.#runs.newStart({ worker, join, transactionId: `cart_${this.#draw(4)}` })
    const result = await this.#twice(change)
    return () => {
      if (result.status !== "ok" || result.run === undefined) throw refused("start", result)
      const { id, no, job, epoch } = result.run
      if (!this.#known.has(id)) {
        const nothing = { signals: 0, cancelled: false, state: "invoking", busy: false } as const
        this.#known.set(id, { id, no, lease: null, written: new Set(), waiting: new Set(), ...nothing })
      }
      if (epoch === 1) this.#hold(id, { run: no, job, worker: worker as number, epoch })
    }
  }

  async #claim(): Promise<() => void> {
    const worker = this.#worker()
    const { jobs } = await this.#shop.claim(worker, this.#runs.subscription, 3)
    return () => {
      for (const { id, no, epoch } of jobs) {
        const run = this.#known.get(id)?.no ?? 0
        this.#hold(id, { run, job: no, worker, epoch })
      }
    }
  }

  #hold(id: string, lease: RunLease): void {
    const run = this.#known.get(id)
    if (run === undefined) throw new Error(`Expected a run that was started, got ${id}.`)
    if (run.lease !== null)
      throw new Error(`Expected ${id} to be held once, ${run.lease.worker} and ${lease.worker} have it.`)
    run.lease = { ...lease, seen: run.signals }
  }

  async #checkpoint(run: Known): Promise<() => void> {
    const lease = run.lease as NonNullable<Known["lease"]>
    const name = `step ${++this.#steps}`
    const isWaiting = this.#draw(2) === 0
    const record = isWaiting ? this.#runs.waiting(name) : this.#runs.step(name)
    const dueAt = this.#draw(2) === 0 ? null : this.#shop.now()
    const park = this.#draw(2) === 0 ? { dueAt, reason: "response", signals: lease.seen } : null
    const change = this.#runs.checkpoint(lease, [record], { park })
    const result = park === null ? await this.#twice(change) : await this.#shop.writeOne(change)
    return () => {
      if (result.status !== "ok") throw refused(`checkpoint of ${run.id}`, result)
      run.written.add(name)
      if (isWaiting) run.waiting.add(name)
      lease.seen = result.signals as number
      if (result.parked === true) run.lease = null
    }
  }

  async #end(run: Known): Promise<() => void> {
    const state = run.state === "compensating" ? "reverted" : "done"
    const change = this.#runs.end(run.lease as RunLease, { state })
    const result = await this.#shop.writeOne(change)
    return () => {
      if (result.status !== "ok") throw refused(`end of ${run.id}`, result)
      run.lease = null
    }
  }

  async #signal(run: Known): Promise<() => void> {
    const [step] = run.waiting
    if (step !== undefined) run.waiting.delete(step)
    const change =
      step === undefined ? this.#runs.signal(run.id, { kind: "wake" }) : this.#runs.stepSignal(run.id, step)
    const result = await this.#shop.writeOne(change)
    return () => {
      if (result.status === "ok") run.signals++
    }
  }

  async #cancel(run: Known): Promise<() => void> {
    const result = await this.#shop.writeOne(
      this.#runs.signal(run.id, { kind: "cancel", reason: "sold out" }),
    )
    return () => {
      if (result.status === "ok") run.cancelled = true
    }
  }

  /** As when an answer was lost. */
  async #twice(change: Parameters<Shop["writeOne"]>[0]): Promise<ChangeResult> {
    const first = await this.#shop.writeOne(change)
    return this.#draw(2) === 0 ? first : await this.#shop.writeOne(change)
  }

  async #check(): Promise<void> {
    const live = new Set<string>()
    for (const run of this.#known.values()) {
      const row = await this.#runs.row(run.id)
      const problems = [
        isEnded(row.state) === (row.job !== null) && `is ${row.state}, with job ${row.job?.no}`,
        row.signals < run.signals && `has ${row.signals} signals of ${run.signals}`,
        run.cancelled && row.state === "done" && "is done, though it was cancelled",
        run.lease !== null && row.job?.worker !== run.lease.worker && `is not held by ${run.lease.worker}`,
        !isEnded(row.state) && live.has(row.transactionId) && "is the second that is live",
      ].filter((each) => each !== false)
      const steps = new Set((await this.#shop.engine.queries.runSteps(run.no)).map((each) => each.step))
      for (const step of run.written) if (!steps.has(step)) problems.push(`lacks ${step}`)
      if (problems.length > 0) throw new Error(`Run ${run.id} ${problems.join(", and ")}.`)
      if (!isEnded(row.state)) live.add(row.transactionId)
      run.state = row.state
    }
  }
}

function refused(what: string, result: ChangeResult): Error {
  return new Error(`Expected the ${what} to count, got ${JSON.stringify(result)}.`)
}

const ROUNDS = 25
const PROGRAMS = 4

export function testRunsModel({ it }: Suite): void {
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    it(`loses nothing of what was acknowledged, whatever happens at once (program ${seed})`, async (shop) => {
      const model = new RunsModel(await OrderRuns.of(shop), drawFrom(seed))
      for (let round = 0; round < ROUNDS; round++) await model.round()
      await model.finish()
    })
  }
}

function drawFrom(seed: number): Draw {
  let state = seed * 2_654_435_761
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 1_013_904_223) >>> 0
    return (state >>> 8) % below
  }
}
