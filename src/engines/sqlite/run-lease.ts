import { WAITING } from "../../core/job.ts"
import type { RunLease } from "../../engine/runs.ts"
import type { Database, Row } from "./database.ts"

/** The run, if this lease holds its job, and how many of its attempts were written. The job must be the run's own. */
export function heldRun(db: Database, { run, job, worker, epoch }: RunLease): Row | undefined {
  return db.get(
    `SELECT r.state, r.signals, r.cancelled, r.parent_run, r.ended_at, r.context,
       (SELECT max(position) FROM run_steps WHERE run = r.no) AS position
     FROM jobs j CROSS JOIN runs r
     WHERE j.no = ? AND j.worker = ? AND j.epoch = ? AND j.state = 1 AND r.no = ? AND +r.id = j.id`,
    job,
    worker,
    epoch,
    run,
  )
}

/**
 * What came to its own end did not kill the process: it is no suspect any more. The last lease that ended so stands in
 * `attempt`.
 */
export function handBack(
  db: Database,
  job: number,
  { dueAt, reason }: { dueAt: number; reason: string },
  now: number,
): void {
  db.run(
    `UPDATE jobs SET state = ${WAITING}, reason = ?, due_at = ?, crashes = 0, isolated = 0, attempt = epoch,
       updated_at = ? WHERE no = ?`,
    reason,
    dueAt,
    now,
    job,
  )
}
