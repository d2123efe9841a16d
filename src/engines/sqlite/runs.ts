import { LEASED, WAITING } from "../../core/job.ts"
import { isEnded, type RunState } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type {
  Checkpoint,
  CloseRun,
  EndRun,
  NewRun,
  RunLease,
  StartedRun,
  StartRun,
} from "../../engine/runs.ts"
import { UNTIL_WOKEN } from "../sql/run-rows.ts"
import type { Database, Row } from "./database.ts"
import { deleteJob, freshJobNo } from "./job-numbers.ts"
import { writeSteps } from "./run-steps.ts"
import { isJoined } from "./workers.ts"

const FENCED: ChangeResult = { status: "fenced" }
const OK: ChangeResult = { status: "ok" }

/** Writes a run with its job, or finds the one that stands in its place. */
export function startRun(db: Database, { run, worker, join }: StartRun, now: number): ChangeResult {
  const again = db.get(`${FIND} WHERE r.id = ?`, run.id)
  if (again !== undefined) return { status: "ok", run: started(again, { worker, isNew: true }) }
  const other = db.get(
    `${FIND} WHERE r.transaction_id = ? AND r.workflow = ? AND r.group_name = ?
     ORDER BY r.state IN ('invoking', 'compensating') DESC, r.no DESC LIMIT 1`,
    run.transactionId,
    run.workflow,
    run.group,
  )
  if (other !== undefined && joins(other.state as RunState, join))
    return { status: "ok", run: started(other, { worker: null, isNew: false }) }
  return { status: "ok", run: insertRun(db, run, worker, now) }
}

const FIND = `SELECT r.id, r.no, r.state, j.no AS job, j.state AS job_state, j.worker, j.epoch
  FROM runs r LEFT JOIN jobs j ON j.id = r.id`

function joins(state: RunState, join: StartRun["join"]): boolean {
  return !isEnded(state) || join === "any" || (join === "done" && state === "done")
}

function started(row: Row, { worker, isNew }: { worker: number | null; isNew: boolean }): StartedRun {
  const isHeld = worker !== null && row.job_state === LEASED && row.worker === worker && row.epoch === 1
  return {
    id: row.id as string,
    no: row.no as number,
    job: (row.job as number | null) ?? 0,
    epoch: isHeld ? 1 : 0,
    state: row.state as RunState,
    isNew,
  }
}

function insertRun(db: Database, run: NewRun, worker: number | null, now: number): StartedRun {
  const no = db.insert(
    `INSERT INTO runs (id, group_name, subscription, workflow, hash, transaction_id, parent_run, parent_step,
       state, input, context, signals, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'invoking', ?, ?, 0, ?)`,
    run.id,
    run.group,
    run.subscription,
    run.workflow,
    run.hash,
    run.transactionId,
    run.parent?.run ?? null,
    run.parent?.step ?? null,
    run.input,
    JSON.stringify(run.context),
    now,
  )
  // A worker that was buried while this commit was on its way would hold it for ever.
  const holder = worker !== null && isJoined(db, worker) ? worker : null
  const job = db.insert(
    `INSERT INTO jobs (no, id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at)
     VALUES (?, ?, 'run', ?, ?, NULL, 0, 0, '', NULL, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?)`,
    freshJobNo(db),
    run.id,
    run.group,
    run.subscription,
    run.priority,
    holder === null ? WAITING : LEASED,
    holder === null ? "queued" : "running",
    run.dueAt,
    holder,
    holder === null ? 0 : 1,
    now,
    now,
  )
  return { id: run.id, no, job, epoch: holder === null ? 0 : 1, state: "invoking", isNew: true }
}

/** The run, if this lease holds its job. The job's id is asked as well: numbers alone may be another store's. */
function heldRun(db: Database, { run, job, worker, epoch }: RunLease): Row | undefined {
  return db.get(
    `SELECT r.id, r.state, r.signals, r.cancelled, r.parent_run, r.ended_at FROM jobs j JOIN runs r ON r.id = j.id
     WHERE j.no = ? AND j.worker = ? AND j.epoch = ? AND j.state = 1 AND r.no = ?`,
    job,
    worker,
    epoch,
    run,
  )
}

export function checkpoint(db: Database, change: Checkpoint, now: number): ChangeResult {
  const { lease, records, state, park } = change
  const run = heldRun(db, lease)
  if (run === undefined) return FENCED
  writeSteps(db, lease.run, records)
  if (state !== null && state !== run.state)
    db.run("UPDATE runs SET state = ? WHERE no = ?", state, lease.run)
  const signals = run.signals as number
  if (park === null) return { status: "ok", signals }
  if (park.signals !== signals) return { status: "ok", signals, parked: false }
  handBack(db, lease.job, { dueAt: park.dueAt ?? UNTIL_WOKEN, reason: park.reason }, now)
  return { status: "ok", signals, parked: true }
}

/** What came to its own end did not kill the process: it is no suspect any more. */
function handBack(
  db: Database,
  job: number,
  { dueAt, reason }: { dueAt: number; reason: string },
  now: number,
): void {
  db.run(
    `UPDATE jobs SET state = ${WAITING}, reason = ?, due_at = ?, crashes = 0, isolated = 0, updated_at = ? WHERE no = ?`,
    reason,
    dueAt,
    now,
    job,
  )
}

export function endRun(db: Database, change: EndRun, now: number): ChangeResult {
  const { lease, records, state, close } = change
  const run = heldRun(db, lease)
  if (run === undefined) return hasEnded(db, change) ? OK : FENCED
  if (run.ended_at !== null) return run.state === state ? OK : FENCED
  writeSteps(db, lease.run, records)
  const isCancelled = state === "done" && run.cancelled !== null
  writeEnd(db, change, isCancelled, now)
  if (isCancelled) {
    // Whoever cancelled it was told that it will be undone, and this worker had not heard of that yet.
    handBack(db, lease.job, { dueAt: now, reason: "woken" }, now)
    return { status: "ok", count: 0, parked: true }
  }
  if (close) deleteJob(db, lease.job)
  return { status: "ok", count: run.parent_run === null ? 0 : wake(db, run.parent_run as string, now) }
}

function writeEnd(db: Database, change: EndRun, isCancelled: boolean, now: number): void {
  db.run(
    "UPDATE runs SET state = ?, result = ?, error = ?, ended_at = ?, keep_until = ? WHERE no = ?",
    isCancelled ? "compensating" : change.state,
    change.result,
    change.error,
    isCancelled ? null : now,
    isCancelled ? null : change.keepUntil,
    change.lease.run,
  )
}

/** What ended it may be this very change, whose answer was lost. */
function hasEnded(db: Database, { lease, state, result }: EndRun): boolean {
  const row = db.get(
    `SELECT 1 FROM runs r WHERE r.no = ? AND r.state = ? AND r.result IS ? AND r.ended_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = r.id)`,
    lease.run,
    state,
    result,
  )
  return row !== undefined
}

/** Its parent has something new to look at. */
function wake(db: Database, id: string, now: number): number {
  db.run("UPDATE runs SET signals = signals + 1 WHERE id = ? AND state IN ('invoking', 'compensating')", id)
  return db.run(
    `UPDATE jobs SET due_at = ?, reason = 'woken', updated_at = ?
     WHERE id = ? AND kind = 'run' AND state = 0 AND due_at > ?`,
    now,
    now,
    id,
    now,
  )
}

/** One that is to be undone since it ended is not closed: it waits for who undoes it. */
export function closeRun(db: Database, { lease }: CloseRun, now: number): ChangeResult {
  const run = heldRun(db, lease)
  if (run === undefined) return isClosed(db, lease.run) ? OK : FENCED
  if (run.ended_at !== null) deleteJob(db, lease.job)
  else handBack(db, lease.job, { dueAt: now, reason: "woken" }, now)
  return OK
}

function isClosed(db: Database, run: number): boolean {
  const row = db.get(
    `SELECT 1 FROM runs r WHERE r.no = ? AND r.ended_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = r.id)`,
    run,
  )
  return row !== undefined
}
