import type { EventDefinition } from "../core/definition.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { CarillonEvent, EmitOptions, EventInput } from "../core/event.ts"
import type { EventView } from "../core/view.ts"
import type { DeliveryContext } from "../worker/delivery.ts"
import type { HandlerTx } from "../worker/handler-transaction.ts"
import type { ClearOptions, Emitter, Interceptor } from "./emitter.ts"
import type { Publish, Publisher, PublishOptions } from "./publisher.ts"
import type { SubscribeOptions, Subscriptions } from "./subscriptions.ts"
import type { WithinScopes } from "./within.ts"

/** What a handler gets beside the event. */
export interface HandlerContext<Container = unknown, Logger = HandlerLogger> {
  /** The same in every attempt of this delivery: use it to make effects idempotent. */
  readonly deliveryId: string
  /** From 1 up. */
  readonly attempt: number
  /** Aborted when the attempt's time is over, the lease is lost, or the worker stops. */
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly container: Container
  /**
   * With `policy: { transactional: true }`, on PostgreSQL: a transaction in which the delivery is settled
   * too, so that what is written in it happens once.
   *
   * @throws UnsupportedError elsewhere, when it is touched
   */
  readonly tx: HandlerTx
}

/** The part of a logger that handlers can count on; pino's in full by default. */
export interface HandlerLogger {
  debug(...parts: unknown[]): void
  info(...parts: unknown[]): void
  warn(...parts: unknown[]): void
  error(...parts: unknown[]): void
}

/** Called at least once for each event; a rejection is retried by the subscription's policy. */
export type Handler<T = unknown> = (event: CarillonEvent<T>, context: HandlerContext) => unknown

/**
 * The event module, with the methods and meanings of Medusa's, durable.
 *
 * `emit` resolves when the events are on disk; handlers run at least once after that, each
 * subscription on its own terms.
 */
export class EventModule {
  readonly #emitter: Emitter
  readonly #subscriptions: Subscriptions
  readonly #publisher: Publisher

  constructor(emitter: Emitter, subscriptions: Subscriptions, publisher: Publisher) {
    this.#emitter = emitter
    this.#subscriptions = subscriptions
    this.#publisher = publisher
  }

  /**
   * Emits one or more events; an array is written as a whole or not at all.
   *
   * Events with `metadata.eventGroupId` are staged until that group is released. An array that mixes
   * groups is written group by group, each as a whole.
   *
   * @throws InvalidInputError, UnserialisableError, EventTooLargeError, SchemaError, UnknownEventError,
   *   IdConflictError: nothing was written. OverloadedError: not written, try again.
   *   StoreError: perhaps written; try again under an id of your own.
   */
  emit<T = unknown>(data: EventInput<T> | readonly EventInput<T>[], options?: EmitOptions): Promise<void> {
    return this.#emitter.emit(data, options, false) as Promise<unknown> as Promise<void>
  }

  /**
   * Publishes an event of a definition: with the named arguments that its resolver looks the data up from, or, where it
   * has none, with the data themselves.
   *
   * With `resolveAt: "delivery"`, the arguments are stored, and each attempt of a webhook tells how things stand then;
   * handlers get the arguments. With `"publish"`, the resolver runs now, and what it returns is stored.
   *
   * @throws UnknownEventError when there is no such definition; InvalidInputError when the arguments are not named, or
   *   some are missing; whatever a resolver throws, and SchemaError, where it runs now; and what `emit` throws. Nothing
   *   was written.
   */
  publish: Publish = (event: unknown, args: unknown, options?: PublishOptions) =>
    this.#publisher.publish(event, args, options)

  /**
   * Calls `subscriber` for every event of that name, or of names with wildcards (`order.*`, `*`).
   *
   * @throws InvalidInputError when `subscriber` is no function; DuplicateSubscriberError for the same
   *   `subscriberId` twice on one event; InvalidPolicyError and InvalidFilterError
   */
  subscribe<Output>(
    event: EventDefinition<unknown, Output>,
    subscriber: Handler<Output>,
    context?: SubscribeOptions,
  ): this
  subscribe<T = unknown>(event: string | symbol, subscriber: Handler<T>, context?: SubscribeOptions): this
  subscribe(event: unknown, subscriber: unknown, context?: SubscribeOptions): this {
    this.#subscriptions.add(nameOf(event), subscriber, run(subscriber), context)
    return this
  }

  /**
   * Takes the handler off, by function or by `context.subscriberId`; one that is not there is no error.
   *
   * A lasting subscription stays in the catalog, and what waits for it goes on waiting.
   */
  unsubscribe(
    event: string | symbol | EventDefinition,
    subscriber?: unknown,
    context?: { readonly subscriberId?: string },
  ): this {
    this.#subscriptions.remove(nameOf(event), subscriber, context?.subscriberId)
    return this
  }

  /**
   * Emits everything staged under this group at this moment, in one commit; with `scopes` only what was staged in
   * these, and the rest stays. A group without events is no error.
   */
  releaseGroupedEvents(eventGroupId: string, options?: WithinScopes): Promise<void> {
    return this.#emitter.release(eventGroupId, options ?? {})
  }

  /**
   * Drops what is staged under this group, or only the events of some names, only some events, or only those of some
   * scopes. A group without events is no error.
   */
  clearGroupedEvents(eventGroupId: string, options?: ClearOptions): Promise<void> {
    return this.#emitter.clear(eventGroupId, options ?? {})
  }

  /** Calls `interceptor` with every event before it goes out; it is not awaited, its errors are logged. */
  addInterceptor(interceptor: Interceptor): this {
    if (typeof interceptor !== "function")
      throw new InvalidInputError(expected("an interceptor to be a function", interceptor))
    this.#emitter.addInterceptor(interceptor)
    return this
  }

  removeInterceptor(interceptor: Interceptor): this {
    this.#emitter.removeInterceptor(interceptor)
    return this
  }
}

function run(subscriber: unknown): (event: EventView, context: DeliveryContext) => unknown {
  return subscriber as never
}

function nameOf(event: unknown): string {
  if (typeof event === "string") return event
  if (typeof event === "symbol") return event.toString()
  const name = (event as { name?: unknown } | null)?.name
  if (typeof name === "string" && typeof event === "object") return name
  throw new InvalidInputError(expected("an event's name, a symbol or a definition", event))
}

declare module "../container.ts" {
  interface CarillonCradle {
    readonly event: EventModule
    readonly event_bus: EventModule
    readonly logger: HandlerLogger
  }
}
