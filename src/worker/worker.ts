import { TAKES_BEFORE_ISOLATION } from "../core/batch.ts"
import type { Clock, Timer } from "../core/clock.ts"
import { StoppedError } from "../core/errors.ts"
import { deliveryId, eventId } from "../core/ids.ts"
import type { Outcome } from "../core/outcome.ts"
import { pickOrder } from "../core/priority.ts"
import { type Router, roadOf } from "../core/route.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { AppendResult, ContinuedJob, LeasedRow } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { ClaimedJob, TakenBatch } from "../engine/leases.ts"
import { BatchRun, takeApart } from "./batch-run.ts"
import type { CatalogCache } from "./catalog-cache.ts"
import type { Committer, DirectRunner } from "./committer.ts"
import { Delivery } from "./delivery.ts"
import type { Desk, OpenWork } from "./desk.ts"
import type { HandlerEntry, Handlers, HandlerTools } from "./handlers.ts"
import { JobRun, NoHome } from "./job-run.ts"
import { Lease } from "./lease.ts"
import type { AppendPlan } from "./plan.ts"
import { Runner } from "./runner.ts"

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
  readonly runSystemJob: (job: ClaimedJob, worker: number) => Promise<void>
  readonly onDead: (death: Death) => void
  readonly onStuck: (delivery: Delivery) => void
  readonly onTaken: (event: EventView, subscriptions: number) => void
  readonly onError: (error: unknown) => void
}

/** A delivery that became a dead letter. */
export interface Death {
  readonly deliveryId: string
  readonly subscription: number
  readonly eventId: string
  readonly eventName: string
  readonly attempt: number
  readonly reason: string
  readonly error: string
}

/** A batch gives up what is not finished after this long. */
const SPILL_AFTER_MS = 250

/** More than this in memory, and new batches stay in the store until there is room. */
const MOST_WAITING = 20_000
const BATCHES_PER_TAKE = 4
const SYSTEM_JOBS = 2

/** One isolated job at a time in a process, but one that hangs must not keep all others waiting for ever. */
const ISOLATED_MS = 2_000
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
  readonly #batches = new Set<BatchRun>()
  readonly #jobs = new Set<JobRun>()
  readonly #systemJobs = new Set<Promise<void>>()
  #state: "new" | "running" | "stopping" | "stopped" = "new"
  #backlog = false // the store holds batches of ours that we had no room for
  #wantsMore = false // the last look was cut short by our own limits
  #round = 0
  #looking: Promise<number> | null = null
  #lookAgain = false
  #lookTimer: Timer | null = null
  #lookAt = Number.POSITIVE_INFINITY
  #pokeScheduled = false
  #spillTimer: Timer | null = null
  #isolated: number | null = null // the isolated job that is claimed and not yet settled: one at a time in a process
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
    if (this.#state !== "new")
      throw new StoppedError("Expected a worker that was not started before; create another Carillon.")
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

  begin(
    plan: AppendPlan,
    worker: number,
    { batches, jobs, rejected, existing, missing }: AppendResult,
  ): void {
    if (worker !== this.#lease.worker) return // the lease was lost meanwhile: whoever took it has them
    const left = leftOut(plan, rejected, existing, missing)
    plan.batches.forEach((planned, i) => {
      const row = batches[i]
      if (row === undefined || planned.group !== this.#options.group) return
      if (row.epoch !== 1) return // born open since we were given up for dead, or taken by another meanwhile
      const run = new BatchRun(this, {
        source: "batch",
        no: row.no,
        epoch: row.epoch,
        worker,
        group: planned.group,
        priority: planned.priority,
        replay: 0,
        catalogVersion: plan.catalogVersion,
      })
      let view: EventView | null = null
      let viewIndex = -1
      planned.indexes.forEach((index, j) => {
        if (left?.has(index)) return
        if (index !== viewIndex) {
          view = planned.views[j] ?? new EventView(plan.events[index] as never, plan.commitId, index)
          viewIndex = index
          this.#options.onTaken(view, planned.indexes.length === 1 ? 1 : countAt(planned.indexes, j))
        }
        run.add(planned.subscriptions[j] as SubscriptionVersion, view as EventView)
      })
      this.#open(run)
    })
    plan.leased.forEach(({ subscription, index, view }, i) => {
      const row = jobs[i]
      if (row?.epoch !== 1) return
      const event = view ?? new EventView(plan.events[index] as never, plan.commitId, index)
      this.#options.onTaken(event, 1)
      this.#runJob(row, worker, subscription.no, event, NEW_JOB)
    })
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

  opened(work: OpenWork): void {
    if (work instanceof JobRun) this.#jobs.add(work)
  }

  closed(work: OpenWork): void {
    if (work instanceof BatchRun) this.#batches.delete(work)
    else if (work instanceof JobRun) this.#jobs.delete(work)
  }

  settled(worker: number | null, count: number, more: boolean): void {
    // What was handled under a lost lease is no longer counted.
    this.runner.settled(worker === null || worker === this.#lease.worker ? count : 0)
    if (more) this.poke()
  }

  isolatedEnded(job: number): void {
    if (job !== this.#isolated) return
    this.#isolated = null
    this.poke()
  }

  reported(job: ContinuedJob): void {
    if (job.state === 0) this.#lookBy(job.dueAt)
    else if (job.state === 3) this.#options.onDead(deathOf(job))
  }

  died(delivery: Delivery, outcome: Extract<Outcome, { kind: "dead" }>): void {
    this.#options.onDead({
      deliveryId: delivery.deliveryId,
      subscription: delivery.handler.no,
      eventId: delivery.view.id,
      eventName: delivery.view.name,
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
      await Promise.all(this.#systemJobs)
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
      for (const run of this.#batches) run.spill()
      this.#handBack(() => true)
      await within(this.runner.whenIdle(), graceMs)
      if (!this.runner.isIdle)
        this.runner.abortAll(new StoppedError("The worker stops and its grace time is over."))
      await within(this.runner.whenIdle(), LAST_CHANCE_MS)
    }
    await within(Promise.all(this.#systemJobs), LAST_CHANCE_MS)
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
      this.#wantsMore = taken + claimed > 0 || this.runner.room === 0 || this.#backlog
      if (taken + claimed > 0 && this.runner.room > 0) this.#lookAgain = true
      this.#lookBy(this.clock.now() + this.#options.pollMs)
      return taken + claimed
    } catch (error) {
      this.#options.onError(error)
      this.#lookBy(this.clock.now() + this.#options.pollMs)
      return 0
    }
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
      if (next.worker === this.#lease.worker) await this.#openTaken(next.taken, next.worker)
      this.#toOpen.shift()
    }
  }

  async #openTaken(taken: TakenBatch, worker: number): Promise<void> {
    const router = await this.#options.catalog.routerOf(taken.catalogVersion)
    const deliveries = this.#derive(taken, router)
    if (taken.takes >= TAKES_BEFORE_ISOLATION) {
      const jobs = takeApart(this.#options.group, taken.priority, taken.replay, deliveries)
      const lease = { source: taken.source, no: taken.no, worker, epoch: taken.epoch }
      const result = await this.committer.settle({
        kind: "settle-batch",
        lease,
        outcome: {},
        jobs,
        parts: [],
      })
      this.settled(worker, 0, result.status === "ok")
      return
    }
    const run = new BatchRun(this, {
      source: taken.source,
      no: taken.no,
      epoch: taken.epoch,
      worker,
      group: this.#options.group,
      priority: taken.priority,
      replay: taken.replay,
      catalogVersion: taken.catalogVersion,
    })
    for (const { subscription, view } of deliveries) run.add(subscription, view)
    this.#open(run)
  }

  /** The deliveries of a taken batch: pure routing, the same for every taker. */
  #derive(taken: TakenBatch, router: Router): { subscription: SubscriptionVersion; view: EventView }[] {
    const deliveries: { subscription: SubscriptionVersion; view: EventView }[] = []
    for (const row of taken.events) {
      const view = new EventView(row, row.commitId, row.index)
      if ((view.extra.priority ?? 1) !== taken.priority && taken.subscription === null) continue
      const wanted =
        taken.subscription === null ? this.#directOf(router, view) : this.#partOf(taken.subscription)
      for (const subscription of wanted) deliveries.push({ subscription, view })
      if (wanted.length > 0) this.#options.onTaken(view, wanted.length)
    }
    return deliveries
  }

  #directOf(router: Router, view: EventView): SubscriptionVersion[] {
    const event = { key: view.key, deliverAt: view.extra.deliverAt ?? null }
    return router
      .subscriptionsOf(view)
      .filter(
        (each) => each.group === this.#options.group && roadOf(each.definition, event).road === "direct",
      )
  }

  #partOf(no: number): SubscriptionVersion[] {
    const version = this.#options.catalog.subscriptions.findLast((each) => each.no === no)
    return version === undefined ? [] : [version]
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
      isolated: this.#isolated === null,
      system: SYSTEM_JOBS - this.#systemJobs.size,
    })
    if (worker !== this.#lease.worker) return 0
    for (const job of jobs) this.#openJob(job, worker)
    if (nextDueAt !== null)
      this.#lookBy(Math.max(nextDueAt, this.clock.now() + (jobs.length > 0 ? 0 : IDLE_LOOK_MS)))
    return jobs.length
  }

  #openJob(job: ClaimedJob, worker: number): void {
    if (job.kind !== "delivery") {
      const running = this.#options
        .runSystemJob(job, worker)
        .catch((error) => this.#postpone(job, worker, error))
        .finally(() => {
          this.#systemJobs.delete(running)
          this.poke()
        })
      this.#systemJobs.add(running)
      return
    }
    if (job.event === null) {
      const run = new JobRun(this, {
        no: job.no,
        epoch: job.epoch,
        worker,
        skips: false,
        isolated: job.isolated,
      })
      run.cancel("its event is gone")
      return
    }
    const view = new EventView(job.event, job.event.commitId, job.event.index)
    this.#runJob(job, worker, job.subscription, view, job)
    if (job.attempt === 0) this.#options.onTaken(view, 1)
  }

  async #postpone(job: ClaimedJob, worker: number, error: unknown): Promise<void> {
    this.#options.onError(error)
    const outcome = {
      kind: "retry",
      dueAt: this.clock.now() + this.#options.pollMs,
      error: String(error),
    } as const
    const { no, epoch } = job
    await this.committer.settle({
      kind: "settle-job",
      no,
      worker,
      epoch,
      outcome,
      record: null,
      unordered: false,
    })
  }

  #runJob(row: LeasedRow, worker: number, subscription: number, view: EventView, job: JobHistory): void {
    const handler = this.handlers.get(subscription)
    const skips = handler?.policy.order === "skip"
    if (job.isolated) this.#isolate(row.no)
    const run = new JobRun(this, { no: row.no, epoch: row.epoch, worker, skips, isolated: job.isolated })
    if (handler === undefined) {
      run.handBack()
      return
    }
    const { attempt, replay, isolated, crashes } = job
    const delivery = new Delivery(run, handler, view, this.tools, { attempt: attempt + 1, replay, isolated })
    if (isolated && crashes > TAKES_BEFORE_ISOLATION) this.runner.runAlone(delivery)
    else this.runner.run(delivery)
  }

  /** Jobs that wait here for a slot go back to the store. */
  #handBack(isMeant: (handler: HandlerEntry) => boolean): void {
    for (const { home } of this.runner.takeBack(isMeant)) if (home instanceof JobRun) home.handBack()
  }

  /** One that hangs is no suspect any more after a while, and must not keep the others of its kind waiting. */
  #isolate(job: number): void {
    this.#isolated = job
    this.clock.setTimeout(() => this.isolatedEnded(job), ISOLATED_MS)
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

  #open(run: BatchRun): void {
    this.#batches.add(run)
    run.start()
    if (this.#batches.has(run)) {
      this.#spillTimer ??= this.clock.setTimeout(() => this.#spillOld(), SPILL_AFTER_MS)
    }
  }

  #spillOld(): void {
    this.#spillTimer = null
    const now = this.clock.monotonic()
    let oldest = Number.POSITIVE_INFINITY
    for (const run of this.#batches) {
      if (now - run.startedAt >= SPILL_AFTER_MS) run.spill()
      else oldest = Math.min(oldest, run.startedAt)
    }
    if (oldest === Number.POSITIVE_INFINITY) return
    this.#spillTimer = this.clock.setTimeout(() => this.#spillOld(), oldest + SPILL_AFTER_MS - now)
  }

  /** What is handled must be written before more may start: at once, even at the price of a spill. */
  #onCapped(): void {
    if (this.#capScheduled) return
    this.#capScheduled = true
    setImmediate(() => {
      this.#capScheduled = false
      if (this.committer.hasChanges) this.committer.hurry()
      else for (const run of this.#batches) if (run.hasFinished) return run.spill()
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
    for (const run of this.#batches) run.spill()
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
    for (const run of this.#batches) run.forget()
    this.#batches.clear()
    this.#jobs.clear()
    this.#isolated = null
    this.runner.forget(new NoHome(this))
    if (this.#state === "running") this.poke()
  }

  #clearTimers(): void {
    this.#lookTimer = this.#clear(this.#lookTimer)
    this.#spillTimer = this.#clear(this.#spillTimer)
  }

  #clear(timer: Timer | null): null {
    if (timer !== null) this.clock.clearTimeout(timer)
    return null
  }
}

type JobHistory = Pick<ClaimedJob, "attempt" | "replay" | "isolated" | "crashes">

const NEW_JOB: JobHistory = { attempt: 0, replay: 0, isolated: false, crashes: 0 }

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

function leftOut(
  plan: AppendPlan,
  rejected: AppendResult["rejected"],
  existing: AppendResult["existing"],
  missing: readonly number[],
): Set<number> | null {
  if (rejected.length + existing.length + missing.length === 0) return null
  const left = new Set<number>([...missing, ...existing.map((each) => each.index)])
  const refused = new Set(rejected.map((each) => each.emit))
  plan.emits.forEach((emit, index) => {
    if (refused.has(emit)) left.add(index)
  })
  return left
}

/** How many entries from here on speak of the same event. */
function countAt(indexes: readonly number[], from: number): number {
  let count = 1
  while (indexes[from + count] === indexes[from]) count++
  return count
}

function deathOf(job: ContinuedJob): Death {
  return {
    deliveryId: deliveryId(job.commitId, job.index, job.subscription, job.replay),
    subscription: job.subscription,
    eventId: eventId(job.commitId, job.index),
    eventName: "",
    attempt: job.attempt,
    reason: job.reason,
    error: job.error ?? "",
  }
}
