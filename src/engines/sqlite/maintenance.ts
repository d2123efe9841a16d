import { StoreTooNewError } from "../../core/errors.ts"
import { commitIdFrom } from "../../core/ids.ts"
import type { PruneRequest, PruneResult, StoreStats } from "../../engine/maintenance.ts"
import type { Database } from "./database.ts"
import { MIGRATIONS } from "./migrations.ts"

const NEWEST = MIGRATIONS.length

/** Runs what is missing in one transaction, under the write lock: ten processes may start at once. */
export function migrate(db: Database, now: number): { from: number; to: number } {
  const seen = version(db)
  if (seen > NEWEST) throw tooNew(seen)
  if (seen === NEWEST) return { from: seen, to: NEWEST }
  return db.transaction(() => {
    db.exec(
      "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
    )
    const from = version(db)
    if (from > NEWEST) throw tooNew(from)
    for (const { number, name, sql } of MIGRATIONS) {
      if (number <= from) continue
      db.exec(sql)
      db.run("INSERT INTO migrations (number, name, applied_at) VALUES (?, ?, ?)", number, name, now)
    }
    return { from, to: NEWEST }
  })
}

function version(db: Database): number {
  const table = db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'")
  if (table === undefined) return 0
  return (db.get("SELECT max(number) AS number FROM migrations")?.number as number | null) ?? 0
}

function tooNew(found: number): StoreTooNewError {
  return new StoreTooNewError(
    `Expected a store at migration ${NEWEST} or below, got one at ${found}: a newer Carillon wrote it. Upgrade this process, or open another file.`,
  )
}

/**
 * One slice: whole commits in which nothing is open, oldest first, then ended jobs.
 *
 * A commit stays as long as an open batch, an open part, an open job or a dead letter speaks of it.
 */
export function prune(
  db: Database,
  { eventsBefore, deadBefore, limit }: PruneRequest,
  now: number,
): PruneResult {
  return db.transaction(() => {
    // Dead letters last: among all that has ended, each look for them would wade through the rest.
    const ended = pruneJobs(db, eventsBefore, limit)
    const jobs = ended < limit ? ended + pruneDead(db, deadBefore, limit) : ended
    const parts = db.run(
      "DELETE FROM parts WHERE no IN (SELECT no FROM parts WHERE state = 2 AND closed_at < ? LIMIT ?)",
      eventsBefore,
      limit,
    )
    const { events, batches, commits } = pruneCommits(db, eventsBefore, limit)
    const ids = pruneIds(db, eventsBefore, now, limit)
    return {
      events,
      jobs,
      batches: batches + parts,
      more: jobs >= limit || parts >= limit || ids >= limit || commits > 0,
    }
  }, true)
}

function pruneDead(db: Database, before: number, limit: number): number {
  return db.run(
    "DELETE FROM jobs WHERE no IN (SELECT no FROM jobs WHERE state IN (3, 4) AND state > 1 AND updated_at < ? LIMIT ?)",
    before,
    limit,
  )
}

function pruneJobs(db: Database, before: number, limit: number): number {
  return db.run(
    "DELETE FROM jobs WHERE no IN (SELECT no FROM jobs WHERE state IN (2, 4) AND state > 1 AND updated_at < ? LIMIT ?)",
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

function pruneCommits(
  db: Database,
  before: number,
  limit: number,
): { events: number; batches: number; commits: number } {
  const rows = db.all(
    `SELECT c.commit_id FROM commits c
     WHERE c.commit_id < ?
       AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.commit_id = c.commit_id AND b.state < 2)
       AND NOT EXISTS (SELECT 1 FROM parts p WHERE p.state < 2 AND p.last_commit >= c.commit_id AND p.first_commit <= c.commit_id)
       AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id >= 'dlv_' || c.commit_id AND j.id < 'dlv_' || c.commit_id || '~')
     ORDER BY c.commit_id LIMIT ?`,
    commitIdFrom(before),
    limit,
  )
  let events = 0
  let batches = 0
  let commits = 0
  for (const row of rows) {
    if (events >= limit) break
    const commitId = row.commit_id as string
    events += db.run("DELETE FROM events WHERE commit_id = ?", commitId)
    batches += db.run("DELETE FROM batches WHERE commit_id = ?", commitId)
    for (const { name } of db.all("SELECT name FROM commit_names WHERE commit_id = ?", commitId)) {
      db.run("DELETE FROM commit_names WHERE name = ? AND commit_id = ?", name as string, commitId)
    }
    db.run("DELETE FROM commits WHERE commit_id = ?", commitId)
    commits++
  }
  return { events, batches, commits }
}

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
    bytes: count("SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size"),
  }
}
