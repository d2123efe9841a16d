import type { Clock } from "../core/clock.ts"
import { isUnavailable, StoppedError } from "../core/errors.ts"
import type { Failure } from "../core/failure.ts"
import { deliveryId } from "../core/ids.ts"
import type { Outcome } from "../core/outcome.ts"
import { pickOrder } from "../core/priority.ts"
import type { EventView } from "../core/view.ts"
import type { AppendResult, ContinuedJob } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { ClaimedJob, FleetLimits, Glance, TakenBatch } from "../engine/leases.ts"
import type { Tracing } from "../telemetry/tracing.ts"
import type { CatalogCache } from "./catalog-cache.ts"
import type { Committer, DirectRunner } from "./committer.ts"
import type { Delivery } from "./delivery.ts"
import type { Desk } from "./desk.ts"
import { Doubts, ON_ITS_WAY_MS } from "./doubts.ts"
import type { HandlerEntry, Handlers, HandlerTools } from "./handlers.ts"
import { Held } from "./held.ts"
import { Intake } from "./intake.ts"
import { IsolatedSlot } from "./isolated-slot.ts"
import { JobRun, NoHome } from "./job-run.ts"
import { Lease } from "./lease.ts"
import { Lookout, type Taken } from "./lookout.ts"
import { type OpenBatch, OpenBatches } from "./open-batches.ts"
import { Patience, pause, within } from "./patience.ts"
import type { AppendPlan } from "./plan.ts"
import { NO_RUNS, type RunDesk } from "./run-desk.ts"
import { Runner } from "./runner.ts"
import { slotsOf } from "./slots.ts"
import { SystemJobs } from "./system-jobs.ts"

export interface WorkerOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly random: () => number
  readonly catalog: CatalogCache
  readonly committer: Committer
  readonly handlers: Handlers
  readonly tools: HandlerTools
  readonly tracing: Tracing
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
  /** What transactions of the application left behind can be released. */
  readonly onReleased: () => void
  readonly onError: (error: unknown) => void
  /** The store answers, perhaps after a time in which it did not. */
  readonly onAnswered: () => void
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

/** So many subscriptions are all asked for in every look. */
const FEW_HANDLERS = 100

/** What one question to the store brought. */
type Haul = Pick<Taken, "count" | "mayHaveLeft">
const NO_HAUL: Haul = { count: 0, mayHaveLeft: false }

const NOTHING: Glance = { work: false, released: false, nextDueAt: null, catalogVersion: null }

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
  readonly held = new Held()
  readonly #options: WorkerOptions
  readonly #lease: Lease
  readonly #batches: OpenBatches
  readonly #isolated: IsolatedSlot
  readonly #systemJobs: SystemJobs
  readonly #intake: Intake
  #state: "new" | "running" | "stopping" | "stopped" = "new"
  #backlog = false // the store holds batches of ours that we had no room for
  #round = 0
  #turn = 0 // of handlers to be asked for first
  #lastLook = { turn: 0, asked: 0, all: 0 } // from whom on, for how many, of how many
  readonly #lookout: Lookout
  readonly #doubts: Doubts
  #nextDueAt: number | null = null // as the last claim said
  #capScheduled = false
  readonly #toOpen: { readonly taken: TakenBatch; readonly worker: number }[] = []
  #stopListening: (() => void) | null = null
  #runs: RunDesk = NO_RUNS

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
      onFreed: () => this.#lookout.poke(true),
      onBeat: () => {
        this.#lookout.beginBeat()
        this.#runs.heed()
      },
      onGlance: (glance) => this.#lookout.heedBeat(glance, this.#hasResting),
      onAnswered: () => {
        options.onAnswered()
        options.committer.heedAnswer()
      },
      onError: options.onError,
    })
    this.#lookout = new Lookout({
      clock: options.clock,
      pollMs: options.pollMs,
      mayAsk: () => this.#lease.isHeld && !options.committer.isFailing,
      take: (thorough) => this.#takeAll(thorough),
      peek: () => this.#peek(),
      hasOutbox: options.engine.transactions !== null,
      onReleased: options.onReleased,
      onCatalog: (version) => {
        if (version !== options.catalog.version) void this.#heedCatalog()
      },
      untilBeatMs: () => this.#lease.untilBeatMs,
      onError: options.onError,
    })
    this.runner = new Runner({
      clock: options.clock,
      capacity: options.capacity,
      mostUnsettled: options.mostUnsettled,
      tracing: options.tracing,
      mayStart: () => this.mayStart,
      onFree: (handler) => this.freed(handler),
      onStuck: (delivery) => this.#onStuck(delivery),
      onCapped: () => this.#onCapped(),
    })
    this.#doubts = new Doubts(options.clock)
    this.#batches = new OpenBatches(options.clock)
    this.#isolated = new IsolatedSlot(options.clock, () => this.poke())
    this.#systemJobs = new SystemJobs({
      clock: options.clock,
      committer: options.committer,
      held: this.held,
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

  set runs(runs: RunDesk) {
    this.#runs = runs
  }

  /** May anything be started at all? Not without a lease, nor while the store refuses writes. */
  get mayStart(): boolean {
    return this.#lease.isHeld && !this.committer.isFailing
  }

  /** One of its slots is free. */
  freed(handler: HandlerEntry): void {
    if (this.#lookout.wantsMore && handler.isHungry) this.poke()
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
    this.#stopListening = this.#options.engine.wakeup.listen((groups) => this.#onHint(groups))
    this.#lookout.open()
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
    // One event may be for thousands of them: what they share is counted when they are claimed for.
    if (handler.gate?.holdsReady === false) return 0
    return this.#backlog ? 0 : Math.min(handler.room, this.runner.room)
  }

  begin(plan: AppendPlan, worker: number, result: AppendResult): void {
    this.#options.tracing.look()
    // Where the lease was lost meanwhile, whoever took it has them.
    if (worker === this.#lease.worker) this.#intake.begin(plan, worker, result)
  }

  poke(): void {
    this.#lookout.poke()
  }

  resume(): void {
    this.#options.onAnswered()
    this.runner.pump()
    this.#runs.resume()
    this.#lookout.poke(true)
  }

  // Desk: what leased work tells us

  closed(run: OpenBatch): void {
    this.#batches.closed(run)
  }

  dueBy(at: number): void {
    this.#lookout.dueBy(at)
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
    if (job.state === 0) this.#lookout.dueBy(job.dueAt)
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

  /** Resolves when nothing can run now: what is due is done and written. */
  async drain(): Promise<void> {
    const patience = new Patience()
    let askedInVain = 0 // subscriptions since something was found: of very many a look asks for some
    if (this.#state === "running") await this.#heedCatalog() // another process may have resumed something
    for (;;) {
      // What waits here for a slot may start only then, too.
      if (this.#state === "running" && !(await this.#mayGoOn())) continue
      await this.committer.flush()
      await this.runner.whenIdle()
      await this.#systemJobs.whenDone()
      await this.#runs.whenIdle()
      await this.committer.flush()
      if (!this.runner.isIdle || !this.#runs.isIdle) continue
      if (this.#state !== "running") return
      if (!this.mayStart) continue
      const taken = await this.#lookout.lookAnew()
      const isIdle =
        this.runner.isIdle && this.#batches.size === 0 && this.#systemJobs.size === 0 && this.#runs.isIdle
      const found = taken > 0 || !isIdle || this.committer.hasChanges
      const { asked, all } = this.#lastLook
      askedInVain = found ? 0 : askedInVain + Math.max(1, asked)
      if (this.#lookout.isAway) await pause(AWAY_MS)
      else if (found || askedInVain < all) patience.restore()
      else if (!(await patience.isWorthLookingAgain(this.#nextDueAt, this.clock.now()))) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** While its own clock doubts the lease nothing is begun and nothing looked for: so it asks at once. */
  async #mayGoOn(): Promise<boolean> {
    if (!this.mayStart) await this.#lease.beat().catch(this.#options.onError)
    if (!this.mayStart) await pause(AWAY_MS)
    return this.mayStart
  }

  /** Takes nothing more, lets what runs end within the grace time, hands the rest back. */
  async stop(graceMs: number): Promise<void> {
    if (this.#state === "stopped") return
    const started = this.#state === "running"
    this.#state = "stopping"
    this.#stopListening?.()
    this.#batches.close()
    this.#isolated.clear()
    const lookedLast = this.#lookout.close()
    const runsStopped = this.#runs.stop(graceMs)
    if (started) {
      await lookedLast
      this.#batches.spillAll()
      this.#handBack(() => true)
      await within(this.runner.whenIdle(), graceMs)
      if (!this.runner.isIdle)
        this.runner.abortAll(new StoppedError("The worker stops and its grace time is over."))
      await within(this.runner.whenIdle(), LAST_CHANCE_MS)
    }
    await within(this.#systemJobs.whenDone(), LAST_CHANCE_MS)
    await runsStopped
    await this.committer.flushWithin(graceMs)
    // Where it cannot be given back, the lease runs out by itself.
    await this.#lease.leave().catch(this.#options.onError)
    if (started) this.#options.engine.wakeup.hint([this.#options.group])
    this.runner.close()
    this.#state = "stopped"
  }

  async #takeAll(thorough: boolean): Promise<Taken> {
    this.#options.tracing.look()
    await this.#openAll()
    await this.#resolveDoubt()
    const batches = await this.#takeBatches(thorough)
    const jobs = await this.#claimJobs(thorough)
    this.#passTurn()
    return {
      count: batches.count + jobs.count,
      mayHaveLeft: batches.mayHaveLeft || jobs.mayHaveLeft,
      hasRoom: this.runner.room > 0,
      isCutShort: this.#isCutShort() || this.#doubts.isOpen,
    }
  }

  doubt(): void {
    this.#doubts.begin()
  }

  /** Asks for what it leases to us; when the answer is lost, that may be leased all the same. */
  async #asking<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (error) {
      if (isUnavailable(error)) this.doubt()
      throw error
    }
  }

  /** Hands back what came with an answer that was lost. Within a look: nothing else is being asked for. */
  async #resolveDoubt(): Promise<void> {
    const worker = this.#lease.worker
    if (worker === null || !this.#doubts.isDue(this.committer.sentAt)) return
    const known = this.held.of(worker)
    const freed = await this.#options.engine.leases.handBack({
      worker,
      olderThanMs: ON_ITS_WAY_MS,
      ...known,
    })
    this.#doubts.resolved()
    if (freed > 0) this.#lookout.poke(true)
  }

  async #peek(): Promise<Glance> {
    const worker = this.#lease.worker
    if (worker === null) return NOTHING
    const { engine, group } = this.#options
    const subscriptions = [...this.handlers.values()].filter((each) => !each.rests).map((each) => each.no)
    return engine.leases.peek({ worker, group, subscriptions })
  }

  get #hasResting(): boolean {
    for (const handler of this.handlers.values()) if (handler.rests) return true
    return false
  }

  /** There may be more in the store than our own limits let us take: slots that get free ask again. */
  #isCutShort(): boolean {
    if (this.#backlog || this.runner.room === 0) return true
    for (const handler of this.handlers.values()) if (!handler.isHungry) return true
    return false
  }

  async #takeBatches(thorough: boolean): Promise<Haul> {
    const worker = this.#lease.worker
    if (worker === null || this.runner.room === 0 || this.handlers.size === 0) return NO_HAUL
    const batches = this.runner.waiting < this.#options.capacity ? BATCHES_PER_TAKE : 0
    const { leases } = this.#options.engine
    const taken = await this.#asking(
      leases.take({
        worker,
        group: this.#options.group,
        slots: this.#slots(thorough),
        batches,
        priorities: pickOrder(this.#round++),
        thorough,
      }),
    )
    const parts = taken.filter((each) => each.source === "part").length
    const allTaken = taken.length - parts < batches
    if (allTaken) this.#backlog = false
    if (worker !== this.#lease.worker) return NO_HAUL
    for (const each of taken) this.#toOpen.push({ taken: each, worker })
    await this.#openAll()
    // How many parts a take looks at is the engine's choice.
    return { count: taken.length, mayHaveLeft: parts > 0 || (batches > 0 && !allTaken) }
  }

  /** One whose catalog cannot be read now is opened at the next look. */
  async #openAll(): Promise<void> {
    for (let next = this.#toOpen[0]; next !== undefined; next = this.#toOpen[0]) {
      if (next.worker === this.#lease.worker) await this.#intake.openTaken(next.taken, next.worker)
      this.#toOpen.shift()
    }
  }

  async #claimJobs(thorough: boolean): Promise<Haul> {
    const worker = this.#lease.worker
    this.#nextDueAt = null
    if (worker === null || this.runner.room === 0) return NO_HAUL
    const slots = this.#slots(thorough)
    const askedAt = this.clock.now()
    const { leases } = this.#options.engine
    const { jobs, nextDueAt } = await this.#asking(
      leases.claim({
        worker,
        group: this.#options.group,
        slots,
        limits: this.#limits(),
        priorities: pickOrder(this.#round++),
        thorough,
        isolated: this.#isolated.isFree,
        system: this.#systemJobs.free,
      }),
    )
    if (worker !== this.#lease.worker) return NO_HAUL
    for (const job of jobs) {
      if (job.kind === "delivery") this.#intake.openJob(job, worker)
      else if (job.kind === "replay") this.#systemJobs.start(job, worker)
      else {
        if (job.isolated) this.#isolated.take(job.no)
        this.#runs.open(job, worker)
      }
    }
    // A pause may have come while this was asked for, or a gate may have been closed.
    if (jobs.length > 0 && this.#hasResting) this.#giveBackResting()
    this.#nextDueAt = nextDueAt
    if (nextDueAt !== null) this.#lookBy(nextDueAt, askedAt, jobs.length)
    const got = Map.groupBy(jobs, (job) => job.subscription)
    const isFilled = slots.some(([no, asked]) => (got.get(no)?.length ?? 0) >= asked)
    return { count: jobs.length, mayHaveLeft: isFilled }
  }

  /** What is due, and yet was not given, is not asked for again at once; what fell due while the store was asked is. */
  #lookBy(dueAt: number, askedAt: number, got: number): void {
    const now = this.clock.now()
    if (dueAt > askedAt && dueAt <= now) this.#lookout.poke()
    else this.#lookout.dueBy(Math.max(dueAt, now + (got > 0 ? 0 : IDLE_LOOK_MS)))
  }

  /** A handler was taken off: what waits here for it goes back. */
  letGo(handler: HandlerEntry): void {
    handler.paused = true
    if (!handler.isRecorded) this.#batches.spillAll()
    this.#handBack((each) => each === handler)
  }

  /** Jobs that wait here for a slot go back to the store. */
  #handBack(isMeant: (handler: HandlerEntry) => boolean): void {
    for (const { home } of this.runner.takeBack(isMeant)) if (home instanceof JobRun) home.handBack()
  }

  #slots(thorough: boolean): [number, number][] {
    const { room } = this.runner
    const handlers = [...this.handlers.values()].filter((each) => !each.rests && each.room > 0)
    const turn = handlers.length === 0 ? 0 : this.#turn % handlers.length
    const inTurn = [...handlers.slice(turn), ...handlers.slice(0, turn)].slice(0, room)
    // Whose turn it is not may be due all the same; of very many that is seen once a second.
    const slots = slotsOf(inTurn, { room, oneOfEach: thorough || inTurn.length <= FEW_HANDLERS })
    this.#lastLook = { turn, asked: slots.length, all: handlers.length }
    return slots
  }

  /** Who was left out is asked for first the next time; where nobody was, somebody else is. */
  #passTurn(): void {
    const { turn, asked, all } = this.#lastLook
    this.#turn = turn + (asked < all ? asked : 1)
  }

  #limits(): Record<number, FleetLimits> {
    const limits: Record<number, FleetLimits> = {}
    for (const { no, fleetLimits } of this.handlers.values())
      if (fleetLimits !== null) limits[no] = fleetLimits
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

  /** Another process wrote: work for these groups, or, for everybody, perhaps a subscription or a pause. */
  #onHint(groups: readonly string[] | null): void {
    if (groups === null) void this.#heedCatalog().then(() => this.poke())
    else if (groups.includes(this.#options.group)) {
      this.poke()
      this.#runs.heed()
    }
  }

  async #heedCatalog(): Promise<void> {
    try {
      await this.#options.catalog.refresh()
      this.heedPauses()
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Brings the handlers' pauses up to the catalog; what waits here for a paused one goes back. */
  heedPauses(): void {
    const current = new Map(this.#options.catalog.router.subscriptions.map((each) => [each.no, each]))
    let paused = false
    let resumed = false
    for (const handler of this.handlers.values()) {
      const isPaused = current.get(handler.no)?.definition.paused ?? false
      if (isPaused && !handler.paused) paused = true
      if (!isPaused && handler.paused) resumed = true
      handler.paused = isPaused
    }
    if (resumed) {
      this.runner.pump()
      this.#runs.resume()
    }
    if (paused) this.#giveBackPaused()
  }

  #giveBackResting(): void {
    const hasPaused = [...this.handlers.values()].some(({ paused }) => paused)
    if (hasPaused) this.#giveBackPaused()
    else this.#giveBackGated()
  }

  /** What waits in open batches goes back with them; only jobs are handed back one by one. */
  #giveBackPaused(): void {
    this.#batches.spillAll()
    this.#handBack((handler) => handler.rests)
  }

  /** Gates were opened or closed: what waits behind a closed one goes back, behind an open one it may start. */
  heedGates(): void {
    this.#giveBackGated()
    this.runner.pump()
    this.#lookout.poke(true) // what was handed back fell due long ago
  }

  /** Behind gates there are jobs only: batches are left as they are. */
  #giveBackGated(): void {
    this.#handBack((handler) => handler.gate !== null && (handler.rests || handler.holdsTooMuch))
  }

  /** Everything under the old lease is somebody else's now. */
  #lose(): void {
    this.runner.abortAll()
    this.#batches.forget()
    this.#isolated.clear()
    this.#runs.lose()
    this.runner.forget(new NoHome(this))
    this.held.clear()
    this.poke()
  }
}

const LAST_CHANCE_MS = 200
const AWAY_MS = 100
function deathOf(job: ContinuedJob): Death {
  return {
    deliveryId: deliveryId(job.commitId, job.index, job.subscription, job.replay),
    subscription: job.subscription,
    attempt: job.attempt,
    reason: job.reason,
    error: job.error ?? "",
  }
}
