import type { Scope } from "../core/scope.ts"
import type { EventView } from "../core/view.ts"

/** An event as it is shown: plain fields, ready for JSON. */
export interface EventReport {
  readonly id: string
  readonly name: string
  readonly data: unknown
  readonly metadata: Readonly<Record<string, unknown>>
  readonly sender: string | null
  readonly scope: Scope
  readonly key: string | null
  readonly at: Date
  readonly deliverAt: Date | null // null = it was not delayed
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
  readonly isUnresolved: boolean // `data` are the arguments it was published with: it is looked up for each attempt
  readonly erasedAt: Date | null // null = it is all there; else `data` is null and says nothing
}

export function eventReport(view: EventView): EventReport {
  const { id, name, data, sender, scope, key, at, causationId, correlationId, traceparent, extra } = view
  return {
    id,
    name,
    data: extra.erased === undefined ? data : null,
    metadata: extra.metadata ?? {},
    sender,
    scope,
    key,
    at,
    deliverAt: extra.deliverAt === undefined ? null : new Date(extra.deliverAt),
    causationId,
    correlationId,
    traceparent,
    isUnresolved: view.isUnresolved,
    erasedAt: extra.erased === undefined ? null : new Date(extra.erased.at),
  }
}
