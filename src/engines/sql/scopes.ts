import type { ScopeLook } from "../../engine/queries.ts"
import { ROWS_PER_LOOK } from "./look.ts"
import { all, get, type Program } from "./program.ts"

/** Events have no index by scope, which would cost every emit: they are looked through from the newest on. */
export function* scopes(cursor?: string): Program<ScopeLook> {
  const [commitId, index] = cursor?.split(".") ?? [BEHIND_ALL, 0]
  const rows = yield* all(
    `SELECT e.commit_id, e.idx, e.scope FROM store.events e
     WHERE e.commit_id <= ? AND (e.commit_id, e.idx) < (?, ?)
     ORDER BY e.commit_id DESC, e.idx DESC LIMIT ${ROWS_PER_LOOK}`,
    commitId as string,
    commitId as string,
    Number(index),
  )
  const events = new Map<string, number>()
  for (const { scope } of rows) events.set(scope as string, (events.get(scope as string) ?? 0) + 1)
  const others = cursor === undefined ? [...(yield* scopesOfJobs()), ...(yield* scopesOfRuns())] : []
  for (const scope of others) if (!events.has(scope)) events.set(scope, 0)
  const last = rows.length === ROWS_PER_LOOK ? rows[rows.length - 1] : undefined
  return {
    scopes: [...events].map(([scope, count]) => ({ scope, events: count })),
    cursor: last === undefined ? null : `${last.commit_id}.${last.idx}`,
  }
}

const BEHIND_ALL = "~"

/** The newest: what is older mostly has its event still, or is of no concern any more. */
function* scopesOfJobs(): Program<string[]> {
  const rows = yield* all(
    `SELECT DISTINCT scope FROM (SELECT scope, kind FROM store.jobs ORDER BY no DESC LIMIT ${ROWS_PER_LOOK}) newest
     WHERE kind = 'delivery'`,
  )
  return rows.map((row) => row.scope as string)
}

/** Scope by scope along the index, however many runs there are. */
function* scopesOfRuns(): Program<string[]> {
  const found: string[] = []
  for (let sql = "SELECT min(scope) AS scope FROM store.runs WHERE scope >= ?"; ; sql = NEXT) {
    const row = yield* get(sql, found[found.length - 1] ?? "")
    const scope = (row?.scope as string | null | undefined) ?? null
    if (scope === null) return found
    found.push(scope)
  }
}

const NEXT = "SELECT min(scope) AS scope FROM store.runs WHERE scope > ?"
