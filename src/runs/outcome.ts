import { StoppedError } from "../core/errors.ts"
import { isEnded, type RunContext, type RunState, type StepPhase, type StepRecord } from "../core/run.ts"
import { type StepStart, StepStates } from "../core/run-machine.ts"
import { readValue } from "../core/value.ts"
import type { RunRow } from "../engine/runs.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { LiveRun } from "./live-run.ts"
import { doomOfRow } from "./run-words.ts"
import type {
  RunError,
  RunFlow,
  RunFlowAction,
  RunFlowStep,
  RunOutcome,
  RunStepState,
  RunTransaction,
} from "./service-contract.ts"
import { STEP_TIMEOUT } from "./step-call.ts"
import { readError } from "./step-error.ts"

/** What is known of a run, wherever it comes from. */
export interface RunView {
  readonly id: string
  readonly workflow: string
  readonly transactionId: string
  readonly state: RunState
  readonly context: RunContext
  readonly startedAt: number
  readonly result: string | null
  readonly states: StepStates
  readonly cancelled: string | null
  readonly doom: Error | null // why it was undone, where that is no step's failure
  readonly thrown: ReadonlyMap<StepRecord, unknown>
  readonly definition: WorkflowDefinition | null // null = it is not known here
  readonly running: readonly StepStart[] // here, now
}

export function viewOfRow(
  row: RunRow,
  records: readonly StepRecord[],
  definition: WorkflowDefinition | null,
): RunView {
  const doom = doomOfRow(row, records)
  return { ...row, states: new StepStates(records), doom, thrown: new Map(), definition, running: [] }
}

export function viewOfLive(run: LiveRun): RunView {
  return run
}

/** What a caller is answered with; of a run that goes on, how far it has come. */
export function outcomeOf(view: RunView, resultFrom: string | null = null): RunOutcome {
  const errors = errorsOf(view)
  const result = resultFrom === null ? resultOf(view) : outputOf(view, resultFrom)
  return { result, errors, transaction: transactionOf(view, errors) }
}

function resultOf({ state, result }: RunView): unknown {
  return state === "done" ? readValue(result) : undefined
}

function outputOf({ states }: RunView, step: string): unknown {
  const record = states.invoke.get(step)
  return record?.outcome === "done" ? readValue(record.output) : undefined
}

function errorsOf({ states, thrown, doom, cancelled, state, workflow }: RunView): RunError[] {
  const errors: RunError[] = []
  for (const phase of ["invoke", "compensate"] as const)
    for (const record of states[phase].values())
      if (record.outcome === "permanent")
        errors.push({ action: record.step, handlerType: phase, error: errorOf(record, thrown) })
  if (doom !== null) errors.push({ action: workflow, handlerType: "invoke", error: doom })
  else if (errors.length === 0 && cancelled !== null && isEnded(state) && state !== "done")
    errors.push({
      action: workflow,
      handlerType: "invoke",
      error: new StoppedError(`The run was cancelled: ${cancelled}`),
    })
  return errors
}

function errorOf(record: StepRecord, thrown: RunView["thrown"]): Error {
  const error = thrown.get(record)
  if (error instanceof Error) return error
  return readError(record.error)
}

export function transactionOf(view: RunView, errors = errorsOf(view)): RunTransaction {
  const flow = flowOf(view)
  const { transactionId, id: runId, workflow, state } = view
  return {
    transactionId,
    runId,
    workflowId: workflow,
    modelId: workflow,
    state,
    flow,
    getFlow: () => flow,
    getState: () => state,
    hasFinished: () => isEnded(state),
    getErrors: (handlerType) =>
      errors.filter((each) => handlerType === undefined || each.handlerType === handlerType),
  }
}

function flowOf(view: RunView): RunFlow {
  const steps: Record<string, RunFlowStep> = {}
  for (const name of stepNames(view)) steps[name] = flowStepOf(view, name)
  const all = Object.values(steps)
  const has = (state: RunStepState): boolean => all.some((step) => step.invoke.state === state)
  const { transactionId, id: runId, workflow, state, context, cancelled, doom } = view
  return {
    modelId: workflow,
    transactionId,
    runId,
    state,
    metadata: { ...context.metadata, eventGroupId: context.eventGroupId },
    hasFailedSteps: all.some((step) => step.invoke.status === "permanent_failure"),
    hasSkippedSteps: has("skipped"),
    hasSkippedOnFailureSteps: has("skipped_failure"),
    hasWaitingSteps: all.some((step) => step.invoke.status === "waiting"),
    hasRevertedSteps: all.some((step) => step.compensate.state === "reverted"),
    startedAt: view.startedAt,
    cancelledAt: cancelled === null ? null : view.startedAt,
    timedOutAt: doom?.name === "TransactionTimeoutError" ? context.timeoutAt : null,
    steps,
  }
}

function stepNames({ definition, states }: RunView): ReadonlySet<string> {
  const names = new Set<string>()
  for (const level of definition?.levels ?? []) for (const step of level) names.add(step.name)
  for (const name of states.invoke.keys()) names.add(name)
  return names
}

export function flowStepOf(view: RunView, name: string): RunFlowStep {
  const invoke = view.states.invoke.get(name)
  const compensate = view.states.compensate.get(name)
  return {
    id: name,
    attempts: invoke?.attempt ?? 0,
    invoke: isRunning(view, name, "invoke") ? RUNNING : actionOf(invoke, "invoke"),
    compensate: compensateOf(view, name, invoke, compensate),
  }
}

const RUNNING: RunFlowAction = { state: "invoking", status: "waiting" }

function isRunning({ running }: RunView, step: string, phase: StepPhase): boolean {
  return running.some((each) => each.step === step && each.phase === phase)
}

/** A step that has nothing to undo counts as undone once the run is. */
function compensateOf(
  view: RunView,
  name: string,
  invoke: StepRecord | undefined,
  compensate: StepRecord | undefined,
): RunFlowAction {
  if (isRunning(view, name, "compensate")) return { ...RUNNING, state: "compensating" }
  if (compensate !== undefined) return actionOf(compensate, "compensate")
  const { state } = view
  const isUndone =
    (state === "reverted" || state === "failed") && invoke !== undefined && invoke.outcome !== "skipped"
  return isUndone ? { state: "reverted", status: "ok" } : { state: "dormant", status: "idle" }
}

function actionOf(record: StepRecord | undefined, phase: StepPhase): RunFlowAction {
  switch (record?.outcome) {
    case undefined:
      return { state: "not_started", status: "idle" }
    case "done":
      return { state: phase === "invoke" ? "done" : "reverted", status: "ok" }
    case "skipped":
      return { state: record.error === null ? "skipped" : "skipped_failure", status: "ok" }
    case "waiting":
      return { state: phase === "invoke" ? "invoking" : "compensating", status: "waiting" }
    case "permanent":
      return {
        state: readError(record.error).name === STEP_TIMEOUT ? "timeout" : "failed",
        status: "permanent_failure",
      }
    default:
      return { state: phase === "invoke" ? "invoking" : "compensating", status: "temporary_failure" }
  }
}
