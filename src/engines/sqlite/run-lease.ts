import { WAITING } from "../../core/job.ts"
import type { RunLease } from "../../engine/runs.ts"
import type { Database, Row } from "./database.ts"

/** The run, if this lease holds its job. The job's id is asked as well: numbers alone may be another store's. */
export function heldRun(db: Database, { run, job, worker, epoch }: RunLease): Row | undefined {
  return db.get(
    `SELECT r.id, r.state, r.signals, r.cancelled, r.parent_run, r.ended_at FROM jobs j JOIN runs r ON r.id = j.id
     WHERE j.no = ? AND j.worker = ? AND j.epoch = ? AND j.state = 1 AND r.no = ?`,
    job,
    worker,
    epoch,
    run,
  )
}

/** What came to its own end did not kill the process: it is no suspect any more. */
export function handBack(
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
