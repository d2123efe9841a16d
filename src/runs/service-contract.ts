import type { WithinScopes } from "../bus/within.ts"
import type { RunState, StepPhase } from "../core/run.ts"
import type { Scope } from "../core/scope.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { RunReport } from "./run-report.ts"

/** What a workflow asks of the engine service, which a container holds under `Modules.WORKFLOW_ENGINE`. */
export interface WorkflowService {
  /**
   * Runs a workflow, and answers when the run has ended or can only wait: for a response, a time or an event, or
   * because the workflow is paused.
   *
   * @throws the step's error when the run failed, unless `throwOnError` is false
   */
  run(workflow: WorkflowReference, request?: RunRequest): Promise<RunOutcome>
  /** Undoes a run, one that goes on or one that has ended, and answers when that is done. */
  cancel(workflow: WorkflowReference, request: CancelRequest): Promise<RunOutcome>
  /** Ends a step that waits for a response, well. */
  setStepSuccess(request: StepResponseRequest): Promise<RunOutcome>
  /** Ends a step that waits for a response, with an error. */
  setStepFailure(request: StepFailureRequest): Promise<RunOutcome>
  /** Gives a step that has failed, or waits after a failure, one more attempt. */
  retryStep(request: StepRequest): Promise<RunOutcome>
}

/** A workflow by its id, or by what was composed; `definitionOf` in `registry.ts` reads it. */
export type WorkflowReference = string | WorkflowDefinition | { readonly definition: WorkflowDefinition }

/** What all requests may say of where to look and how to answer. */
interface Answering extends WithinScopes {
  /**
   * The scope of the run. Runs of one transaction id in two scopes are two.
   *
   * @defaultValue inside a handler or step that one's, else the Carillon's own
   */
  readonly scope?: Partial<Scope> | string
  /** The container that steps get. @defaultValue the application's */
  readonly container?: unknown
  /** @defaultValue true */
  readonly throwOnError?: boolean
  /** @defaultValue false */
  readonly logOnError?: boolean
  /** Called in this process as the run goes on; their errors are logged. */
  readonly events?: RunEvents
}

export interface RunRequest extends Answering {
  readonly input?: unknown
  /** The same as `context.transactionId`, which wins. */
  readonly transactionId?: string
  /** The same settings, as other engines' callers put them. */
  readonly options?: Omit<RunRequest, "options">
  readonly context?: RunRequestContext
  /** Answer with the output of this step instead of the workflow's result. */
  readonly resultFrom?: string
}

/** A run that somebody starts without waiting for it, or not for long. */
export interface StartRunRequest extends WithinScopes {
  readonly input?: unknown
  /** The same again joins the run that goes on, instead of starting another. @defaultValue made by us */
  readonly transactionId?: string
  readonly context?: Omit<RunRequestContext, "transactionId" | "scope">
  /** The scope of the run. @defaultValue as for `run` */
  readonly scope?: Partial<Scope> | string
  /** Whose workflow it is. @defaultValue the Carillon's own group, else the only one that has a workflow of that id */
  readonly group?: string
  /** How long to wait for its end, in milliseconds. @defaultValue 0 */
  readonly waitMs?: number
}

export interface StartedRun {
  /** As it was when the call answered. */
  readonly run: RunReport
  readonly existing: boolean // the transaction id had this run before
  /** What the workflow answers with; undefined unless it is done. */
  readonly result: unknown
  readonly errors: readonly RunError[] // empty while it goes on
}

/** How a step that waits for a response is over. */
export interface StepAnswer extends WithinScopes {
  /** @defaultValue `invoke` */
  readonly phase?: StepPhase
}

export interface StepCompletion extends StepAnswer {
  readonly output?: unknown
  /** What its compensation gets. @defaultValue its output */
  readonly compensateInput?: unknown
}

export interface StepFailing extends StepAnswer {
  /** An error, or its words. */
  readonly error?: unknown
  /** No more attempts, whatever `maxRetries` says. @defaultValue false */
  readonly permanent?: boolean
}

/** Who the run is, and under which group its events stand. */
export interface RunRequestContext {
  /** The same again joins the run that goes on, instead of starting another. @defaultValue made by us */
  readonly transactionId?: string
  /** The same as `scope` of the request, and wins. */
  readonly scope?: Partial<Scope> | string
  /** The group under which events of the run are staged. @defaultValue made by us */
  readonly eventGroupId?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  /** What other systems' contexts hold is accepted and ignored. */
  readonly [other: string]: unknown
}

/** One of the two says which run. */
export interface CancelRequest extends Answering {
  /** The same settings, as other engines' callers put them. */
  readonly options?: Omit<CancelRequest, "options">
  readonly transactionId?: string
  readonly transaction?: { readonly transactionId: string; readonly runId?: string }
  readonly context?: RunRequestContext
}

/** A step by its idempotency key, or by its parts. */
export interface StepRequest extends Answering {
  /** The same settings, as other engines' callers put them. */
  readonly options?: Answering & { readonly forcePermanentFailure?: boolean }
  readonly idempotencyKey:
    | string
    | {
        readonly workflowId: string
        readonly transactionId: string
        readonly stepId: string
        readonly action: StepPhase
      }
}

/** Which step is over, and with what. */
export interface StepResponseRequest extends StepRequest {
  /** The step's output, or its error; a `StepResponse` says what its compensation gets, too. */
  readonly stepResponse?: unknown
}

export interface StepFailureRequest extends StepResponseRequest {
  /** No more attempts, whatever `maxRetries` says. @defaultValue false */
  readonly forcePermanentFailure?: boolean
}

/** What became of a run. */
export interface RunOutcome<Result = unknown> {
  /** What the workflow answers with; undefined unless it is done. */
  readonly result: Result
  readonly errors: readonly RunError[]
  readonly transaction: RunTransaction
}

/** The error of a step. */
export interface RunError {
  readonly action: string // the step's name
  readonly handlerType: StepPhase
  readonly error: Error
}

/** A run, in the words of Medusa's users. It is as it was when the call answered. */
export interface RunTransaction {
  readonly transactionId: string
  readonly runId: string
  readonly workflowId: string
  readonly modelId: string // the same as workflowId, as others call it
  readonly state: RunState
  readonly flow: RunFlow
  getFlow(): RunFlow
  getState(): RunState
  hasFinished(): boolean
  getErrors(handlerType?: StepPhase): readonly RunError[]
}

/** How far a run has come. */
export interface RunFlow {
  readonly modelId: string
  readonly transactionId: string
  readonly runId: string
  readonly state: RunState
  readonly metadata: Readonly<Record<string, unknown>> & { readonly eventGroupId: string }
  readonly hasFailedSteps: boolean
  readonly hasSkippedSteps: boolean
  readonly hasSkippedOnFailureSteps: boolean
  readonly hasWaitingSteps: boolean
  readonly hasRevertedSteps: boolean
  readonly startedAt: number // epoch ms
  readonly cancelledAt: number | null
  readonly timedOutAt: number | null
  readonly steps: Readonly<Record<string, RunFlowStep>> // by name
}

/** How far a step has come, forward and back. */
export interface RunFlowStep {
  readonly id: string // its name
  readonly attempts: number
  readonly invoke: RunFlowAction
  readonly compensate: RunFlowAction
}

/** Where one direction of a step stands. */
export interface RunFlowAction {
  readonly state: RunStepState
  readonly status: "idle" | "ok" | "waiting" | "temporary_failure" | "permanent_failure"
}

/** Medusa's words for the states of steps. */
export type RunStepState =
  | "not_started"
  | "invoking"
  | "compensating"
  | "done"
  | "reverted"
  | "failed"
  | "dormant"
  | "skipped"
  | "skipped_failure"
  | "timeout"

/** What a caller may be told while its run goes on in this process. */
export interface RunEvents {
  readonly onBegin?: (moment: RunMoment) => unknown
  readonly onResume?: (moment: RunMoment) => unknown
  readonly onCompensateBegin?: (moment: RunMoment) => unknown
  readonly onFinish?: (
    moment: RunMoment & { readonly result?: unknown; readonly errors?: readonly RunError[] },
  ) => unknown
  readonly onTimeout?: (moment: RunMoment) => unknown
  readonly onStepBegin?: (moment: StepMoment) => unknown
  readonly onStepSuccess?: (moment: StepMoment) => unknown
  readonly onStepFailure?: (moment: StepMoment) => unknown
  readonly onStepAwaiting?: (moment: StepMoment) => unknown
  readonly onStepSkipped?: (moment: StepMoment) => unknown
  readonly onCompensateStepSuccess?: (moment: StepMoment) => unknown
  readonly onCompensateStepFailure?: (moment: StepMoment) => unknown
}

/** Something has become of a run. */
export interface RunMoment {
  readonly transaction: RunTransaction
}

/** Something has become of a step. */
export interface StepMoment extends RunMoment {
  readonly step: RunFlowStep
}
