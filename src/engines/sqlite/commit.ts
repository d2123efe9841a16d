import { deliveryId } from "../../core/ids.ts"
import { CANCELLED, DELIVERED, HISTORY_LENGTH, LEASED, stateAfter, WAITING } from "../../core/job.ts"
import type {
  AdvanceReplay,
  AppendEvents,
  BatchLease,
  CancelJobs,
  Change,
  ChangeResult,
  ClearStaged,
  ContinuedJob,
  LeasedRow,
  MarkJob,
  RedriveJobs,
  SettleBatch,
  SettleJob,
  StageEvents,
} from "../../engine/commit.ts"
import { reach } from "../../engine/faults.ts"
import { append, conflictMessage, takenId, type WireAppend } from "./append.ts"
import { endSubscription, putReplay, putSubscription } from "./catalog.ts"
import { type Database, isBadValue } from "./database.ts"
import { COLUMNS, cell, type PackedEvents } from "./packed.ts"
import { insertPart } from "./parts.ts"
import { places } from "./rows.ts"

export type WireStage = Omit<StageEvents, "events"> & { readonly packed: PackedEvents }
export type WireChange = Exclude<Change, AppendEvents | StageEvents> | WireAppend | WireStage

const FENCED: ChangeResult = { status: "fenced" }
const OK: ChangeResult = { status: "ok" }

/** Writes all changes in one transaction; one that the store refuses stays out alone. */
export function commit(db: Database, changes: readonly WireChange[], now: number): ChangeResult[] {
  const relaxed = changes.every(isOnlyDelivered)
  reach("commit.before")
  const results = commitAll(db, changes, now, relaxed)
  reach("commit.after")
  return results
}

function commitAll(
  db: Database,
  changes: readonly WireChange[],
  now: number,
  relaxed: boolean,
): ChangeResult[] {
  try {
    return db.transaction(() => changes.map((change) => apply(db, change, now)), relaxed)
  } catch (error) {
    if (!isBadValue(error)) throw error
    return db.transaction(() => changes.map((change) => applyAlone(db, change, now)), relaxed)
  }
}

function applyAlone(db: Database, change: WireChange, now: number): ChangeResult {
  try {
    return db.savepoint(() => apply(db, change, now))
  } catch (error) {
    if (!isBadValue(error)) throw error
    return { status: "conflict", message: `The store refused the change: ${(error as Error).message}` }
  }
}

function apply(db: Database, change: WireChange, now: number): ChangeResult {
  switch (change.kind) {
    case "append": {
      const result = append(db, change, now)
      reach(change.release === null ? "commit.middle" : "release.middle")
      return result
    }
    case "settle-batch":
      return settleBatch(db, change, now)
    case "settle-job":
      return settleJob(db, change, now)
    case "stage":
      return stage(db, change, now)
    case "clear":
      return clear(db, change)
    case "mark-job":
      return markJob(db, change, now)
    case "put-subscription":
      return putSubscription(db, change, now)
    case "end-subscription":
      return endSubscription(db, change.group, change.id, now)
    case "put-replay":
      return putReplay(db, change.request, now)
    case "advance-replay":
      return advanceReplay(db, change, now)
    case "redrive":
      return redrive(db, change, now)
    case "cancel":
      return cancel(db, change, now)
  }
}

/** Losing such a commit to a power failure only means a redelivery, so it need not wait for the disk. */
function isOnlyDelivered(change: WireChange): boolean {
  if (change.kind === "settle-job") return change.outcome.kind === "delivered"
  return change.kind === "settle-batch" && change.jobs.length === 0 && change.parts.length === 0
}

function settleBatch(db: Database, { lease, outcome, jobs, parts }: SettleBatch, now: number): ChangeResult {
  const closed = db.run(
    `UPDATE ${tableOf(lease)} SET state = 2, closed_at = ?, outcome = ?
     WHERE no = ? AND worker = ? AND epoch = ? AND state = 1`,
    now,
    JSON.stringify(outcome),
    lease.no,
    lease.worker,
    lease.epoch,
  )
  if (closed === 0) return FENCED
  reach("settle.middle")
  for (const part of parts) insertPart(db, part, now)
  return jobs.length === 0 ? OK : { status: "ok", jobs: insertContinued(db, jobs, lease.worker, now) }
}

function tableOf(lease: BatchLease): "batches" | "parts" {
  return lease.source === "batch" ? "batches" : "parts"
}

/** A job that is there already is left as it is: its row number comes back as 0. */
function insertContinued(
  db: Database,
  jobs: readonly ContinuedJob[],
  worker: number,
  now: number,
  keys: readonly (string | null)[] = [],
): LeasedRow[] {
  const insert = db.prepare(
    `INSERT INTO jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at, error, history)
     VALUES (?, 'delivery', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  )
  return jobs.map((job, i) => {
    const leased = job.state === LEASED
    const { changes, lastInsertRowid } = insert.run(
      deliveryId(job.commitId, job.index, job.subscription, job.replay),
      job.group,
      job.subscription,
      job.commitId,
      job.index,
      job.replay,
      job.scope,
      keys[i] ?? null,
      job.priority,
      job.state,
      job.reason,
      job.dueAt,
      job.attempt,
      job.crashes,
      job.isolated ? 1 : 0,
      leased ? worker : null,
      leased ? 1 : 0,
      now,
      now,
      job.error,
      job.history.length === 0 ? null : JSON.stringify(job.history),
    )
    return changes === 0 ? { no: 0, epoch: 0 } : { no: Number(lastInsertRowid), epoch: leased ? 1 : 0 }
  })
}

function settleJob(db: Database, change: SettleJob, now: number): ChangeResult {
  const { outcome, record } = change
  const text = record === null ? null : JSON.stringify(record)
  // An attempt that came to its end did not kill the process: the delivery is no suspect any more.
  const acquitted = record !== null && outcome.kind === "retry" ? 1 : 0
  const changed = db.run(
    `UPDATE jobs
     SET state = ?, reason = ?, due_at = ?, attempt = coalesce(?, attempt), error = ?, worker = NULL, updated_at = ?,
         key = CASE WHEN ? THEN NULL ELSE key END,
         crashes = CASE WHEN ? THEN 0 ELSE crashes END,
         isolated = CASE WHEN ? THEN 0 ELSE isolated END,
         history = CASE WHEN ? IS NULL THEN history WHEN history IS NULL THEN ? ELSE json_insert(history, '$[#]', json(?)) END
     WHERE no = ? AND worker = ? AND epoch = ? AND state = 1`,
    stateAfter(outcome),
    outcome.kind === "retry" ? "retry" : outcome.kind === "delivered" ? "delivered" : outcome.reason,
    outcome.kind === "retry" ? outcome.dueAt : now,
    record?.attempt ?? null,
    outcome.kind === "retry" || outcome.kind === "dead" ? outcome.error : null,
    now,
    change.unordered ? 1 : 0,
    acquitted,
    acquitted,
    text === null ? null : 1,
    text === null ? null : `[${text}]`,
    text,
    change.no,
    change.worker,
    change.epoch,
  )
  if (changed === 0) return FENCED
  if (record !== null && record.attempt > HISTORY_LENGTH) trimHistory(db, change.no)
  return OK
}

function trimHistory(db: Database, no: number): void {
  db.run(
    "UPDATE jobs SET history = json_remove(history, '$[0]') WHERE no = ? AND json_array_length(history) > ?",
    no,
    HISTORY_LENGTH,
  )
}

function markJob(db: Database, { no, worker, epoch, reason }: MarkJob, now: number): ChangeResult {
  const changed = db.run(
    "UPDATE jobs SET reason = ?, updated_at = ? WHERE no = ? AND worker = ? AND epoch = ? AND state = 1",
    reason,
    now,
    no,
    worker,
    epoch,
  )
  return changed === 0 ? FENCED : OK
}

function stage(db: Database, { packed, commitId, eventGroupId }: WireStage, now: number): ChangeResult {
  const fresh: number[] = []
  const here = new Map<string, string | null>()
  for (let index = 0; index < packed.count; index++) {
    const id = cell(packed, "id", index) as string | null
    const scope = cell(packed, "scope", index) as string
    const hash = cell(packed, "hash", index) as string | null
    const earlier = here.get(`${scope}\n${id}`)
    const taken = id === null ? null : takenId(db, id, scope, hash, now)
    const differs = earlier === undefined ? taken?.same === false : earlier !== hash
    if (differs) return { status: "conflict", message: conflictMessage(id as string) }
    if (taken === null && earlier === undefined) fresh.push(index)
    if (id !== null) here.set(`${scope}\n${id}`, hash)
  }
  const insert = db.prepare(
    `INSERT OR IGNORE INTO staged (event_group, commit_id, idx, ${COLUMNS.join(", ")}) VALUES ${places(1, 12)}`,
  )
  for (const index of fresh) {
    insert.run(eventGroupId, commitId, index, ...COLUMNS.map((column) => cell(packed, column, index)))
  }
  return { status: "ok", count: fresh.length, fresh }
}

function clear(db: Database, { eventGroupId, names }: ClearStaged): ChangeResult {
  if (names === null)
    return { status: "ok", count: db.run("DELETE FROM staged WHERE event_group = ?", eventGroupId) }
  let count = 0
  for (const name of names)
    count += db.run("DELETE FROM staged WHERE event_group = ? AND name = ?", eventGroupId, name)
  return { status: "ok", count }
}

function advanceReplay(db: Database, change: AdvanceReplay, now: number): ChangeResult {
  const changed = db.run(
    `UPDATE jobs
     SET data = json_set(data, '$.cursor', ?, '$.made', ?), state = ?, reason = ?, updated_at = ?
     WHERE no = ? AND worker = ? AND epoch = ? AND state = 1`,
    change.cursor,
    change.made,
    change.done ? DELIVERED : LEASED,
    change.done ? "delivered" : "running",
    now,
    change.no,
    change.worker,
    change.epoch,
  )
  if (changed === 0) return FENCED
  reach("replay.middle")
  for (const part of change.parts) insertPart(db, part, now)
  insertContinued(db, change.jobs, change.worker, now, change.keys)
  return OK
}

/** Dead letters go again under their own ids, with all their attempts before them; their history stays. */
function redrive(db: Database, { nos }: RedriveJobs, now: number): ChangeResult {
  let count = 0
  for (const no of nos) {
    count += db.run(
      `UPDATE jobs
       SET state = ?, reason = 'redriven', due_at = ?, attempt = 0, crashes = 0, isolated = 0, error = NULL, updated_at = ?
       WHERE no = ? AND state = 3`,
      WAITING,
      now,
      now,
      no,
    )
  }
  return { status: "ok", count }
}

function cancel(db: Database, { nos, reason }: CancelJobs, now: number): ChangeResult {
  let count = 0
  for (const no of nos) {
    count += db.run(
      "UPDATE jobs SET state = ?, reason = ?, updated_at = ? WHERE no = ? AND state IN (0, 3)",
      CANCELLED,
      reason,
      now,
      no,
    )
  }
  return { status: "ok", count }
}
