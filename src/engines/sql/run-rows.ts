import { JOB_STATES } from "../../core/job.ts"
import type { RunContext, RunState, StepOutcome, StepPhase, StepRecord, StepWait } from "../../core/run.ts"
import type { RunJob, RunRow } from "../../engine/runs.ts"
import type { Row, Value } from "./program.ts"

/** When the job of a run is due that waits until it is woken: further off than any date. */
export const UNTIL_WOKEN = 2 ** 47

export const LIVE = "('invoking', 'compensating')"

/** A run `r` with its job `j`. */
export const RUN_COLUMNS = `r.no, r.id, r.group_name, r.subscription, r.workflow, r.hash, r.scope, r.transaction_id, r.parent_run,
  r.parent_step, r.state, r.input, r.context, r.result, r.error, r.cancelled, r.signals, r.started_at, r.ended_at,
  j.no AS job_no, j.state AS job_state, j.reason AS job_reason, j.due_at AS job_due_at, j.worker AS job_worker,
  j.crashes AS job_crashes`

/** A job that was delivered or cancelled is none. */
export const RUN_SOURCE = "store.runs r LEFT JOIN store.jobs j ON j.id = r.id AND j.state IN (0, 1, 3)"

export function toRun(row: Row): RunRow {
  return {
    no: row.no as number,
    id: row.id as string,
    group: row.group_name as string,
    subscription: row.subscription as number,
    workflow: row.workflow as string,
    hash: row.hash as string,
    scope: row.scope as string,
    transactionId: row.transaction_id as string,
    parent:
      row.parent_run === null ? null : { run: row.parent_run as string, step: row.parent_step as string },
    state: row.state as RunState,
    input: row.input as string | null,
    context: JSON.parse(row.context as string) as RunContext,
    result: row.result as string | null,
    error: row.error as string | null,
    cancelled: row.cancelled as string | null,
    signals: row.signals as number,
    startedAt: row.started_at as number,
    endedAt: row.ended_at as number | null,
    job: row.job_no === null ? null : toRunJob(row),
  }
}

function toRunJob(row: Row): RunJob {
  const state = JOB_STATES[row.job_state as number] as RunJob["state"]
  return {
    no: row.job_no as number,
    state,
    reason: row.job_reason as string,
    dueAt: row.job_due_at as number,
    worker: state === "leased" ? (row.job_worker as number | null) : null,
    crashes: row.job_crashes as number,
  }
}

export function toStep(row: Row): StepRecord {
  return {
    step: row.step as string,
    phase: row.phase as StepPhase,
    attempt: row.attempt as number,
    outcome: row.outcome as StepOutcome,
    at: row.at as number,
    ms: row.ms as number,
    input: row.input as string | null,
    output: row.output as string | null,
    undo: row.undo as string | null,
    error: row.error as string | null,
    dueAt: row.due_at as number | null,
    wait: toWait(row),
    worker: row.worker as number,
  }
}

function toWait(row: Row): StepWait | null {
  switch (row.wait_kind) {
    case "response":
    case "time":
      return { kind: row.wait_kind }
    case "event":
      return { kind: "event", event: row.wait_name as string, filter: toFilter(row.wait) }
    case "run":
      return { kind: "run", run: row.wait_name as string }
    default:
      return null
  }
}

export function toFilter(text: Value | undefined): unknown {
  return text ? JSON.parse(text as string) : null
}

/** How a wait stands in its three columns. */
export function waitColumns(wait: StepWait | null): readonly [kind: Value, name: Value, filter: Value] {
  switch (wait?.kind) {
    case "event":
      return ["event", wait.event, wait.filter == null ? null : JSON.stringify(wait.filter)]
    case "run":
      return ["run", wait.run, null]
    default:
      return [wait?.kind ?? null, null, null]
  }
}
