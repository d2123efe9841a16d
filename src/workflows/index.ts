export type {
  CancelRequest,
  RunError,
  RunEvents,
  RunFlow,
  RunFlowAction,
  RunFlowStep,
  RunMoment,
  RunOutcome,
  RunRequest,
  RunRequestContext,
  RunStepState,
  RunTransaction,
  StartedRun,
  StartRunRequest,
  StepCompletion,
  StepFailing,
  StepMoment,
  StepRequest,
  StepResponseRequest,
  WorkflowReference,
  WorkflowService,
} from "../runs/service-contract.ts"
export { createHook, type Hook, type HookAnswer, type HooksOf } from "./create-hook.ts"
export {
  type CompensateFn,
  createStep,
  type InvokeFn,
  type StepExecutionContext,
  type StepFunction,
  type StepInput,
  type StepOutput,
} from "./create-step.ts"
export { type Composer, createWorkflow } from "./create-workflow.ts"
export { type EmitEventStepInput, emitEventStep } from "./emit-event-step.ts"
export { parallelize } from "./parallelize.ts"
export { releaseEventsStep } from "./release-events-step.ts"
export { type SleepStepInput, sleepStep } from "./sleep-step.ts"
export type { StepSettings } from "./step-config.ts"
export { StepResponse } from "./step-response.ts"
export { transform } from "./transform.ts"
export { type UseQueryGraphStepInput, useQueryGraphStep } from "./use-query-graph-step.ts"
export { type WaitForEventStepInput, waitForEventStep } from "./wait-for-event-step.ts"
export { type WhenThen, when } from "./when.ts"
export type {
  RegisterStepRequest,
  ReturnWorkflow,
  RunWorkflowRequest,
  UnwrapWorkflowInputDataType,
  WorkflowMethods,
} from "./workflow.ts"
export type { Unwrapped, WorkflowData } from "./workflow-data.ts"
export type { ScheduleSettings, WorkflowSettings } from "./workflow-options.ts"
export { WorkflowResponse } from "./workflow-response.ts"
