import { slices } from "../../core/batch.ts"
import { CANCELLED, WAITING } from "../../core/job.ts"
import type { CancelJobs, ChangeResult, MarkJob, RedriveJobs } from "../../engine/commit.ts"
import { type List, listOf } from "./places.ts"
import { type Program, run } from "./program.ts"

const JOBS_AT_ONCE = 256

/** Dead letters go again under their own ids, with all their attempts before them; their history stays. */
export function* redrive({ nos, retrying = false }: RedriveJobs, now: number): Program<ChangeResult> {
  let count = 0
  for (const some of slices(nos, JOBS_AT_ONCE)) {
    const list = listOf(some)
    count += yield* run(
      `UPDATE store.jobs
       SET state = ${WAITING}, reason = 'redriven', due_at = ?, attempt = 0, crashes = 0, isolated = 0, error = NULL,
           updated_at = ?
       WHERE no IN ${list.places} AND state = 3`,
      now,
      now,
      ...list.values,
    )
    if (retrying) count += yield* hasten(list, now)
  }
  return { status: "ok", count }
}

/** What failed and waits for its next attempt has it now, with those that it had before it. */
function hasten(list: List, now: number): Program<number> {
  return run(
    `UPDATE store.jobs SET reason = 'redriven', due_at = ?, updated_at = ?
     WHERE no IN ${list.places} AND state = ${WAITING} AND kind = 'delivery' AND attempt > 0 AND due_at > ?`,
    now,
    now,
    ...list.values,
    now,
  )
}

/** What waits and what is dead comes to an end; what runs may finish. A run is not forgotten but undone: signal it. */
export function* cancel({ nos, reason }: CancelJobs, now: number): Program<ChangeResult> {
  let count = 0
  for (const some of slices(nos, JOBS_AT_ONCE)) {
    const list = listOf(some)
    count += yield* run(
      `UPDATE store.jobs SET state = ${CANCELLED}, reason = ?, updated_at = ?
       WHERE no IN ${list.places} AND state IN (0, 3) AND kind <> 'run'`,
      reason,
      now,
      ...list.values,
    )
  }
  return { status: "ok", count }
}

export function* markJob({ no, worker, epoch, reason }: MarkJob, now: number): Program<ChangeResult> {
  const marked = yield* run(
    "UPDATE store.jobs SET reason = ?, updated_at = ? WHERE no = ? AND worker = ? AND epoch = ? AND state = 1",
    reason,
    now,
    no,
    worker,
    epoch,
  )
  return { status: marked === 0 ? "fenced" : "ok" }
}
