import type { StoredEvent } from "../../core/event.ts"
import { deliveryId } from "../../core/ids.ts"
import { DELIVERED, HISTORY_LENGTH, LEASED, stateAfter } from "../../core/job.ts"
import type {
  AdvanceReplay,
  AppendEvents,
  BatchLease,
  Change,
  ChangeResult,
  ContinuedJob,
  LeasedRow,
  SettleBatch,
  SettleJob,
  StageEvents,
} from "../../engine/commit.ts"
import { reach } from "../../engine/faults.ts"
import type { Checkpoint, CloseRun, EndRun, StartRun } from "../../engine/runs.ts"
import { endSubscription, putSubscription } from "../sql/catalog.ts"
import { erase } from "../sql/erase.ts"
import { cancel, markJob, redrive } from "../sql/job-steering.ts"
import type { Program } from "../sql/program.ts"
import { pruneRecords, putRecord } from "../sql/records.ts"
import { putReplay } from "../sql/replays.ts"
import { signalRun } from "../sql/run-signals.ts"
import { advanceSchedule, putSchedule } from "../sql/schedules.ts"
import { clear, stage } from "../sql/staging.ts"
import { append, type WireAppend } from "./append.ts"
import { checkpoint } from "./checkpoint.ts"
import { type Database, isBadValue } from "./database.ts"
import { freshJobNo, withFreshJobNos } from "./job-numbers.ts"
import { COLUMNS, cell, type PackedEvents } from "./packed.ts"
import { insertPart } from "./parts.ts"
import { runProgram } from "./program.ts"
import { closeRun, endRun } from "./run-ends.ts"
import { startRun } from "./run-starts.ts"
import { overwriting } from "./scrub.ts"

export type WireStage = Omit<StageEvents, "events"> & { readonly packed: PackedEvents }
/** Its record as the store keeps it: taken apart for the other thread, it would cost more than all else of a settle. */
export type WireSettle = Omit<SettleJob, "record"> & {
  readonly record: { readonly attempt: number; readonly json: string } | null
}
export type WireChange =
  | Exclude<Change, AppendEvents | StageEvents | SettleJob>
  | WireAppend
  | WireStage
  | WireSettle

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
    case "advance-replay":
      return advanceReplay(db, change, now)
    case "start-run":
      return startRun(db, change, now)
    case "checkpoint":
      return checkpoint(db, change, now)
    case "end-run":
      return endRun(db, change, now)
    case "close-run":
      return closeRun(db, change, now)
    case "put-subscription":
    case "put-replay":
    case "put-schedule":
    case "signal-run":
      return withFreshJobNos(db, () => runProgram(db, programOf(change, now)))
    case "erase":
      return overwriting(db, () => runProgram(db, programOf(change, now)))
    default:
      return runProgram(db, programOf(change, now))
  }
}

type OwnChange =
  | WireAppend
  | SettleBatch
  | WireSettle
  | AdvanceReplay
  | StartRun
  | Checkpoint
  | EndRun
  | CloseRun
type SharedChange = Exclude<WireChange, OwnChange>

/** What is not on the road is written in the words of both SQL engines. */
function programOf(change: SharedChange, now: number): Program<ChangeResult> {
  switch (change.kind) {
    case "stage":
      return stage({ ...change, events: unpack(change.packed) }, now)
    case "clear":
      return clear(change)
    case "mark-job":
      return markJob(change, now)
    case "put-subscription":
      return putSubscription(change, now)
    case "end-subscription":
      return endSubscription(change, now)
    case "put-replay":
      return putReplay(change.request, change.token, now)
    case "redrive":
      return redrive(change, now)
    case "cancel":
      return cancel(change, now)
    case "erase":
      return erase(change, now)
    case "signal-run":
      return signalRun(change, now)
    case "put-schedule":
      return putSchedule(change, now)
    case "advance-schedule":
      return advanceSchedule(change, now)
    case "put-record":
      return putRecord(change, now)
    case "prune-records":
      return pruneRecords(change)
  }
}

function unpack(packed: PackedEvents): StoredEvent[] {
  return Array.from({ length: packed.count }, (_, index) => {
    const cells = COLUMNS.map((column) => [column, cell(packed, column, index)])
    return Object.fromEntries(cells) as unknown as StoredEvent
  })
}

/** Losing such a commit to a power failure only means that it is done again, so it need not wait for the disk. */
function isOnlyDelivered(change: WireChange): boolean {
  if (change.kind === "close-run") return true
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
  if (closed === 0) return recallBatch(db, { lease, outcome, jobs })
  reach("settle.middle")
  for (const part of parts) insertPart(db, part, now)
  return jobs.length === 0 ? OK : { status: "ok", jobs: insertContinued(db, jobs, lease.worker, now) }
}

/** What closed it may be this very change, whose answer was lost: then all that it wrote is there. */
function recallBatch(
  db: Database,
  { lease, outcome, jobs }: Pick<SettleBatch, "lease" | "outcome" | "jobs">,
): ChangeResult {
  const closed = db.get(
    `SELECT 1 FROM ${tableOf(lease)} WHERE no = ? AND worker = ? AND epoch = ? AND state = 2 AND outcome = ?`,
    lease.no,
    lease.worker,
    lease.epoch,
    JSON.stringify(outcome),
  )
  if (closed === undefined) return FENCED
  const rows = jobs.map((job) => recallContinued(db, job, lease.worker))
  if (rows.includes(null)) return FENCED
  return jobs.length === 0 ? OK : { status: "ok", jobs: rows as LeasedRow[] }
}

/** Its row; number 0 where it was born leased and is not held under that lease any more. */
function recallContinued(db: Database, job: ContinuedJob, worker: number): LeasedRow | null {
  const row = db.get(
    "SELECT no, state = 1 AND worker = ? AND epoch = 1 AS held FROM jobs WHERE id = ?",
    worker,
    deliveryId(job.commitId, job.index, job.subscription, job.replay),
  )
  if (row === undefined) return null
  if (job.state !== LEASED) return { no: row.no as number, epoch: 0 }
  return row.held === 1 ? { no: row.no as number, epoch: 1 } : { no: 0, epoch: 0 }
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
    `INSERT INTO jobs (no, id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at, error, history)
     VALUES (?, ?, 'delivery', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  )
  let next = jobs.length === 0 ? null : freshJobNo(db)
  return jobs.map((job, i) => {
    const leased = job.state === LEASED
    const { changes, lastInsertRowid } = insert.run(
      next,
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
    if (changes === 0) return { no: 0, epoch: 0 }
    next = null // the file counts on from there
    return { no: Number(lastInsertRowid), epoch: leased ? 1 : 0 }
  })
}

function settleJob(db: Database, change: WireSettle, now: number): ChangeResult {
  const { outcome, record } = change
  const text = record?.json ?? null
  // An attempt that came to its end did not kill the process: the delivery is no suspect any more.
  const acquitted = record !== null && outcome.kind === "retry" ? 1 : 0
  const changed = db.run(
    `UPDATE jobs
     SET state = ?, reason = ?, due_at = ?, attempt = coalesce(?, attempt), error = ?, updated_at = ?,
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
  if (changed === 0) return isSettled(db, change) ? OK : FENCED
  if (record !== null && record.attempt > HISTORY_LENGTH) trimHistory(db, change.no)
  return OK
}

/** A settled row keeps its last worker, so that the same settle is known again when its answer was lost. */
function isSettled(db: Database, { no, worker, epoch, outcome }: WireSettle): boolean {
  const row = db.get(
    "SELECT 1 FROM jobs WHERE no = ? AND worker = ? AND epoch = ? AND state = ?",
    no,
    worker,
    epoch,
    stateAfter(outcome),
  )
  return row !== undefined
}

function trimHistory(db: Database, no: number): void {
  db.run(
    "UPDATE jobs SET history = json_remove(history, '$[0]') WHERE no = ? AND json_array_length(history) > ?",
    no,
    HISTORY_LENGTH,
  )
}

function advanceReplay(db: Database, change: AdvanceReplay, now: number): ChangeResult {
  if (hasAdvanced(db, change)) return OK
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

/** The last step may stop where the one before it stopped: its end tells them apart. */
function hasAdvanced(db: Database, { no, worker, epoch, cursor, done }: AdvanceReplay): boolean {
  const row = db.get(
    `SELECT 1 FROM jobs
     WHERE no = ? AND worker = ? AND epoch = ? AND state = ? AND json_extract(data, '$.cursor') = ?`,
    no,
    worker,
    epoch,
    done ? DELIVERED : LEASED,
    cursor,
  )
  return row !== undefined
}
