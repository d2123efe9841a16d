import pino from "pino"
import type { DeliveryReport } from "./bus/delivery-report.ts"
import { type DoctorReport, examine } from "./bus/doctor/doctor.ts"
import { Emitter } from "./bus/emitter.ts"
import type { EventReport } from "./bus/event-report.ts"
import { EventModule, type HandlerLogger } from "./bus/events.ts"
import type {
  DeadLetterRequest,
  DeliveryListRequest,
  EventListRequest,
  EventNameReport,
  ListPage,
  StatsReport,
  WorkerReport,
} from "./bus/listing.ts"
import { timeOf } from "./bus/listing.ts"
import { Operations } from "./bus/operations.ts"
import { Outbox } from "./bus/outbox.ts"
import { Replays } from "./bus/replay.ts"
import type { PruneOptions, PruneReport } from "./bus/retention.ts"
import type { DeliverySelection } from "./bus/selection.ts"
import type {
  CancelResult,
  RedriveResult,
  ReplayOptions,
  ReplayProgress,
  ReplayResult,
} from "./bus/steering.ts"
import type { SubscriptionReport } from "./bus/subscription-report.ts"
import { Subscriptions } from "./bus/subscriptions.ts"
import { Tail, type TailEntry, type TailOptions } from "./bus/tail.ts"
import { type Trace, traceOf } from "./bus/trace.ts"
import { Transactional } from "./bus/transactional.ts"
import { type CarillonContainer, Modules, newContainer, registerValues } from "./container.ts"
import type { Clock } from "./core/clock.ts"
import type { EventDefinition } from "./core/definition.ts"
import { InvalidInputError, StoppedError, UnsupportedError } from "./core/errors.ts"
import type { DraftEvent, EmitOptions, EventInput } from "./core/event.ts"
import type { Failure } from "./core/failure.ts"
import { commitIds } from "./core/ids.ts"
import type { Outcome } from "./core/outcome.ts"
import { resolvePolicy } from "./core/policy.ts"
import type { Engine } from "./engine/engine.ts"
import type { RecordSource } from "./identity/records.ts"
import { Users } from "./identity/users.ts"
import { openStore } from "./open.ts"
import { openingError } from "./opening-error.ts"
import { type CarillonOptions, type ResolvedOptions, resolveOptions } from "./options.ts"
import type { WorkflowEngine } from "./runs/service.ts"
import { drainInStep, Workflows } from "./runs/workflows.ts"
import { CatalogCache } from "./worker/catalog-cache.ts"
import { Committer, type Receipt } from "./worker/committer.ts"
import { currentStep } from "./worker/current-step.ts"
import { currentDelivery, type Delivery } from "./worker/delivery.ts"
import { Handlers } from "./worker/handlers.ts"
import { OutageLog } from "./worker/outage-log.ts"
import { Worker } from "./worker/worker.ts"

/**
 * Opens (and if need be makes) the store and returns a Carillon on it.
 *
 * It emits and registers subscriptions at once; handlers run from `start()` on.
 *
 * @throws ConfigError for a wrong option; StoreError when the store cannot be opened; StoreTooNewError
 *   when a newer Carillon wrote it; StoreBehindError when it is behind and `migrate` is false
 */
export async function createCarillon(options: CarillonOptions = {}): Promise<Carillon> {
  const resolved = resolveOptions(options)
  const { engine, clock } = await openStore(resolved)
  const catalog = new CatalogCache(engine.queries)
  try {
    await catalog.refresh()
  } catch (error) {
    await engine.close()
    throw openingError(resolved.database, error)
  }
  return new Carillon(engine, catalog, { ...resolved, clock })
}

/** Options with the time that the store goes by. */
type SettledOptions = Omit<ResolvedOptions, "clock"> & { readonly clock: Clock }

/** One process's access to a store: it emits, listens, and, once started, works. */
export class Carillon {
  /** The event module; what `container.resolve(Modules.EVENT)` returns. */
  readonly events: EventModule
  /** The workflow engine; what `container.resolve(Modules.WORKFLOW_ENGINE)` returns. */
  readonly workflows: WorkflowEngine
  readonly container: CarillonContainer
  readonly logger: HandlerLogger
  /** The consumer group that this process's subscriptions belong to. */
  readonly group: string
  /** Who may log in to an app on this store. */
  readonly users: Users
  /** @internal */
  readonly records: RecordSource
  readonly #engine: Engine
  readonly #options: SettledOptions
  readonly #committer: Committer
  readonly #catalog: CatalogCache
  readonly #subscriptions: Subscriptions
  readonly #emitter: Emitter
  readonly #outbox: Outbox
  readonly #worker: Worker
  readonly #operations: Operations
  readonly #workflows: Workflows
  #starting: Promise<void> | null = null
  #stopping: Promise<void> | null = null

  constructor(engine: Engine, catalog: CatalogCache, options: SettledOptions) {
    const { clock, random, group } = options
    this.#engine = engine
    this.#options = options
    this.group = group
    this.logger = options.logger === undefined ? pino({ name: "carillon" }) : options.logger || SILENT
    this.container = options.container ?? newContainer()
    const commitId = commitIds(clock.now, Math.random)
    const handlers = new Handlers()
    const outageLog = new OutageLog({
      error: (error) => this.logger.error(error),
      info: (message) => this.logger.info(message),
      monotonic: () => clock.monotonic(),
    })
    const onError = (error: unknown): void => outageLog.report(error)
    this.#catalog = catalog
    this.#committer = new Committer({
      engine,
      clock,
      catalog: this.#catalog,
      commitId,
      group,
      fastPath: options.fastPath,
      mostBytes: options.mostWaitingBytes,
      emitTimeoutMs: options.emitTimeoutMs,
      onUnavailable: onError,
      mostOwnDeliveries: Math.max(1, Math.floor(options.mostRepeated / 3)), // three commits may be unsettled
    })
    const replays = new Replays({ engine, catalog: this.#catalog, committer: this.#committer })
    this.#worker = new Worker({
      engine,
      clock,
      random,
      catalog: this.#catalog,
      committer: this.#committer,
      handlers,
      tools: {
        container: this.container,
        transactions: engine.transactions,
        loggerFor: () => this.logger,
      },
      group,
      leaseMs: options.leaseMs,
      heartbeatMs: options.heartbeatMs,
      pollMs: options.pollMs,
      capacity: options.concurrency,
      mostUnsettled: options.mostRepeated,
      runSystemJob: (job, worker, goesOn) => replays.run(job, worker, goesOn),
      onFailed: (delivery, outcome, failure) => this.#logFailed(delivery, outcome, failure),
      onDead: (death) => this.#operations.operational.dead(death),
      onStuck: (delivery) => this.#operations.operational.stuck(delivery),
      onReleased: () => void this.#outbox.release().catch(onError),
      onAnswered: () => outageLog.answered(),
      onTaken: options.logEvents ? (event, subscribers) => this.#logTaken(event, subscribers) : () => {},
      onError,
    })
    this.#committer.runner = this.#worker
    this.#subscriptions = new Subscriptions({
      committer: this.#committer,
      catalog: this.#catalog,
      handlers,
      group,
      policy: options.policy,
      scope: options.subscriptionScope,
      warn: (message) => this.logger.warn(message),
      joinWorker: () => this.#worker.join(),
      onReady: () => this.#worker.poke(),
      onDetached: (handler) => this.#worker.letGo(handler),
      newId: () => `ephemeral-${commitId()}`,
    })
    this.#outbox = new Outbox({
      engine,
      committer: this.#committer,
      ready: () => this.#subscriptions.ready(),
      onRefused: (event, error) => this.#refuse(event, error),
      onError,
    })
    this.#emitter = new Emitter({
      engine,
      clock,
      committer: this.#committer,
      subscriptions: this.#subscriptions,
      defaults: {
        scope: options.scope,
        mostBytes: options.mostEventBytes,
        warn: (message) => this.logger.warn(message),
      },
      definitions: byName(options.definitions),
      onlyDefined: options.onlyDefined,
      commitId,
      transactional: new Transactional({ engine, commitId, outbox: this.#outbox }),
      onRefused: (event, error) => this.#refuse(event, error),
      onInterceptorError: (error) => this.logger.error(error),
      onStage: (eventGroupId) => this.#workflows.runs.noteStaged(eventGroupId),
    })
    this.#operations = new Operations({
      sources: {
        engine,
        catalog,
        handlers,
        worker: this.#worker,
        now: clock.now,
        ready: () => this.#subscriptions.ready(),
      },
      committer: this.#committer,
      replays,
      onError,
      ...options,
    })
    this.events = new EventModule(this.#emitter, this.#subscriptions)
    this.records = { write: (change) => this.#committer.write(change), queries: engine.queries }
    this.users = new Users({ source: this.records, now: clock.now, newId: () => `user_${commitId()}` })
    this.#workflows = new Workflows({
      engine,
      clock,
      committer: this.#committer,
      catalog,
      worker: this.#worker,
      group,
      policy: resolvePolicy({}, options.policy),
      pollMs: options.pollMs,
      listing: this.#operations.listing,
      onEnded: (run, state) => this.#operations.operational.runEnded(run, state),
      container: this.container,
      newId: commitId,
      release: (eventGroupId) => this.#emitter.release(eventGroupId),
      clear: (eventGroupId) => this.#emitter.clear(eventGroupId),
      subscribe: async (event, subscriberId, handle) => {
        this.events.subscribe(event, handle, { subscriberId })
        await this.#subscriptions.ready()
      },
      loggerFor: () => this.logger,
      warn: (message) => this.logger.warn(message),
      onError,
    })
    this.workflows = this.#workflows.engine
    this.#worker.runs = this.#workflows.runs
    registerValues(this.container, {
      [Modules.EVENT]: this.events,
      [Modules.EVENT_BUS]: this.events,
      [Modules.WORKFLOW_ENGINE]: this.workflows,
      [Modules.CARILLON]: this,
      logger: this.logger,
    })
  }

  /** Like `events.emit`, and says under which ids the events are kept. */
  emit<T = unknown>(
    data: EventInput<T> | readonly EventInput<T>[],
    options?: EmitOptions,
  ): Promise<Receipt[]> {
    return this.#emitter.emit(data, options, true)
  }

  /** From here on this process is a worker; calling it again changes nothing. Rejects when a subscription made before was refused. */
  start(): Promise<void> {
    if (this.#stopping !== null) return Promise.reject(alreadyStopped())
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    await this.#subscriptions.ready()
    await this.#catalog.refresh()
    await this.#workflows.start() // so that others hear from the first moment which workflows it knows
    await this.#worker.start()
    this.#operations.start()
  }

  /**
   * Resolves when nothing can run now: everything due is handled and written. What is delayed, paused
   * or waits for a retry is not waited for.
   */
  async drain(): Promise<void> {
    if (currentStep.getStore() !== undefined) throw drainInStep()
    if (currentDelivery.getStore() !== undefined) throw drainInHandler()
    await this.#subscriptions.ready()
    if (this.#engine.transactions !== null) await this.#outbox.release()
    do {
      await this.#outbox.whenIdle()
      await this.#worker.drain()
    } while (!this.#outbox.isIdle)
  }

  /**
   * What became of an event: every subscription it went to, every attempt, what waits and why, and why
   * others were not called. Takes an event's id or a delivery's.
   *
   * @throws NotFoundError when nothing of that id is kept
   */
  trace(id: string): Promise<Trace> {
    return traceOf(this.#operations.sources, id)
  }

  /** The names under which events were emitted, with a sample of each and who listens. */
  eventNames(): Promise<readonly EventNameReport[]> {
    return this.#operations.listing.names()
  }

  /** Events, newest first. */
  listEvents(request?: EventListRequest): Promise<ListPage<EventReport>> {
    return this.#operations.listing.events(request)
  }

  /** Deliveries of every group, newest first. */
  listDeliveries(request?: DeliveryListRequest): Promise<ListPage<DeliveryReport>> {
    return this.#operations.listing.deliveries(request)
  }

  /** Deliveries that have no attempts left, newest first. */
  deadLetters(request?: DeadLetterRequest): Promise<ListPage<DeliveryReport>> {
    return this.#operations.listing.deliveries({ ...request, state: "dead" })
  }

  /** Sends dead letters again, under the same delivery ids and with all their attempts, in slices. */
  redrive(selection: DeliverySelection): Promise<RedriveResult> {
    return this.#operations.steering.redrive(selection)
  }

  /**
   * Delivers past events to a subscription, for the first time or once more. A worker of its group does
   * it, a little at a time; ask `replayProgress` how far it is.
   */
  replay(options: ReplayOptions): Promise<ReplayResult> {
    return this.#operations.steering.replay(options)
  }

  /** How far a replay has come. */
  replayProgress(id: string): Promise<ReplayProgress> {
    return this.#operations.steering.replayProgress(id)
  }

  /**
   * Cancels deliveries that wait with a row of their own: retried, delayed, ordered and limited ones;
   * by id also dead letters. What runs is left alone.
   */
  cancel(selection: DeliverySelection): Promise<CancelResult> {
    return this.#operations.steering.cancel(selection)
  }

  /** Lets what is emitted for a subscription wait, in every process, until `resume`. It outlives a deploy. */
  pause(subscription: string, options?: { readonly group?: string }): Promise<void> {
    return this.#operations.standing.pause({ ...options, subscription })
  }

  resume(subscription: string, options?: { readonly group?: string }): Promise<void> {
    return this.#operations.standing.resume({ ...options, subscription })
  }

  /** The subscriptions of every group: what they listen to, how far behind they are, who works for them. */
  subscriptions(): Promise<readonly SubscriptionReport[]> {
    return this.#operations.listing.subscriptions()
  }

  /** Ends a subscription for good, and cancels what waits for it. A handler that still subscribes makes it anew. */
  removeSubscription(
    subscription: string,
    options?: { readonly group?: string },
  ): Promise<{ readonly id: string; readonly group: string; readonly cancelled: number }> {
    return this.#operations.standing.remove({ ...options, subscription })
  }

  workers(): Promise<readonly WorkerReport[]> {
    return this.#operations.listing.workers()
  }

  stats(): Promise<StatsReport> {
    return this.#operations.listing.stats()
  }

  /**
   * How the store and those who work on it do: connection, settings, lag, dead and stuck work, orphans,
   * space, retention; each with what to do about it. Changes nothing, and takes a second or so.
   */
  doctor(): Promise<DoctorReport> {
    return examine(this.#operations.sources, this.#options)
  }

  /** New events and what becomes of them, as it happens, of every process on this store. */
  tail(options: TailOptions = {}): AsyncGenerator<TailEntry, void, undefined> {
    return new Tail(this.#operations.sources, options, () => this.#stopping !== null).entries(options)
  }

  /** Deletes what is past retention now, in small slices. A started worker does it by itself now and then. */
  prune(options: PruneOptions = {}): Promise<PruneReport> {
    const [before, deadBefore] = [timeOf("before", options.before), timeOf("deadBefore", options.deadBefore)]
    return this.#operations.retention.prune(before, deadBefore, options)
  }

  /**
   * Stops taking work, lets handlers end within the grace time, hands the rest back, closes the store.
   * Calling it again waits for the first call.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {}) // whoever started it was told
    await this.#subscriptions.ready().catch((error) => this.logger.error(error))
    this.#workflows.stop()
    await this.#operations.stop()
    await this.#worker.stop(this.#options.graceMs)
    await this.#outbox.whenIdle()
    await this.#committer.close()
    await this.#engine.close()
  }

  /** Nobody waits for it any more whom an error could be thrown at. */
  #refuse(event: DraftEvent, error: Error): void {
    const { id, name } = event
    this.logger.error(`${name} (${id}), emitted in a transaction, could not be released: ${error.message}`)
    this.#operations.operational.refused(event, error.message)
  }

  #logFailed(delivery: Delivery, outcome: Outcome, failure: Failure): void {
    const { handler, view, attempt, deliveryId } = delivery
    const subscriber = handler.id.slice(0, handler.id.lastIndexOf("@"))
    const err = { message: failure.message, stack: failure.stack }
    const whose = { subscriber, deliveryId, attempt }
    // Bound to the logger they are for machines only: the line for people says them already.
    const { child } = this.logger as { child?: (bindings: object) => HandlerLogger }
    const logger = child?.call(this.logger, whose) ?? this.logger
    const fields = child === undefined ? { ...whose, err } : { err }
    const what = `${subscriber} failed on ${view.name} (${view.id}), attempt ${attempt}: ${failure.message}`
    if (outcome.kind === "dead") logger.error(fields, `${what}. It is a dead letter: ${outcome.reason}.`)
    else logger.warn(fields, what)
  }

  #logTaken(
    event: { readonly name: string; readonly extra: { readonly internal?: true } },
    subscribers: number,
  ): void {
    if (event.extra.internal !== true)
      this.logger.info(`Processing ${event.name} which has ${subscribers} subscribers`)
  }
}

function alreadyStopped(): StoppedError {
  return new StoppedError(
    "Expected a Carillon that was not stopped yet: one that was cannot be started again. Create another.",
  )
}

function drainInHandler(): UnsupportedError {
  return new UnsupportedError(
    "Expected `drain` to be called outside of handlers: it waits for them all, so inside one it would wait for itself. Return from the handler instead.",
  )
}

const nothing = (): void => {}
const SILENT: HandlerLogger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing })

function byName(definitions: readonly EventDefinition[]): Map<string, EventDefinition> {
  const map = new Map<string, EventDefinition>()
  for (const definition of definitions) {
    if (map.has(definition.name))
      throw new InvalidInputError(`Expected one definition of \`${definition.name}\`, got two.`)
    map.set(definition.name, definition)
  }
  return map
}
