import { CarillonError, StoppedError } from "../core/errors.ts"
import type { RunContext, StepRecord } from "../core/run.ts"
import type { RunDecision } from "../core/run-machine.ts"
import type { RunRow } from "../engine/runs.ts"
import type { RunIdentity } from "./run-facts.ts"
import type { RunMomentName, RunTake } from "./run-seat.ts"

/** What those who follow a run are told of a record. */
export function momentOf({ phase, outcome }: StepRecord): RunMomentName {
  if (outcome === "waiting") return "stepAwaiting"
  if (outcome === "skipped") return "stepSkipped"
  if (phase === "compensate") return outcome === "done" ? "compensateStepSuccess" : "compensateStepFailure"
  return outcome === "done" ? "stepSuccess" : "stepFailure"
}

/** Why a run waits, for those who look. */
export function reasonOf({ waiting, nextAt, state }: RunDecision): string {
  const [first] = waiting
  if (first === undefined) return nextAt === null ? state : "retry"
  switch (first.wait?.kind) {
    case "time":
      return `${first.step} sleeps`
    case "event":
      return `${first.step} waits for ${first.wait.event}`
    case "run":
      return `${first.step} waits for ${first.wait.run}`
    case "response":
      return `${first.step} waits for a response`
    default:
      return `${first.step} waits for a retry`
  }
}

export function cancelled(reason: string): Error {
  return new StoppedError(`The run was cancelled: ${reason}`)
}

/** Why a run that was taken over goes back, where none of its steps says so. */
export function doomOf(
  { workflow, context }: RunIdentity,
  { state, cancelled, records }: RunTake,
): Error | null {
  if (state !== "compensating" || cancelled !== null) return null
  if (records.some(({ phase, outcome }) => phase === "invoke" && outcome === "permanent")) return null
  return context.timeoutAt === null ? new Error("The run was undone.") : runTimeout(workflow, context)
}

/** Why a run that has ended was undone: the same, as it is kept. */
export function doomOfRow(
  { workflow, context, state, cancelled, error }: RunRow,
  records: readonly StepRecord[],
): Error | null {
  if (state !== "reverted" && state !== "failed") return null
  const timeout = runTimeout(workflow, context)
  if (error === timeout.message) return timeout
  const hasFailure = records.some(({ outcome }) => outcome === "permanent")
  return hasFailure || cancelled !== null ? null : new Error(error ?? "")
}

export function runTimeout(workflow: string, { timeoutAt, deadline }: RunContext): CarillonError {
  const error = new CarillonError(
    "CARILLON_TIMEOUT",
    `Expected a run of \`${workflow}\` to end ${deadline ?? `by ${new Date(timeoutAt ?? 0).toISOString()}`}, it did not. Raise the workflow's \`timeout\`.`,
  )
  error.name = "TransactionTimeoutError"
  return error
}
