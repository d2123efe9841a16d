import type { HandlerLogger } from "../bus/events.ts"
import type { CarillonContainer } from "../container.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { StepAction, StepContext } from "../runs/definition.ts"
import { currentComposition } from "./current-composition.ts"
import { type StepSettings, settingsOf } from "./step-config.ts"
import type { StepResponse } from "./step-response.ts"
import { templateOf } from "./template.ts"
import type { WorkflowData } from "./workflow-data.ts"

/** What a step's function gets beside its input. */
export interface StepExecutionContext extends Omit<StepContext, "container" | "logger"> {
  readonly container: CarillonContainer
  readonly logger: HandlerLogger
}

/** What a step does. It is called at least once; `idempotencyKey` is the same each time. */
export type InvokeFn<TInput, TOutput, TCompensateInput> = (
  input: TInput,
  context: StepExecutionContext,
) =>
  | void
  | StepResponse<TOutput, TCompensateInput>
  | Promise<void>
  | Promise<StepResponse<TOutput, TCompensateInput> | undefined>

/** What undoes a step. Its input is undefined when the step failed before it could say what there is to undo. */
export type CompensateFn<TCompensateInput> = (
  input: TCompensateInput | undefined,
  context: StepExecutionContext,
) => unknown

/** A step to be called in a composer, with values or what stands for them. */
export type StepFunction<TInput = unknown, TOutput = unknown> = (
  ...input: undefined extends TInput ? [input?: StepInput<TInput>] : [input: StepInput<TInput>]
) => StepOutput<TOutput>

/** A step's input: the value, or what stands for it. */
export type StepInput<TInput> = TInput | WorkflowData<TInput>

/** What stands for a step's output, and lets the step be configured for this one workflow. */
export type StepOutput<TOutput> = WorkflowData<TOutput> & {
  /** Changes the step's settings in this workflow only. @throws InvalidInputError for a setting that does not fit */
  config(settings: StepSettings): StepOutput<TOutput>
}

/**
 * Makes a step: a function that is done in a workflow, and one that undoes it when the workflow fails later on.
 *
 * What it answers with is on disk before anything that follows sees it. A step that was under way when its
 * process died runs again, under the same `idempotencyKey`; one that has ended never does.
 *
 * The compensation also runs when the step itself has failed for good, with undefined.
 *
 * @throws InvalidInputError for a name, setting or function that does not fit
 * @example
 * ```ts
 * import { createStep, StepResponse } from "carillon/workflows"
 *
 * interface Stock {
 *   reserve(sku: string): Promise<{ readonly id: string }>
 *   free(id: string): Promise<void>
 * }
 *
 * const reserveStock = createStep(
 *   "reserve-stock",
 *   async ({ sku }: { sku: string }, { container }) => {
 *     const stock: Stock = container.resolve("stock")
 *     const reservation = await stock.reserve(sku)
 *     return new StepResponse(reservation, reservation.id)
 *   },
 *   async (id, { container }) => {
 *     const stock: Stock = container.resolve("stock")
 *     if (id) await stock.free(id)
 *   },
 * )
 * ```
 */
export function createStep<TInput = undefined, TOutput = undefined, TCompensateInput = TOutput>(
  nameOrSettings: string | (StepSettings & { readonly name: string }),
  invoke: InvokeFn<TInput, TOutput, TCompensateInput>,
  compensate?: CompensateFn<NoInfer<TCompensateInput>>,
): StepFunction<TInput, TOutput> {
  const { name, config } = settingsOf(nameOrSettings)
  checkFunction(`the function of step \`${name}\``, invoke)
  if (compensate !== undefined && compensate !== null)
    checkFunction(`the compensation of step \`${name}\``, compensate)
  const action = { kind: "call", invoke, compensate: compensate ?? null } as StepAction

  const step = (input: unknown) =>
    currentComposition(`step \`${name}\``).add({
      name,
      config,
      kind: "call",
      input: templateOf(input),
      action,
      isWanted: null,
    })
  return step as unknown as StepFunction<TInput, TOutput>
}

export function checkFunction(what: string, value: unknown): void {
  if (typeof value !== "function") throw new InvalidInputError(expected(`${what} to be a function`, value))
}
