import { isEnded, type RunContext, type RunState } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { RunSignal, SignalRun } from "../../engine/runs.ts"
import { get, type Program, type Row, run } from "./program.ts"
import { LIVE } from "./run-rows.ts"

/**
 * What somebody wants of a run that he does not hold. The answer's count: how many jobs wait for a worker since.
 *
 * The run's row is locked first and its job's after it, as by everybody who writes to both.
 */
export function* signalRun({ run: id, signal }: SignalRun, now: number): Program<ChangeResult> {
  const found = yield* lockRun(id)
  if (found === undefined) return conflict(`Expected the id of a run, got \`${id}\`: there is none.`)
  switch (signal.kind) {
    case "cancel":
      return yield* cancel(found, signal.reason, now)
    case "step":
      return yield* endStep(found, signal, now)
    case "wake":
      return yield* heard(found, now)
  }
}

/** From here to the end of the transaction nobody else writes of it. */
function* lockRun(id: string): Program<Row | undefined> {
  return yield* get(
    `UPDATE store.runs SET signals = signals WHERE id = ?
     RETURNING no, id, group_name, subscription, workflow, scope, transaction_id, state, context`,
    id,
  )
}

function conflict(message: string): ChangeResult {
  return { status: "conflict", message }
}

function* cancel(row: Row, reason: string, now: number): Program<ChangeResult> {
  switch (row.state as RunState) {
    case "compensating":
      return { status: "ok", count: 0 }
    case "reverted":
      return conflict(`Expected a run that can be undone, got \`${row.id}\`: that has been done already.`)
    case "invoking":
      yield* run(
        "UPDATE store.runs SET cancelled = coalesce(cancelled, ?) WHERE no = ?",
        reason,
        row.no as number,
      )
      return yield* heard(row, now)
    default:
      return yield* reopen(row, reason, now)
  }
}

type StepSignal = Extract<RunSignal, { readonly kind: "step" }>

function* endStep(row: Row, signal: StepSignal, now: number): Program<ChangeResult> {
  const isBack = signal.outcome === "again" && row.state === "failed" && signal.phase === "compensate"
  if (isEnded(row.state as RunState) && !isBack)
    return conflict(`Expected a run that goes on, got \`${row.id}\`, which has ended (${row.state}).`)
  const newest = yield* get(
    `SELECT attempt, outcome FROM store.run_steps WHERE run = ? AND step = ? AND phase = ?
     ORDER BY attempt DESC LIMIT 1`,
    row.no as number,
    signal.step,
    signal.phase,
  )
  if (newest === undefined || !mayEnd(newest, signal)) return conflict(isNotWaiting(row, signal, newest))
  if (isBack) {
    const reopened = yield* reopen(row, null, now)
    if (reopened.status !== "ok") return reopened
    yield* writeOutcome(row, signal, newest.attempt as number)
    return reopened
  }
  yield* writeOutcome(row, signal, newest.attempt as number)
  return yield* heard(row, now)
}

function mayEnd({ outcome }: Row, signal: StepSignal): boolean {
  if (outcome === "waiting") return true
  if (signal.outcome !== "again") return false
  return outcome === "failed" || (outcome === "permanent" && signal.phase === "compensate")
}

function isNotWaiting(row: Row, { step, phase, outcome }: StepSignal, newest: Row | undefined): string {
  const expected = outcome === "again" ? "a step that waits or has failed" : "a step that waits"
  const got = newest === undefined ? "has not begun" : `is ${newest.outcome}`
  return `Expected ${expected}, got \`${step}\` (${phase}) of run \`${row.id}\`, which ${got}.`
}

/** One that gets another attempt keeps what is known of the last. */
function* writeOutcome(row: Row, signal: StepSignal, attempt: number): Program<void> {
  const outputs = signal.outcome === "again" ? [] : [signal.output, signal.undo]
  yield* run(
    `UPDATE store.run_steps
     SET outcome = ?, ${outputs.length === 0 ? "" : "output = ?, undo = ?,"}
         error = coalesce(?, error), due_at = ?, wait_kind = NULL, wait_name = NULL, wait = NULL
     WHERE run = ? AND step = ? AND phase = ? AND attempt = ?`,
    signal.outcome,
    ...outputs,
    signal.error,
    signal.dueAt === null ? null : Math.ceil(signal.dueAt),
    row.no as number,
    signal.step,
    signal.phase,
    attempt,
  )
}

/** Whoever holds the run learns that there is something new; if nobody does, it is due now. */
function* heard(row: Row, now: number): Program<ChangeResult> {
  yield* run("UPDATE store.runs SET signals = signals + 1 WHERE no = ?", row.no as number)
  return { status: "ok", count: yield* wake(row.id as string, now) }
}

function* wake(id: string, now: number): Program<number> {
  return yield* run(
    `UPDATE store.jobs SET due_at = ?, reason = 'woken', updated_at = ?
     WHERE id = ? AND kind = 'run' AND state = 0 AND due_at > ?`,
    now,
    now,
    id,
    now,
  )
}

/** One that has ended is to be undone, or to be undone further; `reason` null = nobody cancelled it. */
function* reopen(row: Row, reason: string | null, now: number): Program<ChangeResult> {
  if ((JSON.parse(row.context as string) as RunContext).erasedAt !== undefined)
    return conflict(
      `Expected a run that can be undone, got \`${row.id}\`: what its steps did was erased, so nobody can undo it.`,
    )
  const live = yield* get(
    `SELECT id FROM store.runs WHERE group_name = ? AND workflow = ? AND scope = ? AND transaction_id = ? AND state IN ${LIVE}`,
    row.group_name as string,
    row.workflow as string,
    row.scope as string,
    row.transaction_id as string,
  )
  if (live !== undefined)
    return conflict(
      `Expected no other live run of the transaction id \`${row.transaction_id}\`, got \`${live.id}\`. Wait for its end, or cancel it.`,
    )
  yield* run(
    `UPDATE store.runs SET state = 'compensating', cancelled = coalesce(?, cancelled), ended_at = NULL, keep_until = NULL,
       signals = signals + 1
     WHERE no = ?`,
    reason,
    row.no as number,
  )
  return { status: "ok", count: yield* insertJob(row, now) }
}

/** The job is still there when the end of the run has not been closed yet: then who closes it gives it back. */
function* insertJob(row: Row, now: number): Program<number> {
  return yield* run(
    `INSERT INTO store.jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at)
     VALUES (?, 'run', ?, ?, NULL, 0, 0, ?, NULL, 1, 0, 'woken', ?, 0, 0, 0, NULL, 0, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
    row.id as string,
    row.group_name as string,
    row.subscription as number,
    row.scope as string,
    now,
    now,
    now,
  )
}
