import type { StepPhase } from "../core/run.ts"
import type { Scope } from "../core/scope.ts"

/** A workflow as it was composed: which steps, in which order, and the functions that do them. */
export interface WorkflowDefinition {
  readonly id: string
  readonly hash: string // of its shape: names, order, kinds. Another one means: runs of the old shape are not ours
  readonly options: WorkflowOptions
  /** One level after another; the steps of a level run side by side. */
  readonly levels: readonly (readonly StepDefinition[])[]
  /** What `run` answers with, when every step is over. */
  readonly result: (values: RunValues) => unknown
}

/** Units as in Medusa: seconds. */
export interface WorkflowOptions {
  readonly retentionTime: number | null // s an ended run is kept; null = as long as the store's history
  readonly idempotent: boolean
  readonly timeout: number | null // s
  readonly schedule: WorkflowSchedule | null
}

export interface WorkflowSchedule {
  readonly cron: string | null // one of the two
  readonly interval: number | null // ms
  readonly timeZone: string // IANA
  readonly numberOfExecutions: number | null // null = no end
  readonly concurrency: "allow" | "forbid" // forbid = a tick is skipped while the run of the last one goes on
}

export interface StepDefinition {
  readonly name: string // unique in the workflow
  readonly config: StepConfig
  /** Of the `when`s around it, outermost first: one that answers false skips it. Asked when it is reached. */
  readonly conditions: readonly ((values: RunValues) => unknown)[]
  /** Its argument, when it is reached; may be a promise. */
  readonly input: (values: RunValues) => unknown
  readonly action: StepAction
}

export type StepAction =
  | {
      readonly kind: "call"
      /** A `StepResult`, or its plain output. */
      readonly invoke: (input: unknown, context: StepContext) => unknown
      readonly compensate: ((input: unknown, context: StepContext) => unknown) | null
    }
  /** Its input says how long: milliseconds, or a date. */
  | { readonly kind: "sleep" }
  /** Its input is an `EventWait`; its output is the event. */
  | { readonly kind: "event" }
  /** Another workflow with this input; its output is that one's result, and undoing it undoes that one. */
  | { readonly kind: "workflow"; readonly workflow: WorkflowDefinition }

export interface EventWait {
  readonly event: string
  readonly filter: unknown // an event pattern; null or absent = any event of that name
  readonly timeoutMs: number | null
}

export interface StepConfig {
  readonly maxRetries: number // 0 = one attempt
  readonly retryInterval: number // s before the next attempt; 0 = at once
  readonly timeout: number | null // s
  readonly async: boolean // it ends by itself when it answers with a `StepResult`, else by `setStepSuccess`
  readonly noCompensation: boolean
  readonly continueOnPermanentFailure: boolean
  readonly skipOnPermanentFailure: boolean | string // true = all that follow; a name = up to that step
  readonly noWait: boolean // what follows begins without it; the run still ends after it
  readonly autoRetry: boolean // false = after a failure it waits for `retryStep`
}

/** What a step's function answers with when it says more than its output. */
export interface StepResult {
  readonly __type: "carillon.step-result"
  readonly output: unknown
  readonly compensateInput: unknown
  readonly hasCompensateInput: boolean
  readonly skipped: boolean
}

export function isStepResult(value: unknown): value is StepResult {
  return (value as StepResult | null)?.__type === "carillon.step-result"
}

/** Thrown by a step that is not to be tried again. Known by its type, for it may come from another copy of this module. */
export const PERMANENT_FAILURE = "carillon.permanent-failure"

/** What of a run its functions may look at, as far as it has come. */
export interface RunValues {
  readonly input: unknown
  /** A step's output; undefined when it was skipped or has not ended. */
  output(step: string): unknown
  /** The same answer each time within one process's run; may be a promise. */
  memo(key: object, make: () => unknown): unknown
}

/** What a step's function is handed. */
export interface StepContext {
  readonly container: unknown
  readonly workflowId: string
  readonly stepName: string
  readonly action: StepPhase
  readonly attempt: number // from 1
  /** The same in every attempt and after every crash: hand it to whom the step calls, so that it acts once. */
  readonly idempotencyKey: string
  readonly transactionId: string
  readonly runId: string
  /** Of the run: what the step emits and starts lies there, unless it says another. */
  readonly scope: Scope
  readonly eventGroupId: string
  readonly parentStepIdempotencyKey: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  /** Aborted at the step's timeout, when the run is cancelled, and when this process has lost the run. */
  readonly signal: AbortSignal
  readonly logger: unknown
  readonly context: StepSharedContext
}

/** Handed on to services that take a shared context as their last argument. */
export interface StepSharedContext {
  readonly transactionId: string
  readonly eventGroupId: string
  readonly idempotencyKey: string
  readonly runId: string
}
