import type { EventRow } from "../../core/event.ts"
import type { StagedGroupRow, StagedRow } from "../../engine/queries.ts"
import { OUTBOX } from "../../engine/transactions.ts"
import { LAST_NUMBER } from "./look.ts"
import { listOf } from "./places.ts"
import { all, get, type Program } from "./program.ts"
import { EVENT_COLUMNS, toEvent } from "./rows.ts"

/** In the order of their emits. */
export function* staged(eventGroupId: string, limit: number = LAST_NUMBER): Program<EventRow[]> {
  const rows = yield* all(
    `SELECT ${EVENT_COLUMNS}, e.hash FROM store.staged e
     WHERE e.event_group = ? ORDER BY e.commit_id, e.idx LIMIT ?`,
    eventGroupId,
    limit,
  )
  return rows.map((row) => ({ ...toEvent(row), hash: row.hash as string | null }))
}

export function* findStaged(id: string, scopes?: readonly string[]): Program<StagedRow | null> {
  const within = listOf(scopes ?? [])
  const row = yield* get(
    `SELECT ${EVENT_COLUMNS}, e.hash, e.event_group FROM store.staged e
     WHERE e.id = ? AND e.event_group <> ? ${scopes === undefined ? "" : `AND e.scope IN ${within.places}`}
     ORDER BY e.commit_id DESC LIMIT 1`,
    id,
    OUTBOX,
    ...within.values,
  )
  if (row === undefined) return null
  return { ...toEvent(row), hash: row.hash as string | null, eventGroupId: row.event_group as string }
}

/** Oldest first. What was emitted in a transaction is released by itself, and is no group of anybody's. */
export function* stagedGroups(): Program<StagedGroupRow[]> {
  const rows = yield* all(
    `SELECT event_group, count(*) AS events, min(at) AS oldest FROM store.staged
     WHERE event_group <> ? GROUP BY event_group ORDER BY oldest`,
    OUTBOX,
  )
  return rows.map((row) => ({
    eventGroupId: row.event_group as string,
    events: row.events as number,
    oldestAt: row.oldest as number,
  }))
}
