import pino from "pino"
import { type DefinitionReport, definitionReport } from "./bus/definition-report.ts"
import type { DeliveryReport } from "./bus/delivery-report.ts"
import { type DoctorReport, examine } from "./bus/doctor/doctor.ts"
import { Emitter } from "./bus/emitter.ts"
import type { EraseRequest } from "./bus/erase.ts"
import type { EraseReport } from "./bus/erase-report.ts"
import type { EventReport } from "./bus/event-report.ts"
import { EventModule, type HandlerLogger } from "./bus/events.ts"
import { eventOf } from "./bus/find-event.ts"
import { type SubscriptionName, subscriberOf } from "./bus/find-subscription.ts"
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
import { deliveryOf } from "./bus/one-delivery.ts"
import { Operations } from "./bus/operations.ts"
import { Outbox } from "./bus/outbox.ts"
import { type Publish, Publisher, type PublishOptions } from "./bus/publisher.ts"
import type { RefusedMessage } from "./bus/refused-message.ts"
import { Replays } from "./bus/replay.ts"
import { checkServices } from "./bus/resolution.ts"
import type { PruneOptions, PruneReport } from "./bus/retention.ts"
import type { ScopeReport } from "./bus/scope-report.ts"
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
import { positionAt, Tail, type TailEntry, type TailOptions } from "./bus/tail.ts"
import { type Trace, traceOf } from "./bus/trace.ts"
import { Transactional } from "./bus/transactional.ts"
import type { WithinScopes } from "./bus/within.ts"
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
import { Identity } from "./identity/identity.ts"
import { Keys } from "./identity/keys.ts"
import type { RecordSource } from "./identity/records.ts"
import type { Users } from "./identity/users.ts"
import { openStore } from "./open.ts"
import { openingError } from "./opening-error.ts"
import { type CarillonOptions, type ResolvedOptions, resolveOptions } from "./options.ts"
import type { WorkflowEngine } from "./runs/service.ts"
import { drainInStep, Workflows } from "./runs/workflows.ts"
import { METRICS_CONTENT_TYPE, Metrics } from "./telemetry/metrics.ts"
import { StoreLook } from "./telemetry/store-look.ts"
import { Tallies } from "./telemetry/tally.ts"
import { Tracing } from "./telemetry/tracing.ts"
import { notifiersOf } from "./webhooks/built-in-notifiers.ts"
import { NotifierBook } from "./webhooks/notifier-book.ts"
import type { Outbound } from "./webhooks/outbound.ts"
import { outgoing } from "./webhooks/outgoing.ts"
import { WEBHOOKS } from "./webhooks/record.ts"
import { Resolvers } from "./webhooks/resolve.ts"
import { ALLOW } from "./webhooks/settings.ts"
import { Webhooks } from "./webhooks/webhooks.ts"
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

/** Where a subscription is looked for. */
export type SubscriptionPlace = Omit<SubscriptionName, "subscription">

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
  /** Who may do what over HTTP: users, tokens, applications, their roles and scopes. */
  readonly identity: Identity
  /** Who may log in to an app on this store; the same as `identity.users`. */
  readonly users: Users
  /** What is sent out of the house: webhook subscriptions, to URLs, buses and queues. */
  readonly webhooks: Webhooks
  /** @internal */
  readonly records: RecordSource
  readonly #engine: Engine
  readonly #options: SettledOptions
  readonly #committer: Committer
  readonly #catalog: CatalogCache
  readonly #subscriptions: Subscriptions
  readonly #emitter: Emitter
  readonly #publisher: Publisher
  readonly #outbox: Outbox
  readonly #worker: Worker
  readonly #operations: Operations
  readonly #workflows: Workflows
  readonly #outbound: Outbound
  readonly #metrics: Metrics
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
    const tallies = new Tallies()
    const tracing = new Tracing(group)
    const handlers = new Handlers(tallies)
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
      tallies,
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
      tracing,
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
    const definitions = byName(options.definitions)
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
      definitions,
      onlyDefined: options.onlyDefined,
      tracing,
      commitId,
      transactional: new Transactional({ engine, commitId, outbox: this.#outbox }),
      onRefused: (event, error) => this.#refuse(event, error),
      onInterceptorError: (error) => this.logger.error(error),
      onStage: (eventGroupId) => this.#workflows.runs.noteStaged(eventGroupId),
    })
    this.#publisher = new Publisher({
      definitions,
      container: this.container,
      emit: (input, wishes) => this.#emitter.emit(input, wishes, true),
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
      pruneOthers: () => this.identity.audit.prune(),
      onError,
      ...options,
    })
    this.events = new EventModule(this.#emitter, this.#subscriptions, this.#publisher)
    this.records = { write: (change) => this.#committer.write(change), queries: engine.queries }
    this.identity = new Identity({
      source: this.records,
      keys: new Keys({
        secret: options.secret,
        file: options.secretFile,
        env: process.env,
        warn: (message) => this.logger.warn(message),
      }),
      now: clock.now,
      monotonic: () => clock.monotonic(),
      newId: commitId,
      auditRetentionMs: options.auditRetentionMs,
      onError,
    })
    this.users = this.identity.users
    this.identity.sealed.add(WEBHOOKS)
    const notifiers = new NotifierBook(notifiersOf(options.webhooks))
    this.webhooks = new Webhooks({
      source: this.records,
      queries: engine.queries,
      catalog,
      standing: this.#operations.standing,
      notifiers,
      ring: () => this.identity.keys.ring(),
      group,
      scope: options.scope,
      eventNames: () => (options.onlyDefined ? [...definitions.keys()] : null),
      mostPerScope: options.webhooks.mostPerScope,
      definitions: options.definitions,
      now: clock.now,
      monotonic: () => clock.monotonic(),
      newId: commitId,
      onChanged: () => {
        this.#worker.heedPauses()
        this.#worker.poke()
      },
    })
    const resolvers = new Resolvers({
      definitions,
      container: this.container,
      clock,
      mostBytes: options.mostEventBytes,
    })
    this.#outbound = outgoing({
      catalog,
      worker: this.#worker,
      records: this.records,
      queries: engine.queries,
      ring: () => this.identity.keys.ring(),
      clock,
      random,
      group,
      notifiers,
      resolve: (event, wish) => resolvers.resolve(event, wish),
      webhooks: this.webhooks,
      operational: this.#operations.operational,
      settings: options.webhooks,
      warn: (message) => this.logger.warn(message),
      onError,
    })
    this.#workflows = new Workflows({
      engine,
      clock,
      committer: this.#committer,
      catalog,
      worker: this.#worker,
      tallies,
      tracing,
      group,
      policy: resolvePolicy({}, options.policy),
      scope: options.scope,
      pollMs: options.pollMs,
      listing: this.#operations.listing,
      onEnded: (run, state) => this.#operations.operational.runEnded(run, state),
      container: this.container,
      newId: commitId,
      release: (eventGroupId) => this.#emitter.release(eventGroupId),
      clear: (eventGroupId) => this.#emitter.clear(eventGroupId),
      subscribe: async (event, subscriberId, handle) => {
        this.events.subscribe(event, handle, { subscriberId, scope: null })
        await this.#subscriptions.ready()
      },
      loggerFor: () => this.logger,
      warn: (message) => this.logger.warn(message),
      onError,
    })
    this.workflows = this.#workflows.engine
    this.#worker.runs = this.#workflows.runs
    const store = new StoreLook(engine, clock)
    this.#metrics = new Metrics({
      registry: options.metricsRegistry,
      look: async () => ({
        group,
        engine: engine.capabilities.name,
        tallies,
        handled: [...handlers.values()].filter((each) => each.handlesEvents),
        waitingBytes: this.#committer.waitingBytes,
        pools: engine.pools?.() ?? [],
        store: await store.view(),
      }),
    })
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

  /** Like `events.publish`. */
  publish: Publish = (event: unknown, args: unknown, options?: PublishOptions) =>
    this.#publisher.publish(event, args, options)

  /** From here on this process is a worker; calling it again changes nothing. Rejects when a subscription made before was refused. */
  start(): Promise<void> {
    if (this.#stopping !== null) return Promise.reject(alreadyStopped())
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    checkServices(this.#options.definitions, this.container)
    await this.#subscriptions.ready()
    await this.#catalog.refresh()
    await this.#workflows.start() // so that others hear from the first moment which workflows it knows
    if (this.#options.webhooks.sends) await this.#outbound.start()
    this.#warnOfOpenNetwork()
    await this.#worker.start()
    this.#operations.start()
  }

  /**
   * Resolves when nothing can run now: everything due is handled, written and told of. What is delayed, paused
   * or waits for a retry is not waited for.
   */
  async drain(): Promise<void> {
    if (currentStep.getStore() !== undefined) throw drainInStep()
    if (currentDelivery.getStore() !== undefined) throw drainInHandler()
    await this.#subscriptions.ready()
    if (this.#engine.transactions !== null) await this.#outbox.release()
    const { operational } = this.#operations
    do {
      await this.#outbox.whenIdle()
      await operational.whenIdle()
      await this.#worker.drain()
    } while (!this.#outbox.isIdle || !operational.isIdle)
  }

  /**
   * What became of an event: every subscription it went to, every attempt, what waits and why, and why
   * others were not called. Takes an event's id or a delivery's.
   *
   * @throws NotFoundError when nothing of that id is kept
   */
  trace(id: string, options?: WithinScopes): Promise<Trace> {
    return traceOf(this.#operations.sources, id, options)
  }

  /**
   * One event, by its id or a delivery's, without what became of it: quicker than `trace`.
   *
   * @throws NotFoundError when nothing of that id is kept
   */
  event(id: string, options?: WithinScopes): Promise<EventReport> {
    return eventOf(this.#engine.queries, id, options)
  }

  /** The names under which events were emitted, with a sample of each and who listens. */
  eventNames(request?: WithinScopes): Promise<readonly EventNameReport[]> {
    return this.#operations.listing.names(request)
  }

  /** The events that are defined here, in the option `definitions`, with the shapes of their data. */
  definitions(): readonly DefinitionReport[] {
    return this.#options.definitions.map(definitionReport)
  }

  /** Events, newest first. */
  listEvents(request?: EventListRequest): Promise<ListPage<EventReport>> {
    return this.#operations.listing.events(request)
  }

  /** Deliveries of every group, newest first. */
  listDeliveries(request?: DeliveryListRequest): Promise<ListPage<DeliveryReport>> {
    return this.#operations.listing.deliveries(request)
  }

  /**
   * A delivery with its attempts.
   *
   * @throws NotFoundError when nothing of that id is kept
   */
  delivery(id: string, options?: WithinScopes): Promise<DeliveryReport> {
    return deliveryOf(this.#operations.sources, id, options)
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

  /** How far a replay has come. One that was asked for within some scopes is there for those who may see these. */
  replayProgress(id: string, options?: WithinScopes): Promise<ReplayProgress> {
    return this.#operations.steering.replayProgress(id, options)
  }

  /**
   * Cancels deliveries that wait with a row of their own: retried, delayed, ordered and limited ones;
   * by id also dead letters. What runs is left alone.
   */
  cancel(selection: DeliverySelection): Promise<CancelResult> {
    return this.#operations.steering.cancel(selection)
  }

  /**
   * Lets what is emitted for a subscription wait, in every process, until `resume`. It outlives a deploy.
   *
   * @throws NotFoundError; ForbiddenError where only some `scopes` are allowed and the subscription hears all
   */
  pause(subscription: string, options?: SubscriptionPlace): Promise<void> {
    return this.#operations.standing.pause({ ...options, subscription })
  }

  resume(subscription: string, options?: SubscriptionPlace): Promise<void> {
    return this.#operations.standing.resume({ ...options, subscription })
  }

  /** The subscriptions of every group: what they listen to, how far behind they are, who works for them. */
  subscriptions(request?: WithinScopes): Promise<readonly SubscriptionReport[]> {
    return this.#operations.listing.subscriptions(request)
  }

  /**
   * A subscription, by its id or its subscriber's where that has one only.
   *
   * @throws NotFoundError; InvalidInputError where several go by that name
   */
  subscription(
    subscription: string,
    options?: Omit<SubscriptionName, "subscription">,
  ): Promise<SubscriptionReport> {
    return this.#operations.listing.subscription({ ...options, subscription })
  }

  /** Ends a subscription for good, and cancels what waits for it. A handler that still subscribes makes it anew. */
  removeSubscription(
    subscription: string,
    options?: SubscriptionPlace,
  ): Promise<{ readonly id: string; readonly group: string; readonly cancelled: number }> {
    return this.#operations.standing.remove({ ...options, subscription })
  }

  /**
   * Which scopes there are: those that a subscription names, a run belongs to, or one of the newest 5,000 deliveries
   * or 50,000 events. Of older ones nothing is said, and `complete` is false.
   */
  scopes(request?: WithinScopes): Promise<readonly ScopeReport[]> {
    return this.#operations.listing.scopes(request)
  }

  workers(): Promise<readonly WorkerReport[]> {
    return this.#operations.listing.workers()
  }

  stats(): Promise<StatsReport> {
    return this.#operations.listing.stats()
  }

  /**
   * What this process and its store do, in Prometheus' text format: of every group and scope, so it is not for those
   * who may see one scope only. Asks the store at most once in five seconds; where it does not answer within two,
   * `carillon_up` is 0 and what only the store knows is left out.
   *
   * @example
   * ```ts
   * app.get("/metrics", async (_, res) => res.type(carillon.metricsContentType).send(await carillon.metrics()))
   * ```
   */
  metrics(): Promise<string> {
    return this.#metrics.print()
  }

  /** What to answer with as `Content-Type` where metrics are asked for. */
  get metricsContentType(): string {
    return METRICS_CONTENT_TYPE
  }

  /**
   * How the store and those who work on it do: connection, settings, lag, dead and stuck work, orphans,
   * space, retention; each with what to do about it. Changes nothing, and takes a second or so.
   */
  doctor(): Promise<DoctorReport> {
    const lookAtSecrets = () => this.identity.sealed.check()
    return examine(this.#operations.sources, { ...this.#options, lookAtSecrets })
  }

  /** New events and what becomes of them, as it happens, of every process on this store. */
  tail(options: TailOptions = {}): AsyncGenerator<TailEntry, void, undefined> {
    return new Tail(this.#operations.sources, options, () => this.#stopping !== null).entries(options)
  }

  /** The position from which a tail that begins now would go on: for who may be cut off before its first entry. */
  tailPosition(): string {
    return positionAt(this.#operations.sources.now())
  }

  /** Deletes what is past retention now, in small slices. A started worker does it by itself now and then. */
  prune(options: PruneOptions = {}): Promise<PruneReport> {
    const [before, deadBefore] = [timeOf("before", options.before), timeOf("deadBefore", options.deadBefore)]
    return this.#operations.retention.prune(before, deadBefore, options)
  }

  /**
   * Takes one person's data out of events, deliveries and runs, a little at a time; ids, names, times, causes and
   * outcomes stay, and say `erasedAt`. What is open is left and counted. An erased event is never delivered again.
   *
   * Cut short, the same again goes on where it stopped.
   *
   * @throws InvalidFilterError, InvalidInputError when `where` means nobody in particular
   * @throws OpenWorkError with `includeOpen`, while something of it goes on: nothing was changed
   */
  erase(request: EraseRequest): Promise<EraseReport> {
    return this.#operations.eraser.erase(request)
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
    await this.#outbound.stop()
    await this.#outbox.whenIdle()
    await this.#committer.close()
    await this.#engine.close()
  }

  /** A message of another system's queue that could not become an event is told of, to who listens. @internal */
  refusedMessage(message: RefusedMessage, scope: string | null): void {
    this.#operations.operational.refusedMessage(message, scope)
  }

  /** Nobody waits for it any more whom an error could be thrown at. */
  #refuse(event: DraftEvent, error: Error): void {
    const { id, name } = event
    this.logger.error(`${name} (${id}), emitted in a transaction, could not be released: ${error.message}`)
    this.#operations.operational.refused(event, error.message)
  }

  #logFailed(delivery: Delivery, outcome: Outcome, failure: Failure): void {
    const { handler, view, attempt, deliveryId } = delivery
    const subscriber = subscriberOf(handler.id)
    const err = { message: failure.message, stack: failure.stack }
    const whose = { subscriber, deliveryId, attempt }
    // Bound to the logger they are for machines only: the line for people says them already.
    const { child } = this.logger as { child?: (bindings: object) => HandlerLogger }
    const logger = child?.call(this.logger, whose) ?? this.logger
    const fields = child === undefined ? { ...whose, err } : { err }
    const what = `${subscriber} failed on ${view.name} (${view.id}), attempt ${attempt}: ${failure.message}`
    if (outcome.kind === "dead")
      logger.error(fields, `${what.replace(/\.$/, "")}. It is a dead letter: ${outcome.reason}.`)
    else logger.warn(fields, what)
  }

  #warnOfOpenNetwork(): void {
    const { opened, sends } = this.#options.webhooks
    if (opened.length > 0 && sends)
      this.logger.warn(
        `Webhooks may reach ${opened.join(", ")}, for development: ${ALLOW} says so. Anybody who may make one reaches what this machine does.`,
      )
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
