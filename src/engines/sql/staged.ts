import type { EventRow } from "../../core/event.ts"
import type { StagedGroupRow } from "../../engine/queries.ts"
import { OUTBOX } from "../../engine/transactions.ts"
import { LAST_NUMBER } from "./look.ts"
import { all, type Program } from "./program.ts"
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
