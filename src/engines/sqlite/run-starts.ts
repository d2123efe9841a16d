import { LEASED, WAITING } from "../../core/job.ts"
import { isEnded, type RunState } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { NewRun, StartedRun, StartRun } from "../../engine/runs.ts"
import type { Database, Row } from "./database.ts"
import { freshJobNo } from "./job-numbers.ts"
import { isJoined } from "./workers.ts"

/** Writes a run with its job, or finds the one that stands in its place. */
export function startRun(db: Database, { run, worker, join }: StartRun, now: number): ChangeResult {
  const again = db.get(`${FIND} WHERE r.id = ?`, run.id)
  if (again !== undefined) return { status: "ok", run: started(again, { worker, isNew: true }) }
  const other = db.get(
    `${FIND} WHERE r.transaction_id = ? AND r.workflow = ? AND r.scope = ? AND r.group_name = ?
     ORDER BY r.state IN ('invoking', 'compensating') DESC, r.no DESC LIMIT 1`,
    run.transactionId,
    run.workflow,
    run.scope,
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
    `INSERT INTO runs (id, group_name, subscription, workflow, hash, scope, transaction_id, parent_run, parent_step,
       state, input, context, signals, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'invoking', ?, ?, 0, ?)`,
    run.id,
    run.group,
    run.subscription,
    run.workflow,
    run.hash,
    run.scope,
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
     VALUES (?, ?, 'run', ?, ?, NULL, 0, 0, ?, NULL, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?)`,
    freshJobNo(db),
    run.id,
    run.group,
    run.subscription,
    run.scope,
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
