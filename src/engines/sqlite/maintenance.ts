import { StoreError, StoreTooNewError } from "../../core/errors.ts"
import { commitIdFrom } from "../../core/ids.ts"
import type {
  PruneRequest,
  PruneResult,
  StoreSize,
  StoreStats,
  StoreVersion,
} from "../../engine/maintenance.ts"
import type { Database, Row } from "./database.ts"
import { MIGRATIONS } from "./migrations.ts"
import { pruneRuns } from "./prune-runs.ts"

const NEWEST = MIGRATIONS.length

/** Runs what is missing in one transaction, under the write lock: ten processes may start at once. */
export function migrate(db: Database, now: number): { from: number; to: number } {
  const seen = numberOf(db)
  if (seen > NEWEST) throw tooNew(seen)
  if (seen === NEWEST) return { from: seen, to: NEWEST }
  return db.transaction(() => {
    db.exec(
      "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
    )
    const from = numberOf(db)
    if (from > NEWEST) throw tooNew(from)
    if (from === 0) refuseForeign(db)
    for (const { number, name, sql } of MIGRATIONS) {
      if (number <= from) continue
      db.exec(sql)
      db.run("INSERT INTO migrations (number, name, applied_at) VALUES (?, ?, ?)", number, name, now)
    }
    return { from, to: NEWEST }
  })
}

export function version(db: Database): StoreVersion {
  const store = numberOf(db)
  return { store, code: NEWEST, works: store <= NEWEST }
}

function numberOf(db: Database): number {
  const table = db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'")
  if (table === undefined) return 0
  return (db.get("SELECT max(number) AS number FROM migrations")?.number as number | null) ?? 0
}

/** A file that holds somebody else's tables is not ours to write into. */
function refuseForeign(db: Database): void {
  const table = db.get(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('migrations', 'sqlite_sequence') LIMIT 1",
  )
  if (table === undefined) return
  throw new StoreError(
    `Expected a new file or a Carillon store, got a SQLite file with a table \`${table.name}\` that is not Carillon's. Name another file.`,
  )
}

function tooNew(found: number): StoreTooNewError {
  return new StoreTooNewError(
    `Expected a store at migration ${NEWEST} or below, got one at ${found}: a newer Carillon wrote it. Upgrade this process, or open another file.`,
  )
}

/**
 * One slice: whole commits in which nothing is open, oldest first, then ended jobs and runs.
 *
 * A commit stays as long as an open batch, an open part, an open job or a dead letter speaks of it.
 */
export function prune(db: Database, request: PruneRequest, now: number): PruneResult {
  const { eventsBefore, deadBefore, limit, cursor = "" } = request
  return db.transaction(() => {
    // Dead letters last: among all that has ended, each look for them would wade through the rest.
    const ended = pruneJobs(db, eventsBefore, limit)
    const jobs = ended < limit ? ended + pruneDead(db, deadBefore, limit) : ended
    const parts = db.run(
      "DELETE FROM parts WHERE no IN (SELECT no FROM parts WHERE state = 2 AND closed_at < ? LIMIT ?)",
      eventsBefore,
      limit,
    )
    const commits = pruneCommits(db, eventsBefore, cursor, limit)
    const ids = pruneIds(db, eventsBefore, now, limit)
    const { runs, more } = pruneRuns(db, request, now)
    return {
      events: commits.events,
      jobs,
      batches: commits.batches + parts,
      runs,
      cursor: commits.cursor,
      more: more || jobs >= limit || parts >= limit || ids >= limit || commits.cursor !== END,
    }
  }, true)
}

/** A run that is dead is still to be undone, and a schedule that has ended is not to begin anew. */
const FORGOTTEN = "kind NOT IN ('run', 'schedule')"

function pruneDead(db: Database, before: number, limit: number): number {
  return db.run(
    `DELETE FROM jobs WHERE no IN (SELECT no FROM jobs WHERE state IN (3, 4) AND state > 1 AND updated_at < ? AND ${FORGOTTEN} LIMIT ?)`,
    before,
    limit,
  )
}

function pruneJobs(db: Database, before: number, limit: number): number {
  return db.run(
    `DELETE FROM jobs WHERE no IN (SELECT no FROM jobs WHERE state IN (2, 4) AND state > 1 AND updated_at < ? AND ${FORGOTTEN} LIMIT ?)`,
    before,
    limit,
  )
}

/** An id outlives its event until its window is over: it still tells a repetition. */
function pruneIds(db: Database, before: number, now: number, limit: number): number {
  return db.run(
    `DELETE FROM event_ids WHERE (id, scope) IN (
       SELECT i.id, i.scope FROM event_ids i
       WHERE i.commit_id < ? AND i.unique_until <= ?
         AND NOT EXISTS (SELECT 1 FROM commits c WHERE c.commit_id = i.commit_id)
       LIMIT ?)`,
    commitIdFrom(before),
    now,
    limit,
  )
}

interface PrunedCommits {
  readonly events: number
  readonly batches: number
  readonly cursor: string
}

/** Looks at so many commits and no more: what is kept for its dead letters is not waded through in one call. */
function pruneCommits(db: Database, before: number, from: string, limit: number): PrunedCommits {
  const rows = db.all(
    "SELECT commit_id FROM commits WHERE commit_id >= ? AND commit_id < ? ORDER BY commit_id LIMIT ?",
    from,
    commitIdFrom(before),
    limit,
  )
  const needed = neededByParts(db, rows)
  let events = 0
  let batches = 0
  for (const row of rows) {
    const commitId = row.commit_id as string
    if (events >= limit) return { events, batches, cursor: commitId }
    if (needed(commitId) || isNeeded(db, commitId)) continue
    for (const { name } of db.all("SELECT DISTINCT name FROM events WHERE commit_id = ?", commitId)) {
      db.run("DELETE FROM commit_names WHERE name = ? AND commit_id = ?", name as string, commitId)
    }
    events += db.run("DELETE FROM events WHERE commit_id = ?", commitId)
    batches += db.run("DELETE FROM batches WHERE commit_id = ?", commitId)
    db.run("DELETE FROM commits WHERE commit_id = ?", commitId)
  }
  const last = rows[rows.length - 1]
  return { events, batches, cursor: rows.length < limit || last === undefined ? END : `${last.commit_id}~` }
}

/** Behind every commit id. */
const END = "~"

/** Does an open part speak of it? Asked once for a slice. */
function neededByParts(db: Database, rows: readonly Row[]): (commitId: string) => boolean {
  const first = rows[0]?.commit_id
  const last = rows[rows.length - 1]?.commit_id
  if (first === undefined || last === undefined) return () => false
  const parts = db.all(
    "SELECT first_commit, last_commit FROM parts WHERE state < 2 AND last_commit >= ? AND first_commit <= ?",
    first,
    last,
  )
  return (commitId) =>
    parts.some(
      (part) => (part.first_commit as string) <= commitId && (part.last_commit as string) >= commitId,
    )
}

function isNeeded(db: Database, commitId: string): boolean {
  const open = db.get("SELECT 1 FROM batches WHERE commit_id = ? AND state < 2", commitId)
  return (
    open !== undefined ||
    db.get("SELECT 1 FROM jobs WHERE id >= ? AND id < ?", `dlv_${commitId}`, `dlv_${commitId}~`) !== undefined
  )
}

export function size(db: Database): StoreSize {
  return {
    bytes: db.get(BYTES)?.n as number,
    staged: db.get("SELECT count(*) AS n FROM staged")?.n as number,
  }
}

const BYTES = "SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size"

export function stats(db: Database): StoreStats {
  const count = (sql: string): number => db.get(sql)?.n as number
  // Put as the partial indexes are, so that what has ended, which is most, is not waded through.
  const countOpen = (tables: readonly string[]): number =>
    tables.reduce((sum, table) => sum + count(`SELECT count(*) AS n FROM ${table}`), 0)
  return {
    events: count("SELECT coalesce(sum(events), 0) AS n FROM commits"),
    openBatches: countOpen(["batches WHERE state = 0", "batches WHERE state = 1"]),
    openParts: countOpen(["parts WHERE state = 0", "parts WHERE state = 1"]),
    openJobs: countOpen([
      "jobs WHERE state = 0 AND key IS NULL AND isolated = 0",
      "jobs WHERE state = 0 AND isolated = 1",
      "jobs WHERE state < 2 AND state = 0 AND key IS NOT NULL AND isolated = 0",
      "jobs WHERE state = 1",
    ]),
    deadJobs: count("SELECT count(*) AS n FROM jobs WHERE state = 3"),
    staged: count("SELECT count(*) AS n FROM staged"),
    bytes: count(BYTES),
  }
}
