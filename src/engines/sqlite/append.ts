import type { EventKey } from "../../core/ids.ts"
import { deliveryId } from "../../core/ids.ts"
import { LEASED, WAITING } from "../../core/job.ts"
import type {
  AppendEvents,
  AppendResult,
  ChangeResult,
  ExistingEvent,
  LeasedRow,
  RejectedEmit,
} from "../../engine/commit.ts"
import { conflictMessage } from "../sql/staging.ts"
import { type Database, isBadValue, type Row } from "./database.ts"
import { freshJobNo } from "./job-numbers.ts"
import { type Cell, cell, isAll, type PackedEvents } from "./packed.ts"
import { insertPart } from "./parts.ts"
import { places } from "./rows.ts"
import { isJoined } from "./workers.ts"

export type WireAppend = Omit<AppendEvents, "events"> & { readonly packed: PackedEvents }

/** Ids of callers are unique for so long. */
const ID_WINDOW_MS = 7 * 24 * 60 * 60 * 1000

const ROWS_AT_ONCE = 16
const FULL = { columns: "commit_id, idx, name, at, data, scope, sender, key, extra, id", width: 10 }
/** Most commits hold nothing but names and data: half the values to bind. */
const PLAIN = { columns: "commit_id, idx, name, at, data", width: 5 }

/** Writes events and what routing decided for them; a bad emit stays out alone. */
export function append(db: Database, change: WireAppend, now: number): ChangeResult {
  const known =
    change.again && db.get("SELECT 1 FROM commits WHERE commit_id = ?", change.commitId) !== undefined
  if (known) return { status: "ok", append: recall(db, change) }

  const version = db.get("SELECT value FROM meta WHERE name = 'catalog_version'")?.value
  if (version !== change.catalogVersion) return { status: "stale" }

  const left = writeEvents(db, change, now)
  if (left.size === left.count) return { status: "ok", append: left.result([], []) }

  insertCommit(db, change, left)
  const jobs = insertNewJobs(db, change, left, now)
  for (const part of change.parts) {
    insertPart(db, { ...part, refs: part.refs.filter((ref) => !left.has(ref.index)) }, now)
  }
  return { status: "ok", append: left.result(insertBatches(db, change, now), jobs) }
}

/** A value that the store refuses undoes all of it; then it is done without the emits that brought it. */
function writeEvents(db: Database, change: WireAppend, now: number): Leftovers {
  try {
    return db.savepoint(() => writeAll(db, change, new Leftovers(change), now))
  } catch (error) {
    if (!isBadValue(error)) throw error
    return writeAll(db, change, withoutCulprits(db, change), now)
  }
}

function writeAll(db: Database, change: WireAppend, left: Leftovers, now: number): Leftovers {
  if (change.release !== null) leaveOutUnstaged(db, change, left)
  claimIds(db, change, left, now)
  insertAll(db, change, left)
  return left
}

/** The events of an append that are not written, and why. */
class Leftovers {
  readonly count: number
  readonly #indexes = new Set<number>()
  readonly #rejected = new Map<number, RejectedEmit>()
  readonly #existing: ExistingEvent[] = []
  readonly #missing: number[] = []
  readonly #emits: readonly number[]

  constructor(change: WireAppend) {
    this.#emits = change.emits
    this.count = change.packed.count
  }

  get size(): number {
    return this.#indexes.size
  }

  has(index: number): boolean {
    return this.#indexes.has(index)
  }

  isRejected(index: number): boolean {
    return this.#rejected.has(this.#emits[index] as number)
  }

  reject(index: number, code: RejectedEmit["code"], message: string): void {
    const emit = this.#emits[index] as number
    if (!this.#rejected.has(emit)) this.#rejected.set(emit, { emit, code, message })
    for (let i = 0; i < this.count; i++) if (this.#emits[i] === emit) this.#indexes.add(i)
  }

  exists(index: number, key: EventKey): void {
    this.#indexes.add(index)
    this.#existing.push({ index, key })
  }

  miss(index: number): void {
    this.#indexes.add(index)
    this.#missing.push(index)
  }

  result(batches: AppendResult["batches"], jobs: AppendResult["jobs"]): AppendResult {
    return {
      batches,
      jobs,
      rejected: [...this.#rejected.values()],
      existing: this.#existing,
      missing: this.#missing,
    }
  }
}

function leaveOutUnstaged(db: Database, change: WireAppend, left: Leftovers): void {
  const { eventGroupId, keys } = change.release as NonNullable<WireAppend["release"]>
  const take = "DELETE FROM staged WHERE event_group = ? AND commit_id = ? AND idx = ?"
  keys.forEach((key, index) => {
    if (left.has(index)) return
    if (db.run(take, eventGroupId, key.commitId, key.index) === 0) left.miss(index)
  })
}

/** Two passes: an emit is refused whole before any id of it is taken. */
function claimIds(db: Database, change: WireAppend, left: Leftovers, now: number): void {
  const { packed, commitId } = change
  if (isAll(packed, "id", null)) return
  const named: number[] = []
  for (let index = 0; index < left.count; index++) if (cell(packed, "id", index) !== null) named.push(index)

  const here = new Map<string, number>()
  for (const index of named) {
    if (left.has(index)) continue
    const [id, scope, hash] = identity(packed, index)
    const earlier = here.get(`${scope}\n${id}`)
    const taken =
      earlier === undefined || left.isRejected(earlier)
        ? takenId(db, id, scope, hash, now)
        : { key: { commitId, index: earlier }, same: cell(packed, "hash", earlier) === hash }
    if (taken === null) here.set(`${scope}\n${id}`, index)
    else if (taken.same) left.exists(index, taken.key)
    else left.reject(index, "conflict", conflictMessage(id))
  }
  const until = now + ID_WINDOW_MS
  for (const index of named)
    if (!left.has(index)) claimId(db, identity(packed, index), { commitId, index }, until)
}

function claimId(db: Database, [id, scope, hash]: Identity, key: EventKey, until: number): void {
  db.run(
    `INSERT INTO event_ids (id, scope, commit_id, idx, hash, unique_until) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id, scope) DO UPDATE
     SET commit_id = excluded.commit_id, idx = excluded.idx, hash = excluded.hash, unique_until = excluded.unique_until`,
    id,
    scope,
    key.commitId,
    key.index,
    hash,
    until,
  )
}

type Identity = readonly [id: string, scope: string, hash: string | null]

function identity(packed: PackedEvents, index: number): Identity {
  return [
    cell(packed, "id", index) as string,
    cell(packed, "scope", index) as string,
    cell(packed, "hash", index) as string | null,
  ]
}

/** Who has this id already, staged or written, within the window; null = nobody. */
function takenId(
  db: Database,
  id: string,
  scope: string,
  hash: string | null,
  now: number,
): { key: EventKey; same: boolean } | null {
  const row =
    db.get(
      "SELECT commit_id, idx, hash FROM event_ids WHERE id = ? AND scope = ? AND unique_until > ?",
      id,
      scope,
      now,
    ) ?? db.get("SELECT commit_id, idx, hash FROM staged WHERE id = ? AND scope = ?", id, scope)
  if (row === undefined) return null
  return { key: { commitId: row.commit_id as string, index: row.idx as number }, same: row.hash === hash }
}

function insertAll(db: Database, { packed, commitId }: WireAppend, left: Leftovers): void {
  const shape = isPlain(packed) ? PLAIN : FULL
  const insertMany = db.prepare(insertOf(shape, ROWS_AT_ONCE))
  const insertOne = db.prepare(insertOf(shape, 1))
  let values: Cell[] = []
  let rows = 0
  for (let index = 0; index < left.count; index++) {
    if (left.size > 0 && left.has(index)) continue
    pushEvent(values, commitId, index, packed, shape === PLAIN)
    if (++rows === ROWS_AT_ONCE) {
      insertMany.run(...values)
      values = []
      rows = 0
    }
  }
  for (let at = 0; at < values.length; at += shape.width) insertOne.run(...values.slice(at, at + shape.width))
}

function isPlain(packed: PackedEvents): boolean {
  return (
    isAll(packed, "extra", null) &&
    isAll(packed, "id", null) &&
    isAll(packed, "key", null) &&
    isAll(packed, "sender", null) &&
    isAll(packed, "scope", "")
  )
}

function insertOf({ columns, width }: typeof FULL, rows: number): string {
  return `INSERT INTO events (${columns}) VALUES ${places(rows, width)}`
}

/** The slow road, for when a value was refused: tries each event by itself, and takes it back. */
function withoutCulprits(db: Database, change: WireAppend): Leftovers {
  const left = new Leftovers(change)
  for (let index = 0; index < left.count; index++) {
    if (left.has(index)) continue
    const values: Cell[] = []
    pushEvent(values, change.commitId, index, change.packed, false)
    try {
      db.savepoint(() => {
        db.run(insertOf(FULL, 1), ...values)
        throw TAKEN_BACK
      })
    } catch (error) {
      if (error === TAKEN_BACK) continue
      if (!isBadValue(error)) throw error
      left.reject(index, "value", `The store refused the event: ${(error as Error).message}`)
    }
  }
  return left
}

const TAKEN_BACK = Symbol("taken back")

function pushEvent(
  values: Cell[],
  commitId: string,
  index: number,
  packed: PackedEvents,
  plain: boolean,
): void {
  values.push(
    commitId,
    index,
    cell(packed, "name", index),
    cell(packed, "at", index),
    cell(packed, "data", index),
  )
  if (plain) return
  values.push(
    cell(packed, "scope", index),
    cell(packed, "sender", index),
    cell(packed, "key", index),
    cell(packed, "extra", index),
    cell(packed, "id", index),
  )
}

function insertCommit(db: Database, { commitId, catalogVersion, packed }: WireAppend, left: Leftovers): void {
  const names = new Map<string, number>()
  for (let index = 0; index < left.count; index++) {
    if (left.size > 0 && left.has(index)) continue
    const name = cell(packed, "name", index) as string
    names.set(name, (names.get(name) ?? 0) + 1)
  }
  db.run(
    "INSERT INTO commits (commit_id, catalog_version, events) VALUES (?, ?, ?)",
    commitId,
    catalogVersion,
    left.count - left.size,
  )
  for (const [name, events] of names) {
    db.run("INSERT INTO commit_names (name, commit_id, events) VALUES (?, ?, ?)", name, commitId, events)
  }
}

/** The rows of those that are born leased; 0 for one whose event was left out. */
function insertNewJobs(db: Database, change: WireAppend, left: Leftovers, now: number): LeasedRow[] {
  if (change.jobs.length === 0) return []
  const insert = db.prepare(
    `INSERT INTO jobs (no, id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at)
     VALUES (?, ?, 'delivery', ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?)`,
  )
  let next = freshJobNo(db)
  const worker = change.worker !== null && isJoined(db, change.worker) ? change.worker : null
  const leased: LeasedRow[] = []
  for (const job of change.jobs) {
    const isLeased = job.leased && worker !== null
    if (left.has(job.index)) {
      if (job.leased) leased.push({ no: 0, epoch: 0 })
      continue
    }
    const { lastInsertRowid } = insert.run(
      next,
      deliveryId(change.commitId, job.index, job.subscription, 0),
      job.group,
      job.subscription,
      change.commitId,
      job.index,
      job.scope,
      job.key,
      job.priority,
      isLeased ? LEASED : WAITING,
      job.reason,
      job.dueAt,
      isLeased ? worker : null,
      isLeased ? 1 : 0,
      now,
      now,
    )
    next = null // the file counts on from there
    if (job.leased) leased.push(isLeased ? { no: Number(lastInsertRowid), epoch: 1 } : { no: 0, epoch: 0 })
  }
  return leased
}

function insertBatches(
  db: Database,
  { batches, commitId }: WireAppend,
  now: number,
): AppendResult["batches"] {
  return batches.map((batch) => {
    // A worker that was buried while this commit was on its way would hold it for ever.
    const worker = batch.worker !== null && isJoined(db, batch.worker) ? batch.worker : null
    const born = worker === null ? 0 : 1
    const no = db.insert(
      `INSERT INTO batches (commit_id, group_name, priority, deliveries, state, worker, epoch, takes, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      commitId,
      batch.group,
      batch.priority,
      JSON.stringify(batch.deliveries),
      born,
      worker,
      born,
      born,
      now,
    )
    return { no, epoch: born }
  })
}

/** What a commit did whose answer was lost: nothing is done twice. */
function recall(db: Database, change: WireAppend): AppendResult {
  const left = new Leftovers(change)
  const written = new Set(
    db.all("SELECT idx FROM events WHERE commit_id = ?", change.commitId).map((row) => row.idx),
  )
  for (let index = 0; index < left.count; index++) {
    if (written.has(index)) continue
    const [id, scope, hash] = identity(change.packed, index)
    const row =
      id === null ? undefined : db.get("SELECT * FROM event_ids WHERE id = ? AND scope = ?", id, scope)
    if (row !== undefined && row.hash === hash)
      left.exists(index, { commitId: row.commit_id as string, index: row.idx as number })
    else if (change.release !== null) left.miss(index)
    else left.reject(index, "conflict", conflictMessage(id))
  }
  const rows = db.all("SELECT * FROM batches WHERE commit_id = ? ORDER BY no", change.commitId)
  const batches = rows.map((row, i) => held(row, change.batches[i]?.worker ?? null))
  return left.result(batches, change.worker === null ? [] : recallJobs(db, change))
}

function recallJobs(db: Database, { commitId, jobs, worker }: WireAppend): LeasedRow[] {
  return jobs
    .filter((job) => job.leased)
    .map((job) => {
      const row = db.get(
        "SELECT * FROM jobs WHERE id = ?",
        deliveryId(commitId, job.index, job.subscription, 0),
      )
      return row === undefined ? { no: 0, epoch: 0 } : held(row, worker)
    })
}

/** What was handed back or has ended since it was written is nobody's to begin. */
function held(row: Row, worker: number | null): LeasedRow {
  const isHeld = worker !== null && row.state === LEASED && row.worker === worker && row.epoch === 1
  return { no: row.no as number, epoch: isHeld ? 1 : 0 }
}
