import { StoreError, StoreTooNewError } from "../../core/errors.ts"
import { commitIdFrom } from "../../core/ids.ts"
import type {
  PruneRequest,
  PruneResult,
  StoreSize,
  StoreStats,
  StoreVersion,
} from "../../engine/maintenance.ts"
import type { Row } from "../sql/program.ts"
import { stillCopying } from "./copying.ts"
import type { Database, HotStatement, Session, TransactionSession } from "./database.ts"
import { isCollision } from "./failures.ts"
import { MIGRATIONS } from "./migrations.ts"
import { type Day, daysOf, dropDay, makeDaysFrom } from "./partitions.ts"
import { pruneRuns } from "./prune-runs.ts"
import type { ServerTime } from "./time.ts"

const NEWEST = MIGRATIONS.length
const OLDEST_SERVER = 130_000
const DAYS_AHEAD = 3

/**
 * Runs what is missing in one transaction, under a lock: ten processes may start at once.
 *
 * Processes of an older version go on beside a new schema as long as the migration says that they can.
 */
export async function migrate(db: Database, time: ServerTime): Promise<{ from: number; to: number }> {
  const seen = await versionOf(db)
  if (seen.oldest > NEWEST) throw tooNew(seen.number)
  if (seen.number >= NEWEST) return { from: seen.number, to: seen.number }
  // Over the connections that are given time: tables may be large, and others may be at it already.
  return db.transaction("transactions", async (session) => {
    await session.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
      `carillon.migrate.${db.schema}`,
    ])
    await makeSchema(session, db)
    const { number: from, oldest } = await versionOf(session)
    if (oldest > NEWEST) throw tooNew(from)
    if (from === 0) await begin(session, db)
    for (const migration of MIGRATIONS) {
      if (migration.number <= from) continue
      await session.query(db.text(migration.sql))
      await session.query(
        db.text("INSERT INTO store.migrations (number, oldest, name, applied_at) VALUES ($1, $2, $3, $4)"),
        [migration.number, oldestFor(migration), migration.name, time.now()],
      )
    }
    await makeDaysFrom(session, time.now(), DAYS_AHEAD)
    return { from, to: Math.max(from, NEWEST) }
  })
}

/** A migration that older code cannot live with says so: `-- Needs code: 3`. */
function oldestFor({ number, sql }: { readonly number: number; readonly sql: string }): number {
  const needs = /^-- Needs code: (\d+)$/m.exec(sql)
  return needs ? Number(needs[1]) : Math.min(number, 1)
}

/** Asking for one that is there would need rights on the whole database. */
async function makeSchema(session: TransactionSession, db: Database): Promise<void> {
  const { rows } = await session.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [db.options.schema])
  if (rows.length === 0) await session.query(`CREATE SCHEMA ${db.schema}`)
}

export async function version(db: Database): Promise<StoreVersion> {
  const { number, oldest } = await versionOf(db)
  return { store: number, code: NEWEST, works: oldest <= NEWEST }
}

const HAS_MIGRATIONS: HotStatement = {
  name: "carillon_has_migrations",
  sql: `SELECT to_regclass('store.migrations') IS NOT NULL AS there, to_regclass('store.copying') IS NOT NULL AS copying,
    current_setting('server_version_num')::integer AS server, current_setting('server_encoding') AS encoding`,
}
const VERSION: HotStatement = {
  name: "carillon_version",
  sql: "SELECT coalesce(max(number), 0) AS number, coalesce(max(oldest), 0) AS oldest FROM store.migrations",
}

async function versionOf(session: Session): Promise<{ number: number; oldest: number }> {
  const [there] = await session.call(HAS_MIGRATIONS, [])
  const server = (there as Row).server as number
  if (there?.encoding !== "UTF8")
    throw new StoreError(
      `Expected a database in UTF8, got one in ${there?.encoding}, which cannot hold every event. Make one with ENCODING 'UTF8'.`,
    )
  if (server < OLDEST_SERVER)
    throw new StoreError(
      `Expected PostgreSQL 13 or later, got ${Math.floor(server / 10_000)}. Upgrade the server.`,
    )
  if ((there?.copying as unknown) === true) throw stillCopying()
  if ((there?.there as unknown) !== true) return { number: 0, oldest: 0 }
  const [row] = await session.call(VERSION, [])
  return { number: row?.number as number, oldest: row?.oldest as number }
}

/** A schema that holds somebody else's tables is not ours to write into; modules may have been opened before. */
async function begin(session: TransactionSession, db: Database): Promise<void> {
  const { rows } = await session.query(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v') AND NOT starts_with(c.relname, 'data_') LIMIT 1",
    [db.options.schema],
  )
  const found = rows[0] as { relname: string } | undefined
  if (found !== undefined) {
    throw new StoreError(
      `Expected the schema \`${db.options.schema}\` to be new or Carillon's, got one with a table \`${found.relname}\` that is not Carillon's. Name another schema.`,
    )
  }
  await session.query(
    db.text(
      "CREATE TABLE store.migrations (number INTEGER PRIMARY KEY, oldest INTEGER NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL)",
    ),
  )
}

function tooNew(found: number): StoreTooNewError {
  return new StoreTooNewError(
    `Expected a store that code at migration ${NEWEST} can work with, got one at ${found}: a newer Carillon wrote it. Upgrade this process, or open another database.`,
  )
}

/** Behind every commit id. */
const END = "~"

/**
 * One slice: ended jobs, parts and runs, then a day that is past retention as a whole, then, where it is to be
 * exact, the commits of the day that is past in part.
 *
 * A commit stays as long as an open batch, an open part, a job or a dead letter speaks of it.
 */
export async function prune(db: Database, time: ServerTime, request: PruneRequest): Promise<PruneResult> {
  const { eventsBefore, deadBefore, limit, cursor = "" } = request
  const ended = await deleted(db, PRUNE_ENDED, [eventsBefore, limit])
  const jobs = ended < limit ? ended + (await deleted(db, PRUNE_DEAD, [deadBefore, limit])) : ended
  const parts = await deleted(db, PRUNE_PARTS, [eventsBefore, limit])
  const ids = await deleted(db, PRUNE_IDS, [commitIdFrom(eventsBefore), time.now(), limit])
  const runs = await pruneRuns(db, time, request)
  const commits = await pruneCommits(db, request, cursor)
  await makeDaysFrom(db, time.now(), DAYS_AHEAD)
  return {
    events: commits.events,
    jobs,
    batches: commits.batches + parts,
    runs: runs.runs,
    cursor: commits.cursor,
    more: runs.more || jobs >= limit || parts >= limit || ids >= limit || commits.cursor !== END,
  }
}

/** A run that is dead is still to be undone, and a schedule that has ended is not to begin anew. */
const FORGOTTEN = "kind NOT IN ('run', 'schedule')"

const PRUNE_ENDED: HotStatement = {
  name: "carillon_prune_ended",
  sql: `DELETE FROM store.jobs WHERE no = ANY (ARRAY(
    SELECT no FROM store.jobs WHERE state > 1 AND state IN (2, 4) AND updated_at < $1 AND ${FORGOTTEN} LIMIT $2))`,
}
// Dead letters last: among all that has ended, each look for them would wade through the rest.
const PRUNE_DEAD: HotStatement = {
  name: "carillon_prune_dead",
  sql: `DELETE FROM store.jobs WHERE no = ANY (ARRAY(
    SELECT no FROM store.jobs WHERE state > 1 AND state IN (3, 4) AND updated_at < $1 AND ${FORGOTTEN} LIMIT $2))`,
}
const PRUNE_PARTS: HotStatement = {
  name: "carillon_prune_parts",
  sql: "DELETE FROM store.parts WHERE no = ANY (ARRAY(SELECT no FROM store.parts WHERE state = 2 AND closed_at < $1 LIMIT $2))",
}
// An id outlives its event until its window is over: it still tells a repetition.
const PRUNE_IDS: HotStatement = {
  name: "carillon_prune_ids",
  sql: `DELETE FROM store.event_ids WHERE (id, scope) IN (
    SELECT i.id, i.scope FROM store.event_ids i
    WHERE i.commit_id < $1 AND i.unique_until <= $2
      AND NOT EXISTS (SELECT 1 FROM store.commits c WHERE c.commit_id = i.commit_id)
    LIMIT $3)`,
}

async function deleted(db: Database, statement: HotStatement, values: readonly unknown[]): Promise<number> {
  return db.count("reads", statement, values)
}

interface PrunedCommits {
  readonly events: number
  readonly batches: number
  readonly cursor: string
}

/** Goes on past the days of which everything is still needed. */
async function pruneCommits(
  db: Database,
  { eventsBefore, limit, exact = true }: PruneRequest,
  cursor: string,
): Promise<PrunedCommits> {
  const cutoff = commitIdFrom(eventsBefore)
  for (const day of await daysOf(db)) {
    if (day.high <= cursor || day.low >= cutoff) continue
    if (day.high > cutoff && !exact) break
    const from = cursor > day.low ? cursor : day.low
    const pruned =
      day.high <= cutoff ? await pruneDay(db, day, limit) : await pruneInDay(db, from, cutoff, limit)
    if (pruned.events + pruned.batches > 0 || pruned.cursor < day.high) return pruned
  }
  return { events: 0, batches: 0, cursor: END }
}

const PRUNE_BATCHES: HotStatement = {
  name: "carillon_prune_batches",
  sql: `DELETE FROM store.batches WHERE no = ANY (ARRAY(
    SELECT b.no FROM store.batches b WHERE b.commit_id >= $1 AND b.commit_id < $2 AND b.state = 2
      AND NOT EXISTS (SELECT 1 FROM store.batches o WHERE o.commit_id = b.commit_id AND o.state < 2)
    LIMIT $3))`,
}

/** First the batches, in slices; then the day itself, which takes no time. */
async function pruneDay(db: Database, day: Day, limit: number): Promise<PrunedCommits> {
  const batches = await deleted(db, PRUNE_BATCHES, [day.low, day.high, limit])
  if (batches >= limit) return { events: 0, batches, cursor: day.low }
  try {
    const events = await db.transaction("reads", (session) => dropDay(session, day))
    return { events, batches, cursor: day.high }
  } catch (error) {
    // Somebody reads the table for long, a backup perhaps: it goes next time, and nobody waits behind us.
    if (!isCollision(error)) throw error
    return { events: 0, batches, cursor: day.high }
  }
}

const PRUNE_COMMITS: HotStatement = {
  name: "carillon_prune_commits",
  sql: "SELECT * FROM store.prune_commits($1, $2, $3)",
}

async function pruneInDay(db: Database, from: string, to: string, limit: number): Promise<PrunedCommits> {
  const [row] = await db.callOn("reads", PRUNE_COMMITS, [from, to, limit])
  const { events, batches, next } = row as Row
  return { events: events as number, batches: batches as number, cursor: (next as string | null) ?? END }
}

const STATS: HotStatement = {
  name: "carillon_stats",
  sql: "SELECT * FROM store.stats()",
}

export async function stats(db: Database): Promise<StoreStats> {
  const [row] = await db.call(STATS, [])
  const { events, open_batches, open_parts, open_jobs, dead_jobs, staged, bytes } = row as Record<
    string,
    number
  >
  return {
    events: events as number,
    openBatches: open_batches as number,
    openParts: open_parts as number,
    openJobs: open_jobs as number,
    deadJobs: dead_jobs as number,
    staged: staged as number,
    bytes: bytes as number,
  }
}

/** As `store.stats()` adds it up, which counts rows as well. */
const SIZE: HotStatement = {
  name: "carillon_size",
  sql: `SELECT (SELECT count(*) FROM store.staged) AS staged, (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)
    FROM pg_class c WHERE c.relkind IN ('r', 't', 'm') AND c.relnamespace = (SELECT t.relnamespace FROM pg_class t
      WHERE t.oid = 'store.meta'::regclass)) AS bytes`,
}

export async function size(db: Database): Promise<StoreSize> {
  const [row] = await db.call(SIZE, [])
  return { bytes: row?.bytes as number, staged: row?.staged as number }
}

/** The server's time before anything is written by it. */
export async function learnTime(db: Database, time: ServerTime): Promise<void> {
  const startedAt = performance.now()
  const [row] = await db.callOn("leases", NOW, [])
  time.hear(row?.now as number, startedAt, performance.now())
}

const NOW: HotStatement = {
  name: "carillon_now",
  sql: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now",
}
