import type { StoredEvent } from "../../core/event.ts"
import type { ChangeResult, ClearStaged, StageEvents } from "../../engine/commit.ts"
import { insertOf, listOf } from "./places.ts"
import { all, type Program, run, type Value } from "./program.ts"

/** Holds events back. One whose id is staged or written already is left out, one with other content refused. */
export function* stage(change: StageEvents, now: number): Program<ChangeResult> {
  const { events, commitId, eventGroupId } = change
  const taken = yield* takenIds(events, now)
  const fresh: number[] = []
  const here = new Map<string, string | null>()
  for (const [index, event] of events.entries()) {
    if (event.id === null) {
      fresh.push(index)
      continue
    }
    const name = nameOf(event.id, event.scope)
    const known = here.has(name) ? { hash: here.get(name) ?? null, commitId: null } : taken.get(name)
    if (known !== undefined && known.hash !== event.hash)
      return { status: "conflict", message: conflictMessage(event.id) }
    // What this very commit staged, before its answer was lost, is as fresh as it was.
    if (known === undefined || known.commitId === commitId) fresh.push(index)
    here.set(name, event.hash)
  }
  yield* insert(fresh.map((index) => [eventGroupId, commitId, index, ...valuesOf(events[index])]))
  return { status: "ok", count: fresh.length, fresh }
}

const insert = insertOf(
  "INSERT INTO store.staged (event_group, commit_id, idx, name, scope, sender, key, at, data, extra, id, hash)",
  12,
  "ON CONFLICT (event_group, commit_id, idx) DO NOTHING",
)

function valuesOf(event: StoredEvent | undefined): (string | number | null)[] {
  const { name, scope, sender, key, at, data, extra, id, hash } = event as StoredEvent
  return [name, scope, sender, key, at, data, extra, id, hash]
}

interface TakenId {
  readonly hash: string | null
  readonly commitId: string | null // where it was staged; null = it is written, or stands in the same change
}

/** Which of the ids are taken, staged or written within their window; what is written counts first. */
function* takenIds(events: readonly StoredEvent[], now: number): Program<Map<string, TakenId>> {
  const taken = new Map<string, TakenId>()
  const ids = events.flatMap(({ id }) => id ?? [])
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const { places, values } = listOf(ids.slice(at, at + IDS_AT_ONCE))
    const staged = yield* all(
      `SELECT id, scope, hash, commit_id FROM store.staged WHERE id IN ${places}`,
      ...values,
    )
    const written = yield* all(
      `SELECT id, scope, hash, NULL AS commit_id FROM store.event_ids WHERE id IN ${places} AND unique_until > ?`,
      ...values,
      now,
    )
    for (const row of [...staged, ...written]) {
      const known = { hash: row.hash as string | null, commitId: row.commit_id as string | null }
      taken.set(nameOf(row.id as string, row.scope as string), known)
    }
  }
  return taken
}

const IDS_AT_ONCE = 256

/** One id may be taken once in each scope. */
function nameOf(id: string, scope: string): string {
  return `${scope}\n${id}`
}

export function conflictMessage(id: string): string {
  return `Expected an event id that is new or whose event is the same, got \`${id}\` with other content: that id is taken for 7 days. Use another id, or emit the same event.`
}

export function* clear({ eventGroupId, names, ids, scopes }: ClearStaged): Program<ChangeResult> {
  const named = names === null ? NO_LIMIT : within("name", names)
  const known = ids === undefined ? NO_LIMIT : within("id", ids)
  const own = scopes === undefined ? NO_LIMIT : within("scope", scopes)
  const sql = `DELETE FROM store.staged WHERE event_group = ?${named.sql}${known.sql}${own.sql}`
  const values = [...named.values, ...known.values, ...own.values]
  return { status: "ok", count: yield* run(sql, eventGroupId, ...values) }
}

const NO_LIMIT = { sql: "", values: [] }

function within(
  column: "name" | "id" | "scope",
  texts: readonly string[],
): { sql: string; values: readonly Value[] } {
  const { places, values } = listOf(texts)
  return { sql: ` AND ${column} IN ${places}`, values }
}
