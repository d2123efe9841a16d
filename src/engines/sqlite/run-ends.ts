import type { RunContext } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { CloseRun, EndRun } from "../../engine/runs.ts"
import type { Database, Row } from "./database.ts"
import { deleteJob } from "./job-numbers.ts"
import { handBack, heldRun } from "./run-lease.ts"
import { writeSteps } from "./run-steps.ts"

const FENCED: ChangeResult = { status: "fenced" }
const OK: ChangeResult = { status: "ok" }

export function endRun(db: Database, change: EndRun, now: number): ChangeResult {
  const { lease, records, state, close } = change
  const run = heldRun(db, lease)
  if (run === undefined) return hasEnded(db, change) ? OK : FENCED
  if (run.ended_at !== null) return run.state === state ? heldSinceItsEnd(change) : FENCED
  writeSteps(db, lease.run, records, run.position)
  const isCancelled = state === "done" && run.cancelled !== null
  writeEnd(db, change, isCancelled, now)
  if (isCancelled) {
    // Whoever cancelled it was told that it will be undone, and this worker had not heard of that yet.
    handBack(db, lease.job, { dueAt: now, reason: "woken" }, now)
    return { status: "ok", count: 0, parked: true }
  }
  const open = close === "unless-staged" && hasStaged(db, run)
  if (close !== false && !open) deleteJob(db, lease.job)
  const count = run.parent_run === null ? 0 : wake(db, run.parent_run as string, now)
  return open ? { status: "ok", count, open } : { status: "ok", count }
}

/** This very change came before: had nothing been staged then, its job would be gone. */
function heldSinceItsEnd({ close }: EndRun): ChangeResult {
  return close === "unless-staged" ? { status: "ok", open: true } : OK
}

/** Another process may have staged it, of which whoever ends the run knows nothing. */
function hasStaged(db: Database, run: Row): boolean {
  const { eventGroupId } = JSON.parse(run.context as string) as RunContext
  return db.get("SELECT 1 FROM staged WHERE event_group = ? LIMIT 1", eventGroupId) !== undefined
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
