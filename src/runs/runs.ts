import type { Clock } from "../core/clock.ts"
import { StoppedError, StoreError } from "../core/errors.ts"
import type { ResolvedPolicy } from "../core/policy.ts"
import { isEnded, type RunContext, type RunState } from "../core/run.ts"
import type { Engine } from "../engine/engine.ts"
import type { ClaimedJob } from "../engine/leases.ts"
import type { StartRun } from "../engine/runs.ts"
import type { Tallies } from "../telemetry/tally.ts"
import type { Tracing } from "../telemetry/tracing.ts"
import type { WorkSpan } from "../telemetry/work-span.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import { inCleanContext } from "../worker/clean-context.ts"
import type { Committer } from "../worker/committer.ts"
import type { HandlerEntry } from "../worker/handlers.ts"
import type { HeldLease } from "../worker/held.ts"
import { pause, within } from "../worker/patience.ts"
import type { RunDesk } from "../worker/run-desk.ts"
import type { Worker } from "../worker/worker.ts"
import { Announcements } from "./announcements.ts"
import { Children, stepKeyOf } from "./children.ts"
import { countRuns } from "./count-runs.ts"
import type { WorkflowDefinition } from "./definition.ts"
import { type EventHandler, EventWaits } from "./event-waits.ts"
import { HeldBack } from "./held-back.ts"
import { LiveRun } from "./live-run.ts"
import { RunListeners } from "./run-listeners.ts"
import type { RunEnd, RunSeat } from "./run-seat.ts"

export interface RunsOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly committer: Committer
  readonly catalog: CatalogCache
  readonly worker: Worker
  readonly tallies: Tallies
  readonly tracing: Tracing
  readonly group: string
  readonly policy: ResolvedPolicy
  readonly container: unknown
  readonly newId: () => string
  readonly release: (eventGroupId: string) => Promise<void>
  readonly clear: (eventGroupId: string) => Promise<void>
  readonly subscribe: (event: string, subscriberId: string, handle: EventHandler) => Promise<void>
  readonly loggerFor: (run: LiveRun, step: string) => unknown
  readonly warn: (message: string) => void
  readonly onError: (error: unknown) => void
  /** A tick of a schedule is leased to us. */
  readonly onTick: (job: ClaimedJob, worker: number) => Promise<void>
}

export interface StartRequest extends Pick<StartRun, "join"> {
  readonly scope: string // its key
  readonly transactionId: string
  readonly input: string | null
  readonly context: RunContext
  readonly parent: { readonly run: string; readonly step: string } | null
  readonly container: unknown
  readonly staged: boolean // events may stand under its group already
  /** Called before a run of this id is begun here. */
  readonly onHeld?: (run: string) => void
}

const RETRY_MS = 1_000
const LAST_CHANCE_MS = 200

/** The runs that this process holds: those it started, and those it claimed. */
export class Runs implements RunDesk {
  readonly announcements: Announcements
  readonly listeners: RunListeners
  readonly children: Children
  readonly waits: EventWaits
  readonly #options: RunsOptions
  readonly #seat: RunSeat<LiveRun>
  readonly #live = new Map<string, LiveRun>()
  readonly #byGroup = new Map<string, Set<LiveRun>>()
  readonly #leases = new Map<LiveRun, { readonly entry: HandlerEntry; readonly held: HeldLease }>()
  readonly #opening = new Set<Promise<void>>()
  readonly #heldBack: HeldBack
  readonly #idle: (() => void)[] = []
  #stopping = false
  #heeding = false

  constructor(options: RunsOptions) {
    this.#options = options
    const { engine, committer, clock, catalog, worker, group } = options
    const onSignal = (run: string): void => void this.#live.get(run)?.heed().catch(options.onError)
    this.listeners = new RunListeners(options.onError)
    this.listeners.addToAll(countRuns(options.tallies))
    this.announcements = new Announcements({ ...options, queries: engine.queries })
    this.children = new Children({
      queries: engine.queries,
      committer,
      group,
      start: (definition, request) => this.#startChild(definition, request),
      onSignal,
    })
    this.waits = new EventWaits({
      queries: engine.queries,
      committer,
      catalog,
      group,
      subscribe: options.subscribe,
      onSignal,
    })
    this.#heldBack = new HeldBack(clock, (run) => {
      committer.record({ kind: "signal-run", run, signal: { kind: "wake" } }).catch(options.onError)
    })
    this.#seat = {
      clock,
      committer,
      queries: engine.queries,
      children: this.children,
      waits: this.waits,
      tracing: options.tracing,
      mayStart: () => !this.#stopping && worker.mayStart,
      isPaused: (run) => this.isPaused(this.#leases.get(run)?.entry.no ?? 0),
      loggerFor: options.loggerFor,
      finish: (run, state) => this.#finish(run, state),
      tell: (run, moment, step) => this.listeners.tell(run, moment, step),
      ran: ({ workflow }, ms) => options.tallies.ofWorkflow(workflow).stepMs.add(ms),
      gone: (run, how) => this.#gone(run, how),
      onError: options.onError,
    }
  }

  get isIdle(): boolean {
    return this.#live.size === 0 && this.#opening.size === 0
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  whenIdle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  /** Writes a run and, where it is new, begins it here. */
  async start(
    definition: WorkflowDefinition,
    request: StartRequest,
  ): Promise<{ id: string; isNew: boolean }> {
    const span = this.#options.tracing.running(definition.id, request.context.traceparent)
    if (span === null) return this.#start(definition, request, null)
    try {
      const { traceparent } = span.written // who goes on with it elsewhere goes on from here
      const context = { ...request.context, traceparent: traceparent ?? request.context.traceparent }
      return await this.#start(definition, { ...request, context }, span)
    } catch (error) {
      span.end({ error })
      throw error
    }
  }

  async #start(
    definition: WorkflowDefinition,
    request: StartRequest,
    span: WorkSpan | null,
  ): Promise<{ id: string; isNew: boolean }> {
    if (this.#stopping) throw stopped()
    const entry = await this.announcements.workflow(definition)
    const worker = this.isPaused(entry.no) ? null : await this.#options.worker.join()
    const { input, context, parent, scope, transactionId, join } = request
    const id = `run_${this.#options.newId()}`
    const run = {
      id,
      group: this.#options.group,
      subscription: entry.no,
      workflow: definition.id,
      hash: definition.hash,
      scope,
      transactionId,
      parent,
      input,
      context,
      priority: 1,
      dueAt: this.#options.clock.now(),
    }
    const result = await this.#options.committer.write({ kind: "start-run", run, worker, join })
    if (result.status !== "ok" || result.run === undefined)
      throw new StoreError(
        result.status === "conflict" ? result.message : "The store refused to start a run.",
      )
    const { run: started } = result
    span?.set({ "carillon.run.id": started.id })
    if (!started.isNew) {
      span?.end({ outcome: "joined" })
      return { id: started.id, isNew: false }
    }
    if (
      worker === null ||
      started.job === 0 ||
      started.epoch === 0 ||
      worker !== this.#options.worker.number
    ) {
      span?.end({ outcome: "left" })
      return { id, isNew: true }
    }
    const lease = { run: started.no, job: started.job, worker, epoch: started.epoch }
    const startedAt = run.dueAt
    const parentKey = parent === null ? null : stepKeyOf(transactionId)
    const identity = { ...run, parentKey, startedAt }
    const container = request.container ?? this.#options.container
    const taken = { lease, definition, container, staged: request.staged, span }
    const live = new LiveRun(this.#seat, identity, { ...taken, ...NEW })
    this.#hold(live, entry)
    request.onHeld?.(id)
    this.listeners.tell(live, "begin", null)
    live.begin()
    return { id, isNew: true }
  }

  /** Somebody wants the runs of a workflow to wait, by the number that it has in the catalog. */
  isPaused(subscription: number): boolean {
    const { worker, catalog } = this.#options
    const known = worker.handlers.get(subscription)
    if (known !== undefined) return known.paused
    const found = catalog.router.subscriptions.find((each) => each.no === subscription)
    return found?.definition.paused ?? false
  }

  live(id: string): LiveRun | null {
    return this.#live.get(id) ?? null
  }

  /** A run was told something from here. */
  signalled(id: string): void {
    this.#live.get(id)?.heed().catch(this.#options.onError)
  }

  /** Events are about to be staged: the runs of that group have something to release or to clear. */
  noteStaged(eventGroupId: string): void {
    for (const run of this.#byGroup.get(eventGroupId) ?? []) run.staged = true
  }

  // RunDesk

  open(job: ClaimedJob, worker: number): void {
    const held: HeldLease = { source: "job", no: job.no, worker }
    this.#options.worker.held.add(held) // a run that is held adds one of its own
    const open = (): Promise<void> =>
      job.kind === "schedule" ? this.#options.onTick(job, worker) : this.#open(job, worker)
    const opening = inCleanContext(open)
      .catch(async (error) => {
        this.#options.onError(error)
        await this.#postpone(job, worker, error).catch(this.#options.onError)
      })
      .finally(() => {
        this.#options.worker.held.delete(held)
        this.#opening.delete(opening)
        this.#checkIdle()
      })
    this.#opening.add(opening)
  }

  resume(): void {
    for (const run of this.#live.values()) run.pump()
    this.#heldBack.resume()
  }

  heed(): void {
    if (this.#heeding || this.#live.size === 0) return
    this.#heeding = true
    this.#heedAll()
      .catch(this.#options.onError)
      .finally(() => {
        this.#heeding = false
      })
  }

  lose(): void {
    for (const run of [...this.#live.values()]) run.lose()
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    const quiet = Promise.all([...this.#live.values()].map((run) => run.whenQuiet()))
    await within(quiet, graceMs)
    for (const run of this.#live.values()) run.interrupt()
    await within(this.#options.committer.flush(), graceMs)
    await within(Promise.all(this.#opening), LAST_CHANCE_MS)
    this.lose()
  }

  async #open(job: ClaimedJob, worker: number): Promise<void> {
    const { queries } = this.#options.engine
    const definition = this.announcements.workflowOf(job.subscription)
    const row = await queries.run(job.id)
    if (row === null || definition === null)
      throw new StoreError(`The run ${job.id} was claimed, and is not kept or not known here.`)
    const records = await queries.runSteps(row.no)
    if (worker !== this.#options.worker.number) return
    const lease = { run: row.no, job: job.no, worker, epoch: job.epoch }
    const entry = await this.announcements.workflow(definition)
    const take = {
      lease,
      definition,
      container: this.#options.container,
      records,
      state: row.state,
      signals: row.signals,
      cancelled: row.cancelled,
      recovered: !wasHandedBack(job),
      suspected: job.crashes > 0,
      staged: true,
      span: this.#options.tracing.resuming(row, row.context.traceparent),
    }
    const identity = { ...row, parentKey: row.parent === null ? null : stepKeyOf(row.transactionId) }
    const live = new LiveRun(this.#seat, identity, take)
    this.#hold(live, entry)
    this.listeners.tell(live, "resume", null)
    if (isEnded(row.state)) await live.finishOff(row.result)
    else live.begin()
  }

  async #startChild(
    definition: WorkflowDefinition,
    request: Omit<StartRequest, "join" | "staged">,
  ): Promise<string> {
    const { id, isNew } = await this.start(definition, { ...request, join: "any", staged: true })
    const live = isNew ? this.#live.get(id) : undefined
    if (live !== undefined)
      await new Promise<void>((resolve) => {
        const off = this.listeners.add(id, (run, moment) => {
          if (run !== live || typeof moment === "string") return
          off()
          resolve()
        })
      })
    return id
  }

  #hold(run: LiveRun, entry: HandlerEntry): void {
    const { job, worker } = run.lease
    const held: HeldLease = { source: "job", no: job, worker }
    this.#live.set(run.id, run)
    this.#leases.set(run, { entry, held })
    this.#options.worker.held.add(held)
    entry.running++
    const { eventGroupId } = run.context
    const sharing = this.#byGroup.get(eventGroupId) ?? new Set()
    this.#byGroup.set(eventGroupId, sharing.add(run))
  }

  #gone(run: LiveRun, how: RunEnd): void {
    const { worker } = this.#options
    const lease = this.#leases.get(run)
    if (lease === undefined) return
    this.#leases.delete(run)
    if (this.#live.get(run.id) === run) this.#live.delete(run.id)
    const sharing = this.#byGroup.get(run.context.eventGroupId)
    sharing?.delete(run)
    if (sharing?.size === 0) this.#byGroup.delete(run.context.eventGroupId)
    run.span?.end({ outcome: how.kind === "ended" ? run.state : how.kind, error: run.doom })
    worker.held.delete(lease.held)
    lease.entry.running--
    worker.isolatedEnded(run.lease.job)
    if (how.kind === "parked" && how.dueAt !== null) worker.dueBy(how.dueAt)
    if (how.kind === "parked" && how.isHeldBack) this.#heldBack.add(run.id, lease.entry)
    worker.freed(lease.entry)
    this.listeners.tell(run, how, null)
    this.#checkIdle()
  }

  async #finish(run: LiveRun, state: RunState): Promise<void> {
    const { eventGroupId } = run.context
    const { release, clear, committer, onError } = this.#options
    for (;;) {
      try {
        if (state === "done") await release(eventGroupId)
        else await clear(eventGroupId)
        await committer.record({ kind: "close-run", lease: run.lease })
        return
      } catch (error) {
        onError(error)
        if (!run.isHeld || this.#stopping) return // whoever holds it next does it
        await pause(RETRY_MS)
      }
    }
  }

  async #heedAll(): Promise<void> {
    for (const run of [...this.#live.values()]) if (run.isBusy) await run.heed()
  }

  async #postpone({ no, epoch }: ClaimedJob, worker: number, error: unknown): Promise<void> {
    const { committer, clock } = this.#options
    if (worker !== this.#options.worker.number) return
    const outcome = { kind: "retry", dueAt: clock.now() + RETRY_MS, error: String(error) } as const
    await committer.record({ kind: "settle-job", no, worker, epoch, outcome, record: null, unordered: false })
  }

  #checkIdle(): void {
    if (this.#idle.length > 0 && this.isIdle) for (const resolve of this.#idle.splice(0)) resolve()
  }
}

/** Whoever held it last ended that by themselves: what they had begun is recorded. */
function wasHandedBack({ attempt, epoch }: ClaimedJob): boolean {
  return attempt === epoch - 1
}

const NEW = {
  records: [],
  state: "invoking",
  signals: 0,
  cancelled: null,
  recovered: false,
  suspected: false,
} as const

function stopped(): StoppedError {
  return new StoppedError(
    "Expected a running Carillon, got one that was stopped. Start runs before `stop()`.",
  )
}
