import { listOf } from "./places.ts"
import { all, type Program, type Row, type Value } from "./program.ts"
import { EVENT_COLUMNS } from "./rows.ts"

/**
 * Events by name: `commit_names` says which commits hold the name, and those alone are read.
 *
 * In two statements, not in a join: PostgreSQL's planner would rather read everything that lies between the
 * commits (over 30 partitions with 300,000 events that was 6 s against 15 ms).
 */
export interface NamedCommit {
  readonly commitId: string
  readonly named: number // events of the name
  readonly events: number // all of them: they have to be read to find those
  readonly catalogVersion: number // 0 = the commit itself is gone
}

/** What one IN may hold, and so the most commits of one look. */
export const COMMITS_PER_LOOK = 512

export interface CommitRange {
  readonly from: string // inclusive
  readonly to: string
  readonly toIsIn: boolean
  readonly order: "ASC" | "DESC"
  readonly limit: number
}

export function* commitsNamed(name: string, range: CommitRange): Program<NamedCommit[]> {
  const rows = yield* all(
    `SELECT n.commit_id, n.events AS named,
       (SELECT c.events FROM store.commits c WHERE c.commit_id = n.commit_id) AS events,
       (SELECT c.catalog_version FROM store.commits c WHERE c.commit_id = n.commit_id) AS catalog_version
     FROM store.commit_names n
     WHERE n.name = ? AND n.commit_id >= ? AND n.commit_id ${range.toIsIn ? "<=" : "<"} ?
     ORDER BY n.commit_id ${range.order} LIMIT ?`,
    name,
    range.from,
    range.to,
    Math.min(range.limit, COMMITS_PER_LOOK),
  )
  return rows.map((row) => ({
    commitId: row.commit_id as string,
    named: row.named as number,
    events: (row.events as number | null) ?? (row.named as number),
    catalogVersion: (row.catalog_version as number | null) ?? 0,
  }))
}

export interface EventSelection {
  readonly commitIds: readonly string[] // at most `COMMITS_PER_LOOK`
  readonly order: "ASC" | "DESC"
  readonly where?: string
  readonly values?: readonly Value[]
  readonly limit: number
}

export function* eventsNamed(
  name: string,
  { commitIds, order, where = "", values = [], limit }: EventSelection,
): Program<readonly Row[]> {
  if (commitIds.length === 0) return []
  const list = listOf(commitIds)
  return yield* all(
    `SELECT ${EVENT_COLUMNS} FROM store.events e WHERE e.commit_id IN ${list.places} AND e.name = ? ${where}
     ORDER BY e.commit_id ${order}, e.idx ${order} LIMIT ?`,
    ...list.values,
    name,
    ...values,
    limit,
  )
}
