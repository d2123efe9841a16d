import type { Page } from "../../engine/queries.ts"
import type { RunQuery, RunRow } from "../../engine/runs.ts"
import { all, get, type Program } from "./program.ts"
import { conditionsOf } from "./run-conditions.ts"
import { RUN_COLUMNS, RUN_SOURCE, toRun } from "./run-rows.ts"

/** So many runs of a scope are looked through at a time, whatever else is asked of them. */
const RUNS_PER_LOOK = 2_000

/** Before and behind every id. */
const [FIRST, LAST] = ["", "~"]

/**
 * Newest first, which their ids tell. Each scope's runs are found by the index of that scope, so that what others have
 * is not waded through; `until` is the run down to which every scope was looked through.
 */
export function* runsOfScopes(
  query: RunQuery & { readonly scopes: readonly string[] },
): Program<Page<RunRow>> {
  const { scopes, limit, cursor: end = LAST } = query
  const found: RunRow[] = []
  let until = FIRST
  for (const scope of scopes) {
    const start = yield* startOf(scope, end)
    const rows = yield* runsOfScope(query, { scope, start, end })
    found.push(...rows)
    const lowest = rows.length === limit ? (rows.at(-1) as RunRow).id : start
    if (lowest > until) until = lowest
  }
  const newest = found.filter(({ id }) => id >= until).sort((a, b) => (a.id < b.id ? 1 : -1))
  const items = newest.slice(0, limit)
  const cursor = items.length === limit ? (items.at(-1) as RunRow).id : until
  return { items, cursor: cursor === FIRST ? null : cursor }
}

function* startOf(scope: string, end: string): Program<string> {
  const row = yield* get(
    `SELECT id FROM store.runs WHERE (scope, id) >= (?, '') AND (scope, id) < (?, ?)
     ORDER BY scope DESC, id DESC LIMIT 1 OFFSET ?`,
    scope,
    scope,
    end,
    RUNS_PER_LOOK,
  )
  return (row?.id as string | undefined) ?? FIRST
}

interface Span {
  readonly scope: string
  readonly start: string
  readonly end: string
}

/**
 * All of the index is said in its order, so that no other one will do: in those the runs of others stand as well. So do
 * joined texts keep the planners from them.
 */
function* runsOfScope(query: RunQuery, { scope, start, end }: Span): Program<readonly RunRow[]> {
  const { where, values } = conditionsOf({ ...query, scopes: undefined })
  const others = where.map((each) => each.replace(/^r\.(workflow|state) /, "r.$1 || '' "))
  const rows = yield* all(
    `SELECT ${RUN_COLUMNS} FROM ${RUN_SOURCE}
     WHERE ${["(r.scope, r.id) >= (?, ?)", "(r.scope, r.id) < (?, ?)", ...others].join(" AND ")}
     ORDER BY r.scope DESC, r.id DESC LIMIT ?`,
    scope,
    start,
    scope,
    end,
    ...values,
    query.limit,
  )
  return rows.map(toRun)
}
