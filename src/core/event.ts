import type { Erasure } from "./erasure.ts"
import type { PriorityName } from "./priority.ts"
import type { Scope } from "./scope.ts"

/** An event to be emitted. */
export interface EventInput<T = unknown> {
  /** For example `order.placed`. Names that begin with `carillon.` are Carillon's own. */
  readonly name: string
  /** Anything that JSON can hold; at most 256 KiB as JSON. Taken as it is at the moment of the call. */
  readonly data?: T
  /** Handed on to handlers. With `eventGroupId` the event is staged until that group is released. */
  readonly metadata?: Record<string, unknown>
  /** An id of your own makes the emit idempotent for 7 days: the same again is one event, other content an error. */
  readonly id?: string
  /** Events of one key are delivered in order to subscriptions with `order`. */
  readonly key?: string
  /** Who emits it, for subscriptions that only listen to one sender. */
  readonly sender?: string
  /** @defaultValue inside a handler that of the event, inside a step its run's, else the Carillon's own */
  readonly scope?: Partial<Scope> | string
  /** Deliver it so many milliseconds from now. */
  readonly delay?: number
  /** Deliver it then; wins over `delay`. */
  readonly deliverAt?: Date | number
  /** @defaultValue "normal" */
  readonly priority?: PriorityName | number
  readonly causationId?: string
  readonly correlationId?: string
  readonly traceparent?: string
  /** Options of this event alone; they win over those given to `emit`. */
  readonly options?: EmitOptions
}

/** How an event was published. Only Carillon says it: nobody outside has this symbol. */
export const PUBLISHED = Symbol("published")

export interface Published {
  readonly isUnresolved: boolean // its data are the arguments of its definition's resolver
  /** What it was published with: what it came to may differ each time, these make it the same event. */
  readonly args: unknown
}

/** How an event was published; undefined = it was emitted. */
export function publishedOf(input: EventInput): Published | undefined {
  return (input as { readonly [PUBLISHED]?: Published })[PUBLISHED]
}

/** What may be said of all events of one `emit`. */
export interface EmitOptions {
  readonly sender?: string
  readonly scope?: Partial<Scope> | string
  readonly key?: string
  readonly delay?: number
  readonly deliverAt?: Date | number
  readonly priority?: PriorityName | number
  /** No "Processing" line in the log. */
  readonly internal?: boolean
  /** So many attempts for each subscription, instead of its policy's `retries` + 1. */
  readonly attempts?: number
  /** Milliseconds between them, or BullMQ's `{ type: "fixed" | "exponential", delay }`. */
  readonly backoff?: number | { readonly type: string; readonly delay?: number }
  /**
   * Makes the call one that may be tried again: for 7 days, the same events in the same order under this key are
   * the same events (`existing: true`), and others are refused with an `IdConflictError`. Keys of each scope are
   * apart.
   *
   * It gives ids to the events that have none of their own; where all have, it changes nothing. Not with `tx`, nor
   * over several event groups.
   */
  readonly idempotencyKey?: string
  /** A transaction to emit within. SQLite refuses it. */
  readonly tx?: unknown
  /** What other systems' options ask for and Carillon does not need is accepted and ignored. */
  readonly [other: string]: unknown
}

/**
 * An event as it travels to and rests in the store: data and the rarer fields already serialised,
 * once, so that nobody on the road does it again.
 */
export interface StoredEvent {
  readonly name: string
  readonly scope: string // scope key; "" = default scope
  readonly sender: string | null
  readonly key: string | null // ordering key
  readonly at: number // when it was emitted, ms
  readonly data: string | null // JSON; null = the event has no data
  readonly extra: string | null // JSON of EventExtra; null = none of it
  readonly id: string | null // given by the caller, or kept from staging; null = derived from its key
  readonly hash: string | null // of the content, with an id of the caller's
}

/** The rarer fields of an event, in one JSON column. */
export interface EventExtra {
  readonly metadata?: Record<string, unknown>
  readonly causationId?: string
  readonly correlationId?: string
  readonly traceparent?: string
  readonly tracestate?: string // of the same trace; never without it
  readonly priority?: 0 | 2 // absent = 1, normal
  readonly deliverAt?: number
  readonly internal?: true
  readonly policy?: EventPolicy
  readonly erased?: Erasure
  readonly unresolved?: true // it was published: its data are the arguments of its definition's resolver
}

/** What one event asks of the retries of its own deliveries (Medusa's `attempts` and `backoff`). */
export interface EventPolicy {
  readonly retries?: number
  readonly initialBackoffDelay?: number
  readonly exponentialBackoffCoefficient?: number
}

/** A stored event with its place, as engines return it. */
export interface EventRow extends StoredEvent {
  readonly commitId: string
  readonly index: number
}

/**
 * The event as a handler, a query or a filter sees it: frozen, with dates as `Date`.
 *
 * `name`, `data` and `metadata` are its own fields, as in Medusa's contract; the rest are getters,
 * so that comparing it with `{ name, data, metadata }` holds.
 */
export interface CarillonEvent<T = unknown> {
  readonly name: string
  readonly data: T
  readonly metadata: EventMetadata
  readonly id: string
  readonly sender: string | null
  readonly scope: Scope
  readonly key: string | null
  readonly at: Date
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
  /** It was published, and `data` are the arguments that its definition resolves at delivery. */
  readonly isUnresolved: boolean
}

export interface EventMetadata extends Readonly<Record<string, unknown>> {
  readonly eventGroupId?: string
  readonly created_at: Date
  readonly published_at: Date
}

/** A stored event on its way in, with what routing asks of its extra fields at hand. */
export interface DraftEvent extends StoredEvent {
  readonly priority: 0 | 1 | 2
  readonly deliverAt: number | null
}
