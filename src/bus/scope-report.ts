import { isWithin, parseScope, type Scope, scopeKeys } from "../core/scope.ts"
import { lookAtStaff, type StaffSources } from "./staff.ts"
import type { WithinScopes } from "./within.ts"

/** A scope that something is kept of. */
export interface ScopeReport extends Scope {
  /** How many of the newest events are its own. */
  readonly events: number
  /** False = older events were not looked at: there may be more, and scopes of which nothing else is kept. */
  readonly complete: boolean
}

/** So many looks at events, of some thousand each, are quick enough for somebody who waits. */
const MOST_LOOKS = 10

/** Those that events, deliveries, runs or subscriptions speak of, by their names. */
export async function scopeReports(
  sources: StaffSources,
  request: WithinScopes = {},
): Promise<ScopeReport[]> {
  const wanted = scopeKeys(request.scopes)
  const { current } = await lookAtStaff(sources)
  const events = new Map<string, number>()
  const add = (scope: string, count: number): void => {
    events.set(scope, (events.get(scope) ?? 0) + count)
  }
  for (const { definition } of current.values()) if (definition.scope !== null) add(definition.scope, 0)
  let cursor: string | null | undefined
  for (let looks = 0; looks < MOST_LOOKS && cursor !== null; looks++) {
    const look = await sources.engine.queries.scopes(cursor)
    for (const row of look.scopes) add(row.scope, row.events)
    cursor = look.cursor
  }
  return [...events]
    .filter(([scope]) => isWithin(wanted, scope))
    .map(([scope, count]) => ({ ...parseScope(scope), events: count, complete: cursor === null }))
    .sort(byName)
}

function byName(a: Scope, b: Scope): number {
  const [first, second] = [a, b].map(({ account, workspace }) => `${account}/${workspace}`) as [
    string,
    string,
  ]
  return first < second ? -1 : first > second ? 1 : 0
}
