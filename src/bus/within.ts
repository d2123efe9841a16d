import type { EventRow } from "../core/event.ts"
import { commitIdFrom, commitTime, type EventKey } from "../core/ids.ts"
import { isWithin, type Scopes, scopeKeys } from "../core/scope.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { EventQuery, Page, QueriesPort } from "../engine/queries.ts"
import type { RunRow } from "../engine/runs.ts"

/** What somebody may be shown: only what lies in these scopes. */
export interface WithinScopes {
  /**
   * Only what lies in these scopes, each `account/workspace`; everything else is as if it did not exist.
   *
   * @defaultValue every scope
   */
  readonly scopes?: Scopes
}

/** The event with an id given by a caller or derived, if it lies within these scopes. */
export async function findEventWithin(
  queries: QueriesPort,
  id: string,
  scopes: Scopes | undefined,
): Promise<EventRow | null> {
  const key = await queries.findEvent(id, scopeKeys(scopes))
  return key === null ? null : eventWithin(queries, key, scopes)
}

export async function eventWithin(
  queries: QueriesPort,
  key: EventKey,
  scopes: Scopes | undefined,
): Promise<EventRow | null> {
  const row = await queries.event(key)
  return row !== null && isWithin(scopes, row.scope) ? row : null
}

/** Looks of one page: a small tenant's list must not read a large store in one call. */
const MOST_LOOKS = 20

/**
 * Events, newest first. Where only some scopes count, a page goes on until it is full or has looked far enough.
 *
 * Its cursor then is the place of an event on it, or a time: never the place of an event of another scope, from
 * which that event's id could be told.
 */
export async function eventsWithin(
  queries: QueriesPort,
  query: EventQuery,
  mostLooks: number = MOST_LOOKS,
): Promise<Page<EventRow>> {
  if (query.scopes === undefined) return queries.events(query)
  if (query.scopes.length === 0) return { items: [], cursor: null }
  const items: EventRow[] = []
  let cursor = query.cursor
  for (let looks = 1; ; looks++) {
    const page = await queries.events({ ...query, cursor, limit: query.limit - items.length })
    items.push(...page.items)
    if (page.cursor === null) return { items, cursor: null }
    if (items.length === query.limit) return { items, cursor: placeOf(items.at(-1) as EventRow) }
    cursor = page.cursor
    if (looks < mostLooks) continue
    // What was written in the same millisecond as the last that was looked at comes with the next page.
    const end = commitIdFrom(commitTime(cursor) + 1)
    if (query.cursor === undefined || `${end}.0` < query.cursor)
      return { items: items.filter((row) => row.commitId >= end), cursor: `${end}.0` }
  }
}

function placeOf({ commitId, index }: EventKey): string {
  return `${commitId}.${index}`
}

/**
 * The subscriptions that are somebody's to know of: those of these scopes, and those that hear every scope.
 *
 * One that was another's in one of the versions given is left out in all.
 */
export function visibleOf(
  versions: Iterable<SubscriptionVersion>,
  scopes: Scopes | undefined,
): SubscriptionVersion[] {
  const all = [...versions]
  const hidden = new Set(all.filter((each) => !isVisible(each, scopes)).map((each) => each.no))
  return all.filter((each) => !hidden.has(each.no))
}

function isVisible({ definition: { scope } }: SubscriptionVersion, scopes: Scopes | undefined): boolean {
  return scope === null || isWithin(scopes, scope)
}

/** Whether somebody is bound to some scopes, and this belongs to all of them: its numbers are not theirs to see. */
export function isOfOthersToo(scope: string | null, scopes: Scopes | undefined): boolean {
  return scope === null && scopes !== undefined && scopes !== "all"
}

/** A run's scope, by its key. */
export function scopeOf(run: RunRow): string {
  return run.scope
}

export function isRunWithin(run: RunRow, scopes: Scopes | undefined): boolean {
  return isWithin(scopes, scopeOf(run))
}
