import type { Clock, Timer } from "../core/clock.ts"
import { StoppedError } from "../core/errors.ts"
import type { Failure } from "../core/failure.ts"
import { deliveryId } from "../core/ids.ts"
import type { Outcome } from "../core/outcome.ts"
import { pickOrder } from "../core/priority.ts"
import type { EventView } from "../core/view.ts"
import type { AppendResult, ContinuedJob } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { ClaimedJob, TakenBatch } from "../engine/leases.ts"
import type { CatalogCache } from "./catalog-cache.ts"
import type { Committer, DirectRunner } from "./committer.ts"
import type { Delivery } from "./delivery.ts"
import type { Desk } from "./desk.ts"
import type { HandlerEntry, Handlers, HandlerTools } from "./handlers.ts"
import { Intake } from "./intake.ts"
import { IsolatedSlot } from "./isolated-slot.ts"
import { JobRun, NoHome } from "./job-run.ts"
import { Lease } from "./lease.ts"
import { type OpenBatch, OpenBatches } from "./open-batches.ts"
import type { AppendPlan } from "./plan.ts"
import { Runner } from "./runner.ts"
import { SystemJobs } from "./system-jobs.ts"

export interface WorkerOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly random: () => number
  readonly catalog: CatalogCache
  readonly committer: Committer
  readonly handlers: Handlers
  readonly tools: HandlerTools
  readonly group: string
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly pollMs: number
  readonly capacity: number
  readonly mostUnsettled: number
  /** Runs a job of the product's own, such as a replay. */
  readonly runSystemJob: (job: ClaimedJob, worker: number, goesOn: () => boolean) => Promise<void>
  readonly onFailed: (delivery: Delivery, outcome: Outcome, failure: Failure) => void
  readonly onDead: (death: Death) => void
  readonly onStuck: (delivery: Delivery) => void
  readonly onTaken: (event: EventView, subscriptions: number) => void
  readonly onError: (error: unknown) => void
}

/** A delivery that became a dead letter. */
export interface Death {
  readonly deliveryId: string
  readonly subscription: number
  readonly attempt: number
  readonly reason: string
  readonly error: string
}

/** More than this in memory, and new batches stay in the store until there is room. */
const MOST_WAITING = 20_000
const BATCHES_PER_TAKE = 4

const IDLE_LOOK_MS = 10

/**
 * Takes work, runs it within its limits, settles it: the one claim loop for every kind of job.
 *
 * Its own emits it runs from memory; what others left, what waits and what failed it takes from the
 * store, when it is poked, when something falls due, and now and then to be sure.
 */
export class Worker implements DirectRunner, Desk {
  readonly clock: Clock
  readonly random: () => number
  readonly runner: Runner
  readonly committer: Committer
  readonly handlers: Handlers
  readonly tools: HandlerTools
  readonly #options: WorkerOptions
  readonly #lease: Lease
  readonly #batches: OpenBatches
  readonly #isolated: IsolatedSlot
  readonly #systemJobs: SystemJobs
  readonly #intake: Intake
  #state: "new" | "running" | "stopping" | "stopped" = "new"
  #backlog = false // the store holds batches of ours that we had no room for
  #wantsMore = false // the last look was cut short by our own limits
  #round = 0
  #looking: Promise<number> | null = null
  #lookAgain = false
  #lookTimer: Timer | null = null
  #lookAt = Number.POSITIVE_INFINITY
  #pokeScheduled = false
  #capScheduled = false
  readonly #toOpen: { readonly taken: TakenBatch; readonly worker: number }[] = []
  #stopListening: (() => void) | null = null

  constructor(options: WorkerOptions) {
    this.#options = options
    this.clock = options.clock
    this.random = options.random
    this.committer = options.committer
    this.handlers = options.handlers
    this.tools = options.tools
    this.#lease = new Lease({
      engine: options.engine,
      clock: options.clock,
      group: options.group,
      leaseMs: options.leaseMs,
      heartbeatMs: options.heartbeatMs,
      handles: () => options.handlers.numbers(),
      onLost: () => this.#lose(),
      onHeld: () => this.resume(),
      onFreed: () => this.poke(),
      onError: options.onError,
    })
    this.runner = new Runner({
      clock: options.clock,
      capacity: options.capacity,
      mostUnsettled: options.mostUnsettled,
      mayStart: () => this.#lease.isHeld && !options.committer.isFailing,
      onFree: (handler) => {
        if (this.#wantsMore && handler.isHungry) this.poke()
      },
      onStuck: (delivery) => this.#onStuck(delivery),
      onCapped: () => this.#onCapped(),
    })
    this.#batches = new OpenBatches(options.clock)
    this.#isolated = new IsolatedSlot(options.clock, () => this.poke())
    this.#systemJobs = new SystemJobs({
      clock: options.clock,
      committer: options.committer,
      run: options.runSystemJob,
      goesOn: (worker) => this.#state === "running" && worker === this.#lease.worker,
      pauseMs: options.pollMs,
      onEnd: () => this.poke(),
      onError: options.onError,
    })
    this.#intake = new Intake({
      desk: this,
      batches: this.#batches,
      isolated: this.#isolated,
      catalog: options.catalog,
      group: options.group,
      onTaken: options.onTaken,
    })
  }

  get number(): number | null {
    return this.#lease.worker
  }

  get isRunning(): boolean {
    return this.#state === "running"
  }

  /** Joins, so that what is registered as ephemeral ends with this process; takes no work yet. */
  async join(): Promise<number> {
    return this.#lease.join()
  }

  async start(): Promise<void> {
    await this.#lease.join()
    await this.#lease.beat()
    this.#state = "running"
    this.#stopListening = this.#options.engine.wakeup.listen(() => void this.#onHint())
    this.poke()
  }

  // DirectRunner: our own emits

  adopt(): number | null {
    if (this.#state !== "running" || !this.#lease.isHeld || this.handlers.size === 0) return null
    if (this.#backlog || this.runner.waiting >= MOST_WAITING) {
      this.#backlog = true
      return null
    }
    return this.#lease.worker
  }

  freeSlots(subscription: number): number {
    const handler = this.handlers.get(subscription)
    if (handler === undefined || handler.paused || this.#state !== "running" || !this.#lease.isHeld) return 0
    return this.#backlog ? 0 : Math.min(handler.room, this.runner.room)
  }

  begin(plan: AppendPlan, worker: number, result: AppendResult): void {
    // Where the lease was lost meanwhile, whoever took it has them.
    if (worker === this.#lease.worker) this.#intake.begin(plan, worker, result)
  }

  poke(): void {
    if (this.#state !== "running" || this.#pokeScheduled) return
    this.#pokeScheduled = true
    setImmediate(() => {
      this.#pokeScheduled = false
      void this.look()
    })
  }

  resume(): void {
    this.runner.pump()
    this.poke()
  }

  // Desk: what leased work tells us

  closed(run: OpenBatch): void {
    this.#batches.closed(run)
  }

  settled(worker: number | null, count: number, more: boolean): void {
    // What was handled under a lost lease is no longer counted.
    this.runner.settled(worker === null || worker === this.#lease.worker ? count : 0)
    if (more) this.poke()
  }

  isolatedEnded(job: number): void {
    this.#isolated.leave(job)
  }

  reported(job: ContinuedJob): void {
    if (job.state === 0) this.#lookBy(job.dueAt)
    else if (job.state === 3) this.#options.onDead(deathOf(job))
  }

  failed(delivery: Delivery, outcome: Outcome, failure: Failure): void {
    this.#options.onFailed(delivery, outcome, failure)
  }

  died(delivery: Delivery, outcome: Extract<Outcome, { kind: "dead" }>): void {
    this.#options.onDead({
      deliveryId: delivery.deliveryId,
      subscription: delivery.handler.no,
      attempt: delivery.attempt,
      reason: outcome.reason,
      error: outcome.error,
    })
  }

  /** Takes what can be taken now; resolves to how much that was. */
  async look(): Promise<number> {
    if (this.#looking !== null) {
      this.#lookAgain = true
      return this.#looking
    }
    this.#looking = this.#look()
    const taken = await this.#looking
    this.#looking = null
    if (this.#lookAgain) {
      this.#lookAgain = false
      this.poke()
    }
    return taken
  }

  /** Resolves when nothing can run now: what is due is done and written. */
  async drain(): Promise<void> {
    for (;;) {
      await this.committer.flush()
      await this.runner.whenIdle()
      await this.#systemJobs.whenDone()
      await this.committer.flush()
      if (!this.runner.isIdle) continue
      if (this.#state !== "running") return
      while (this.#looking !== null) await this.#looking
      const taken = await this.look()
      if (taken === 0 && this.runner.isIdle && this.#batches.size === 0 && this.#systemJobs.size === 0) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Takes nothing more, lets what runs end within the grace time, hands the rest back. */
  async stop(graceMs: number): Promise<void> {
    if (this.#state === "stopped") return
    const started = this.#state === "running"
    this.#state = "stopping"
    this.#stopListening?.()
    this.#clearTimers()
    if (started) {
      await this.#looking
      this.#batches.spillAll()
      this.#handBack(() => true)
      await within(this.runner.whenIdle(), graceMs)
      if (!this.runner.isIdle)
        this.runner.abortAll(new StoppedError("The worker stops and its grace time is over."))
      await within(this.runner.whenIdle(), LAST_CHANCE_MS)
    }
    await within(this.#systemJobs.whenDone(), LAST_CHANCE_MS)
    await this.committer.flush()
    await this.#lease.leave()
    this.runner.close()
    this.#state = "stopped"
  }

  async #look(): Promise<number> {
    this.#lookTimer = this.#clear(this.#lookTimer)
    this.#lookAt = Number.POSITIVE_INFINITY
    if (this.#state !== "running" || !this.#lease.isHeld || this.committer.isFailing) {
      this.#lookBy(this.clock.now() + this.#options.pollMs)
      return 0
    }
    try {
      await this.#openAll()
      const taken = await this.#takeBatches()
      const claimed = await this.#claimJobs()
      this.#wantsMore = taken + claimed > 0 || this.#isCutShort()
      if (taken + claimed > 0 && this.runner.room > 0) this.#lookAgain = true
      this.#lookBy(this.clock.now() + this.#options.pollMs)
      return taken + claimed
    } catch (error) {
      this.#options.onError(error)
      this.#lookBy(this.clock.now() + this.#options.pollMs)
      return 0
    }
  }

  /** There may be more in the store than our own limits let us take: slots that get free ask again. */
  #isCutShort(): boolean {
    if (this.#backlog || this.runner.room === 0) return true
    for (const handler of this.handlers.values()) if (!handler.isHungry) return true
    return false
  }

  async #takeBatches(): Promise<number> {
    const worker = this.#lease.worker
    if (worker === null || this.runner.room === 0) return 0
    if (this.handlers.size === 0) return 0
    const batches = this.runner.waiting < this.#options.capacity ? BATCHES_PER_TAKE : 0
    const taken = await this.#options.engine.leases.take({
      worker,
      group: this.#options.group,
      slots: this.#slots(),
      batches,
      priorities: pickOrder(this.#round++),
    })
    if (batches > 0 && !taken.some((each) => each.source === "batch")) this.#backlog = false
    if (worker !== this.#lease.worker) return 0
    for (const each of taken) this.#toOpen.push({ taken: each, worker })
    await this.#openAll()
    return taken.length
  }

  /** One whose catalog cannot be read now is opened at the next look. */
  async #openAll(): Promise<void> {
    for (let next = this.#toOpen[0]; next !== undefined; next = this.#toOpen[0]) {
      if (next.worker === this.#lease.worker) await this.#intake.openTaken(next.taken, next.worker)
      this.#toOpen.shift()
    }
  }

  async #claimJobs(): Promise<number> {
    const worker = this.#lease.worker
    if (worker === null || this.runner.room === 0) return 0
    const slots = this.#slots()
    const { jobs, nextDueAt } = await this.#options.engine.leases.claim({
      worker,
      group: this.#options.group,
      slots,
      limits: this.#limits(),
      priorities: pickOrder(this.#round++),
      isolated: this.#isolated.isFree,
      system: this.#systemJobs.free,
    })
    if (worker !== this.#lease.worker) return 0
    for (const job of jobs) {
      if (job.kind === "delivery") this.#intake.openJob(job, worker)
      else this.#systemJobs.start(job, worker)
    }
    if (nextDueAt !== null)
      this.#lookBy(Math.max(nextDueAt, this.clock.now() + (jobs.length > 0 ? 0 : IDLE_LOOK_MS)))
    return jobs.length
  }

  /** A handler was taken off: what waits here for it goes back. */
  letGo(handler: HandlerEntry): void {
    handler.paused = true
    this.#batches.spillAll()
    this.#handBack((each) => each === handler)
  }

  /** Jobs that wait here for a slot go back to the store. */
  #handBack(isMeant: (handler: HandlerEntry) => boolean): void {
    for (const { home } of this.runner.takeBack(isMeant)) if (home instanceof JobRun) home.handBack()
  }

  #slots(): [number, number][] {
    const slots: [number, number][] = []
    let room = this.runner.room
    const handlers = [...this.handlers.values()].filter((each) => !each.paused)
    const turn = handlers.length === 0 ? 0 : this.#round % handlers.length
    for (const handler of [...handlers.slice(turn), ...handlers.slice(0, turn)]) {
      const free = Math.min(handler.room, room)
      if (free <= 0) continue
      slots.push([handler.no, free])
      room -= Math.min(free, Math.ceil(room / 2)) // no subscription may ask for all of it
    }
    return slots
  }

  #limits(): Record<number, { limit: number; per: number }> {
    const limits: Record<number, { limit: number; per: number }> = {}
    for (const { no, policy } of this.handlers.values())
      if (policy.rateLimit !== null) limits[no] = policy.rateLimit
    return limits
  }

  /** What is handled must be written before more may start: at once, even at the price of a spill. */
  #onCapped(): void {
    if (this.#capScheduled) return
    this.#capScheduled = true
    setImmediate(() => {
      this.#capScheduled = false
      if (this.committer.hasChanges) this.committer.hurry()
      else this.#batches.spillOne()
    })
  }

  #onStuck(delivery: Delivery): void {
    if (delivery.home instanceof JobRun) delivery.home.mark("stuck")
    this.#options.onStuck(delivery)
  }

  /** Another process wrote: perhaps work, perhaps a subscription or a pause. */
  async #onHint(): Promise<void> {
    try {
      await this.#options.catalog.refresh()
      this.heedPauses()
    } catch (error) {
      this.#options.onError(error)
    }
    this.poke()
  }

  /** Brings the handlers' pauses up to the catalog; what waits here for a paused one goes back. */
  heedPauses(): void {
    const current = new Map(this.#options.catalog.router.subscriptions.map((each) => [each.no, each]))
    let paused = false
    for (const handler of this.handlers.values()) {
      const isPaused = current.get(handler.no)?.definition.paused ?? false
      if (isPaused && !handler.paused) paused = true
      handler.paused = isPaused
    }
    if (!paused) return
    this.#batches.spillAll()
    this.#handBack((handler) => handler.paused)
  }

  #lookBy(at: number): void {
    if (this.#state !== "running" || at >= this.#lookAt) return
    this.#lookTimer = this.#clear(this.#lookTimer)
    this.#lookAt = at
    this.#lookTimer = this.clock.setTimeout(() => void this.look(), Math.max(0, at - this.clock.now()))
  }

  /** Everything under the old lease is somebody else's now. */
  #lose(): void {
    this.runner.abortAll()
    this.#batches.forget()
    this.#isolated.clear()
    this.runner.forget(new NoHome(this))
    if (this.#state === "running") this.poke()
  }

  #clearTimers(): void {
    this.#lookTimer = this.#clear(this.#lookTimer)
    this.#batches.close()
    this.#isolated.clear()
  }

  #clear(timer: Timer | null): null {
    if (timer !== null) this.clock.clearTimeout(timer)
    return null
  }
}

const LAST_CHANCE_MS = 200

/** Real time: a process that is told to stop is waited for by its supervisor's clock. */
async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}

function deathOf(job: ContinuedJob): Death {
  return {
    deliveryId: deliveryId(job.commitId, job.index, job.subscription, job.replay),
    subscription: job.subscription,
    attempt: job.attempt,
    reason: job.reason,
    error: job.error ?? "",
  }
}
