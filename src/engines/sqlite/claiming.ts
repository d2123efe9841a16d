import type { ClaimedJob, ClaimRequest } from "../../engine/leases.ts"
import { UNTIL_WOKEN } from "../sql/run-rows.ts"
import type { Database, Row } from "./database.ts"
import { EVENT_COLUMNS, toEvent, toHistory } from "./rows.ts"

export const JOB_COLUMNS = `j.no, j.kind, j.id AS job_id, j.subscription, j.scope AS job_scope, j.key AS job_key, j.priority,
  j.attempt, j.crashes, j.isolated, j.replay, j.epoch, j.history, j.data AS job_data, j.due_at, j.state, ${EVENT_COLUMNS}`
export const JOB_SOURCE = "jobs j LEFT JOIN events e ON e.commit_id = j.commit_id AND e.idx = j.idx"

/** One claim under way: what it has leased so far, and when its worker should come again. */
export class Claiming {
  readonly db: Database
  readonly request: ClaimRequest
  readonly now: number
  readonly jobs: ClaimedJob[] = []
  #nextDueAt: number | null = null

  constructor(db: Database, request: ClaimRequest, now: number) {
    this.db = db
    this.request = request
    this.now = now
  }

  get nextDueAt(): number | null {
    return this.#nextDueAt
  }

  comeAgainAt(at: number): void {
    if (at >= UNTIL_WOKEN) return // who wakes it says so
    if (this.#nextDueAt === null || at < this.#nextDueAt) this.#nextDueAt = at
  }

  isDue(row: Row): boolean {
    return (row.due_at as number) <= this.now
  }

  lease(row: Row): ClaimedJob {
    const epoch = (row.epoch as number) + 1
    this.db.run(
      "UPDATE jobs SET state = 1, reason = 'running', worker = ?, epoch = ?, updated_at = ? WHERE no = ?",
      this.request.worker,
      epoch,
      this.now,
      row.no as number,
    )
    const job = toClaimed(row, epoch)
    this.jobs.push(job)
    return job
  }
}

function toClaimed(row: Row, epoch: number): ClaimedJob {
  return {
    no: row.no as number,
    epoch,
    kind: row.kind as ClaimedJob["kind"],
    id: row.job_id as string,
    subscription: row.subscription as number,
    scope: row.job_scope as string,
    key: row.job_key as string | null,
    priority: row.priority as number,
    attempt: row.attempt as number,
    crashes: row.crashes as number,
    isolated: row.isolated === 1,
    replay: row.replay as number,
    history: toHistory(row.history),
    event: row.commit_id === null ? null : toEvent(row),
    data: row.job_data as string | null,
  }
}
