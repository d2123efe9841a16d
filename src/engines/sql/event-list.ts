import type { EventRow } from "../../core/event.ts"
import { commitIdFrom, type EventKey, parseEventId } from "../../core/ids.ts"
import type { EventQuery, Page } from "../../engine/queries.ts"
import { ROWS_PER_LOOK } from "./look.ts"
import { COMMITS_PER_LOOK, commitsNamed, eventsNamed, type NamedCommit } from "./named-events.ts"
import { listOf } from "./places.ts"
import { all, get, type Program, type Row } from "./program.ts"
import { EVENT_COLUMNS, toEvent } from "./rows.ts"

export function* event(key: EventKey): Program<EventRow | null> {
  const row = yield* get(
    `SELECT ${EVENT_COLUMNS} FROM store.events e WHERE e.commit_id = ? AND e.idx = ?`,
    key.commitId,
    key.index,
  )
  return row === undefined ? null : toEvent(row)
}

export function* findEvent(id: string, scopes?: readonly string[]): Program<EventKey | null> {
  const within = listOf(scopes ?? [])
  const row = yield* get(
    `SELECT commit_id, idx FROM store.event_ids
     WHERE id = ? ${scopes === undefined ? "" : `AND scope IN ${within.places}`} ORDER BY commit_id DESC LIMIT 1`,
    id,
    ...within.values,
  )
  if (row !== undefined) return { commitId: row.commit_id as string, index: row.idx as number }
  return parseEventId(id)
}

/** Newest first. A page may be short before the end: one call looks at a bounded number of rows. */
export function* events(query: EventQuery): Program<Page<EventRow>> {
  const from = commitIdFrom(query.from ?? 0)
  const cursor = parseCursor(query.cursor) ?? { commitId: commitIdFrom(query.to ?? MAX_TIME), index: 0 }
  return query.name === undefined
    ? yield* eventsOfAll(query, from, cursor)
    : yield* eventsOfName(query, query.name, from, cursor)
}

const MAX_TIME = 2 ** 47

function* eventsOfAll(query: EventQuery, from: string, cursor: EventKey): Program<Page<EventRow>> {
  const look = query.scopes === undefined ? query.limit : ROWS_PER_LOOK
  const rows = yield* all(
    `SELECT ${EVENT_COLUMNS} FROM store.events e
     WHERE e.commit_id >= ? AND e.commit_id <= ? AND (e.commit_id, e.idx) < (?, ?)
     ORDER BY e.commit_id DESC, e.idx DESC LIMIT ?`,
    from,
    cursor.commitId,
    cursor.commitId,
    cursor.index,
    look,
  )
  const items: EventRow[] = []
  for (const row of rows) {
    if (query.scopes !== undefined && !query.scopes.includes(row.scope as string)) continue
    items.push(toEvent(row))
    if (items.length === query.limit) return { items, cursor: cursorOf(row) }
  }
  const last = rows[rows.length - 1]
  return { items, cursor: rows.length === look && last ? cursorOf(last) : null }
}

function* eventsOfName(
  query: EventQuery,
  name: string,
  from: string,
  cursor: EventKey,
): Program<Page<EventRow>> {
  const scopes = listOf(query.scopes ?? [])
  const most = query.scopes === undefined ? query.limit : COMMITS_PER_LOOK
  const range = { from, to: cursor.commitId, toIsIn: cursor.index > 0, order: "DESC", limit: most } as const
  const commits = yield* commitsNamed(name, range)
  const commitIds = enough(commits, query, cursor)
  const rows = yield* eventsNamed(name, {
    commitIds,
    order: "DESC",
    where: `AND (e.commit_id < ? OR e.idx < ?) ${query.scopes === undefined ? "" : `AND e.scope IN ${scopes.places}`}`,
    values: [cursor.commitId, cursor.index, ...scopes.values],
    limit: query.limit,
  })
  const last = rows[rows.length - 1]
  const isLast = commitIds.length === commits.length && commits.length < Math.min(most, COMMITS_PER_LOOK)
  const behind = isLast ? null : `${commitIds[commitIds.length - 1]}.0`
  return { items: rows.map(toEvent), cursor: rows.length === query.limit && last ? cursorOf(last) : behind }
}

/** The commits that fill a page; where only some of their events count, as many as may be looked through. */
function enough(commits: readonly NamedCommit[], { scopes, limit }: EventQuery, cursor: EventKey): string[] {
  const ids: string[] = []
  let [found, looked] = [0, 0]
  for (const { commitId, named, events } of commits) {
    if (looked >= ROWS_PER_LOOK || found >= limit) break
    ids.push(commitId)
    looked += events
    if (scopes === undefined && commitId !== cursor.commitId) found += named
  }
  return ids
}

function cursorOf(row: Row): string {
  return `${row.commit_id}.${row.idx}`
}

function parseCursor(cursor: string | undefined): EventKey | null {
  if (cursor === undefined) return null
  const [commitId, index] = cursor.split(".")
  return { commitId: commitId as string, index: Number(index) }
}
