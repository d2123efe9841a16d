import { Modules } from "../container.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { WorkflowDefinition } from "../runs/definition.ts"
import type {
  CancelRequest,
  RunOutcome,
  RunRequest,
  StepRequest,
  StepResponseRequest,
  WorkflowService,
} from "../runs/service-contract.ts"
import type { HooksOf } from "./create-hook.ts"
import type { StepInput, StepOutput } from "./create-step.ts"

/** What can be done with a workflow, and with its runs. */
export interface WorkflowMethods<TData, TResult> {
  /**
   * Runs it, and answers when the run has ended or can only wait: for a response, a time or an event.
   *
   * Every step that has ended is on disk. If this process dies, another one goes on with the run.
   *
   * @throws the error of the step that failed, when all that was done is undone; not with `throwOnError: false`
   */
  run<DataOverride = undefined, ResultOverride = undefined>(
    request?: RunWorkflowRequest<NoInfer<undefined extends DataOverride ? TData : DataOverride>>,
  ): Promise<RunOutcome<undefined extends ResultOverride ? TResult : ResultOverride>>
  /** Undoes a run: one that goes on, or one that is done. */
  cancel(request: CancelRequest): Promise<RunOutcome<TResult>>
  /** Ends a step that waits for a response, well. */
  registerStepSuccess(request: RegisterStepRequest): Promise<RunOutcome<TResult>>
  /** Ends a step that waits for a response, with an error; it is tried again as its settings say. */
  registerStepFailure(
    request: RegisterStepRequest & { readonly forcePermanentFailure?: boolean },
  ): Promise<RunOutcome<TResult>>
  /** Gives a step that failed one more attempt. */
  retryStep(request: StepRequest): Promise<RunOutcome<TResult>>
}

/** What `run` takes, with the input's type. */
export interface RunWorkflowRequest<TData> extends RunRequest {
  readonly input?: TData
}

/** Which step is over, and with what. */
export interface RegisterStepRequest extends StepRequest {
  /** The step's output, or its error. */
  readonly response?: unknown
}

/** A composed workflow. Called with a container it is ready to be run there: `createBrand(container).run({ input })`. */
export interface ReturnWorkflow<TData = unknown, TResult = unknown, THooks extends readonly unknown[] = []>
  extends WorkflowMethods<TData, TResult> {
  (container?: unknown): WorkflowMethods<TData, TResult>
  readonly definition: WorkflowDefinition
  /** Where users of the workflow put steps of their own, one for each hook. */
  readonly hooks: HooksOf<THooks>
  /** Its id. */
  getName(): string
  /**
   * Runs it as a step of another workflow: its events are released with that one's, and undoing the step undoes it.
   *
   * @throws InvalidInputError outside of a composer
   */
  runAsStep(
    ...request: undefined extends TData
      ? [request?: { readonly input?: StepInput<TData> }]
      : [request: { readonly input: StepInput<TData> }]
  ): StepOutput<TResult>
}

/** The input of a workflow, by its type. */
export type UnwrapWorkflowInputDataType<W> =
  W extends ReturnWorkflow<infer TData, infer _, infer __> ? TData : never

export function methodsOf(
  definition: WorkflowDefinition,
  container?: unknown,
): WorkflowMethods<unknown, unknown> {
  const withService = async (
    request: { readonly container?: unknown } | undefined,
    call: (service: WorkflowService, container: unknown) => Promise<RunOutcome>,
  ): Promise<RunOutcome> => {
    const within = request?.container ?? container
    return call(serviceIn(definition.id, within), within)
  }
  const ended = ({ response, ...request }: RegisterStepRequest): StepResponseRequest => ({
    ...request,
    stepResponse: response,
  })
  return {
    run: (request) =>
      withService(request, (service, within) =>
        service.run(definition, { ...request, container: within }),
      ) as never,
    cancel: (request) =>
      withService(request, (service, within) =>
        service.cancel(definition, { ...request, container: within }),
      ),
    registerStepSuccess: (request) =>
      withService(request, (service, within) =>
        service.setStepSuccess({ ...ended(request), container: within }),
      ),
    registerStepFailure: (request) =>
      withService(request, (service, within) =>
        service.setStepFailure({ ...ended(request), container: within }),
      ),
    retryStep: (request) =>
      withService(request, (service, within) => service.retryStep({ ...request, container: within })),
  }
}

function serviceIn(workflow: string, container: unknown): WorkflowService {
  const what = `a container to run workflow \`${workflow}\` in`
  const mend = `Hand it over: \`workflow(container).run({ ... })\`, with \`carillon.container\` or the one that your handler got.`
  const { resolve } = (container ?? {}) as { resolve?: (name: string) => unknown }
  if (typeof resolve !== "function") throw new InvalidInputError(`${expected(what, container)} ${mend}`)
  try {
    return (container as { resolve(name: string): unknown }).resolve(
      Modules.WORKFLOW_ENGINE,
    ) as WorkflowService
  } catch (error) {
    throw new InvalidInputError(
      `Expected ${what}, got one without \`${Modules.WORKFLOW_ENGINE}\`, the engine of workflows. ${mend}`,
      { cause: error },
    )
  }
}
