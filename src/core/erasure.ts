import type { EventExtra } from "./event.ts"
import type { AttemptRecord } from "./job.ts"

/** What an event says in place of its data once that was erased, among its rarer fields. */
export interface Erasure {
  readonly at: number // epoch ms
  readonly to: readonly number[] // the subscriptions it was routed to: without its data nobody can tell any more
}

/** Stands in place of a text that was erased: an error, a reason, the hash of an event's content. */
export const ERASED = "erased"

/** Why a delivery that could still have gone, or gone again, never will. */
export const EVENT_ERASED = "its event was erased"

/** The rarer fields of an event that keep who caused it and how it was to be delivered, and nothing of its own. */
export function erasedExtra(extra: string | null, erased: Erasure): string {
  const { metadata: _, ...rest } = extra === null ? {} : (JSON.parse(extra) as EventExtra)
  return JSON.stringify({ ...rest, erased })
}

/** Asked of every event that is read again, so without taking its fields apart where they cannot say so. */
export function isErased({ extra }: { readonly extra: string | null }): boolean {
  return extra?.includes('"erased":{') === true && (JSON.parse(extra) as EventExtra).erased !== undefined
}

/** Attempts keep when they were made and how they ended, and with which status; nothing of what was said. */
export function erasedHistory(history: readonly AttemptRecord[]): AttemptRecord[] {
  return history.map(({ error, details, ...rest }) => ({
    ...rest,
    ...(error === undefined ? undefined : { error: ERASED }),
    ...(details === undefined ? undefined : { details: { ...details, request: null, response: null } }),
  }))
}
