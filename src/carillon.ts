import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import pino from "pino"
import { Emitter } from "./bus/emitter.ts"
import { EventModule, type HandlerLogger } from "./bus/events.ts"
import { Replays } from "./bus/replay.ts"
import { Subscriptions } from "./bus/subscriptions.ts"
import { type CarillonContainer, Modules, newContainer, registerValues } from "./container.ts"
import type { EventDefinition } from "./core/definition.ts"
import { InvalidInputError } from "./core/errors.ts"
import type { EmitOptions, EventInput } from "./core/event.ts"
import { commitIds } from "./core/ids.ts"
import type { Engine } from "./engine/engine.ts"
import { openSqlite } from "./engines/sqlite/engine.ts"
import { type CarillonOptions, type ResolvedOptions, resolveOptions } from "./options.ts"
import { CatalogCache } from "./worker/catalog-cache.ts"
import { Committer, type Receipt } from "./worker/committer.ts"
import { Handlers } from "./worker/handlers.ts"
import { Worker } from "./worker/worker.ts"

/**
 * Opens (and if need be makes) the store and returns a Carillon on it.
 *
 * It emits and registers subscriptions at once; handlers run from `start()` on.
 *
 * @throws ConfigError for a wrong option; StoreError when the file cannot be opened; StoreTooNewError
 *   when a newer Carillon wrote it
 */
export async function createCarillon(options: CarillonOptions = {}): Promise<Carillon> {
  const resolved = resolveOptions(options)
  if (resolved.path !== ":memory:") mkdirSync(dirname(resolved.path), { recursive: true })
  const engine = await openSqlite({
    path: resolved.path,
    synchronous: resolved.synchronous,
    thread: resolved.storeThread,
    clock: resolved.clock,
  })
  const catalog = new CatalogCache(engine.queries)
  await catalog.refresh()
  return new Carillon(engine, catalog, resolved)
}

/** One process's access to a store: it emits, listens, and, once started, works. */
export class Carillon {
  /** The event module; what `container.resolve(Modules.EVENT)` returns. */
  readonly events: EventModule
  readonly container: CarillonContainer
  readonly logger: HandlerLogger
  /** The consumer group that this process's subscriptions belong to. */
  readonly group: string
  readonly #engine: Engine
  readonly #options: ResolvedOptions
  readonly #committer: Committer
  readonly #catalog: CatalogCache
  readonly #subscriptions: Subscriptions
  readonly #emitter: Emitter
  readonly #worker: Worker
  #stopping: Promise<void> | null = null

  constructor(engine: Engine, catalog: CatalogCache, options: ResolvedOptions) {
    const { clock, random, group } = options
    this.#engine = engine
    this.#options = options
    this.group = group
    this.logger = options.logger === undefined ? pino({ name: "carillon" }) : options.logger || SILENT
    this.container = options.container ?? newContainer()
    const commitId = commitIds(clock.now, Math.random)
    const handlers = new Handlers()
    this.#catalog = catalog
    this.#committer = new Committer({
      engine,
      clock,
      catalog: this.#catalog,
      commitId,
      group,
      fastPath: options.fastPath,
      mostBytes: options.mostWaitingBytes,
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
      tools: { container: this.container, loggerFor: () => this.logger },
      group,
      leaseMs: options.leaseMs,
      heartbeatMs: options.heartbeatMs,
      pollMs: options.pollMs,
      capacity: options.concurrency,
      mostUnsettled: options.mostRepeated,
      runSystemJob: (job, worker) => replays.run(job, worker),
      onDead: () => {},
      onStuck: () => {},
      onTaken: options.logEvents ? (event, subscribers) => this.#logTaken(event, subscribers) : () => {},
      onError: (error) => this.logger.error(error),
    })
    this.#committer.runner = this.#worker
    this.#subscriptions = new Subscriptions({
      committer: this.#committer,
      catalog: this.#catalog,
      handlers,
      clock,
      group,
      policy: options.policy,
      scope: options.subscriptionScope,
      warn: (message) => this.logger.warn(message),
      joinWorker: () => this.#worker.join(),
      onReady: () => this.#worker.poke(),
      newId: () => `ephemeral-${commitId()}`,
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
      onInterceptorError: (error) => this.logger.error(error),
    })
    this.events = new EventModule(this.#emitter, this.#subscriptions)
    registerValues(this.container, {
      [Modules.EVENT]: this.events,
      [Modules.EVENT_BUS]: this.events,
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

  /** From here on this process is a worker. Rejects when a subscription made before was refused. */
  async start(): Promise<void> {
    await this.#subscriptions.ready()
    await this.#catalog.refresh()
    await this.#worker.start()
  }

  /**
   * Resolves when nothing can run now: everything due is handled and written. What is delayed, paused
   * or waits for a retry is not waited for.
   */
  async drain(): Promise<void> {
    await this.#subscriptions.ready()
    await this.#worker.drain()
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
    await this.#subscriptions.ready().catch((error) => this.logger.error(error))
    await this.#worker.stop(this.#options.graceMs)
    await this.#committer.close()
    await this.#engine.close()
  }

  #logTaken(
    event: { readonly name: string; readonly extra: { readonly internal?: true } },
    subscribers: number,
  ): void {
    if (event.extra.internal !== true)
      this.logger.info(`Processing ${event.name} which has ${subscribers} subscribers`)
  }
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
