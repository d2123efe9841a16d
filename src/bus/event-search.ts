import { InvalidInputError } from "../core/errors.ts"
import { type CompiledFilter, compileFilter } from "../core/filter.ts"
import { EventView } from "../core/view.ts"
import type { EventQuery, Page, QueriesPort } from "../engine/queries.ts"
import { eventsWithin } from "./within.ts"

/** What a search goes by: nothing has an index of what events hold, so name and time bound it. */
export interface Searched {
  readonly filter?: unknown
  readonly name?: string
  readonly from?: unknown
}

/**
 * The filter of a search; null = nothing is searched for.
 *
 * @throws InvalidFilterError; InvalidInputError for a search in everything there is
 */
export function searchedFor({ filter, name, from }: Searched): CompiledFilter | null {
  if (filter === undefined || filter === null) return null
  const compiled = compileFilter(filter)
  if (name !== undefined && from !== undefined && from !== null) return compiled
  throw new InvalidInputError(
    "Expected `name` and `from` beside `filter`, got it without: events are looked through one by one, so say of which name they are, and since when.",
  )
}

/** One call looks through so many events at most. */
const MOST_LOOKED_AT = 5_000
const ROWS_PER_READ = 500

/** Events that match, newest first. A page may be short, or empty, before the end: only a cursor of null is the end. */
export async function eventsMatching(
  queries: QueriesPort,
  filter: CompiledFilter,
  query: EventQuery,
): Promise<Page<EventView>> {
  const found: EventView[] = []
  let cursor = query.cursor
  for (let looked = 0; ; ) {
    const page = await eventsWithin(queries, { ...query, cursor, limit: ROWS_PER_READ })
    for (const row of page.items) {
      const view = new EventView(row, row.commitId, row.index)
      if (filter.matches(view)) found.push(view)
      if (found.length === query.limit) return { items: found, cursor: `${row.commitId}.${row.index}` }
    }
    looked += page.items.length
    // A page that is short has looked through as much as one call may: what it saw lies in other scopes.
    const isEnough = looked >= MOST_LOOKED_AT || page.items.length < ROWS_PER_READ
    if (page.cursor === null || isEnough) return { items: found, cursor: page.cursor }
    cursor = page.cursor
  }
}
