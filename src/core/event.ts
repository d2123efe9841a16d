import type { Scope } from "./scope.ts"

/** What a caller may say about an event when emitting it. */
export interface EventInput<T = unknown> {
  readonly name: string
  readonly data?: T
  readonly metadata?: Record<string, unknown>
  readonly options?: Record<string, unknown>
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
  readonly priority?: 0 | 2 // absent = 1, normal
  readonly deliverAt?: number
  readonly internal?: true
  readonly policy?: EventPolicy
}

/** What one event asks of the retries of its own deliveries (Medusa's `attempts` and `backoff`). */
export interface EventPolicy {
  readonly retries?: number
  readonly delays?: readonly number[]
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
}

export interface EventMetadata extends Readonly<Record<string, unknown>> {
  readonly eventGroupId?: string
  readonly created_at: Date
  readonly published_at: Date
}
