import { deliveryPrefix, type EventKey } from "../../core/ids.ts"
import type { BatchRow, PartRow, TraceRows } from "../../engine/queries.ts"
import { all, get, type Program, type Row } from "./program.ts"
import { decodeRefs } from "./refs.ts"
import { toJob } from "./rows.ts"

export function* traceOf(key: EventKey): Program<TraceRows> {
  const commit = yield* get("SELECT catalog_version FROM store.commits WHERE commit_id = ?", key.commitId)
  const batches = yield* all("SELECT * FROM store.batches WHERE commit_id = ? ORDER BY no", key.commitId)
  const parts = yield* partsAround(key)
  const prefix = deliveryPrefix(key.commitId, key.index)
  const jobs = yield* all(
    "SELECT * FROM store.jobs WHERE id >= ? AND id < ? ORDER BY no",
    prefix,
    `${prefix}~`,
  )
  return {
    catalogVersion: (commit?.catalog_version as number | undefined) ?? null,
    batches: batches.map(toBatch),
    parts: parts.map(toPart),
    jobs: jobs.map(toJob),
  }
}

/** Sorted here: asked for their order, SQLite reads along it, through all parts that there are. */
function* partsAround(key: EventKey): Program<Row[]> {
  const rows = yield* all(
    "SELECT * FROM store.parts WHERE last_commit >= ? AND first_commit <= ?",
    key.commitId,
    key.commitId,
  )
  return rows.filter((row) => holds(row, key)).sort((a, b) => (a.no as number) - (b.no as number))
}

function holds(part: Row, { commitId, index }: EventKey): boolean {
  return decodeRefs(part.refs as string).some((ref) => ref.commitId === commitId && ref.index === index)
}

const STATES = ["open", "leased", "closed"] as const

export function toBatch(row: Row): BatchRow {
  return {
    no: row.no as number,
    group: row.group_name as string,
    priority: row.priority as number,
    state: STATES[row.state as number] ?? "open",
    worker: row.worker as number | null,
    takes: row.takes as number,
    createdAt: row.created_at as number,
    closedAt: row.closed_at as number | null,
    outcome: row.outcome === null ? null : JSON.parse(row.outcome as string),
  }
}

export function toPart(row: Row): PartRow {
  const cancelled = row.outcome === '"cancelled"'
  return {
    no: row.no as number,
    group: row.group_name as string,
    subscription: row.subscription as number,
    replay: row.replay as number,
    priority: row.priority as number,
    state: STATES[row.state as number] ?? "open",
    reason: cancelled ? "cancelled" : (row.reason as string),
    worker: row.worker as number | null,
    takes: row.takes as number,
    createdAt: row.created_at as number,
    closedAt: row.closed_at as number | null,
  }
}
