import type { StandardSchemaV1 } from "@standard-schema/spec"
import { expected, InvalidInputError } from "../core/errors.ts"
import { isStepResult, type StepContext } from "../runs/definition.ts"
import { type CompensateFn, checkFunction, type StepExecutionContext } from "./create-step.ts"
import { currentComposition } from "./current-composition.ts"
import { settingsOf } from "./step-config.ts"
import { StepResponse } from "./step-response.ts"
import { templateOf } from "./template.ts"
import type { Unwrapped, WorkflowData } from "./workflow-data.ts"

declare const INPUT: unique symbol

/** A place in a workflow where its users may put a step of their own. */
export interface Hook<Name extends string = string, Input = unknown, Output = unknown> {
  readonly __type: "carillon.hook"
  readonly name: Name
  readonly [INPUT]?: Input
  /** What the handler answered with; undefined where nobody handles the hook. */
  getResult(): WorkflowData<Output | undefined>
}

/** What a hook's handler may answer with. */
export type HookAnswer<Output> =
  | void
  | Output
  | StepResponse<Output, unknown>
  | Promise<void>
  | Promise<Output | StepResponse<Output, unknown> | undefined>

type UndoOf<Answer> = Answer extends StepResponse<infer _, infer Undo> ? Undo : Answer

/** How the hooks of a workflow are handled: `workflow.hooks.brandCreated(handler, compensation)`. */
export type HooksOf<Hooks extends readonly unknown[]> = {
  readonly [H in Hooks[number] as H extends Hook ? H["name"] : never]: H extends Hook<
    string,
    infer Input,
    infer Output
  >
    ? <Answer extends HookAnswer<Output>>(
        handler: (input: Unwrapped<Input>, context: StepExecutionContext) => Answer,
        compensate?: CompensateFn<UndoOf<Awaited<NoInfer<Answer>>>>,
      ) => void
    : never
}

/**
 * Opens a place where users of the workflow may put a step of their own; list it in `WorkflowResponse`'s `hooks`.
 *
 * A hook takes one handler, which is compensated like any step. Where nobody handles it, it is skipped.
 * With a `resultValidator` (any Standard Schema) an answer that does not fit fails the step for good.
 *
 * @throws InvalidInputError outside of a composer
 * @example
 * ```ts
 * const brandCreated = createHook("brandCreated", { brand })
 * return new WorkflowResponse(brand, { hooks: [brandCreated] })
 * ```
 */
export function createHook<Name extends string, Input, Output = unknown>(
  name: Name,
  input: Input,
  options: { readonly resultValidator?: StandardSchemaV1<unknown, Output> } = {},
): Hook<Name, Input, Output> {
  const composition = currentComposition(`hook \`${name}\``)
  const { resultValidator = null } = options
  if (resultValidator !== null && typeof resultValidator["~standard"]?.validate !== "function")
    throw new InvalidInputError(
      expected(
        `the \`resultValidator\` of hook \`${name}\` to be a Standard Schema, as zod's are`,
        resultValidator,
      ),
    )
  const slot = new HookSlot(composition.workflow, settingsOf(name).name, resultValidator)
  const output = composition.add({
    ...settingsOf(name),
    kind: "hook",
    input: templateOf(input),
    action: {
      kind: "call",
      invoke: (value, context) => slot.invoke(value, context),
      compensate: (value, context) => slot.compensate(value, context),
    },
    isWanted: () => slot.isTaken,
  })
  composition.hooks[name] = (handler: unknown, compensate: unknown) => slot.take(handler, compensate)
  return { __type: HOOK, name, getResult: () => output as WorkflowData<Output | undefined> }
}

export function isHook(value: unknown): boolean {
  return (value as Hook | null | undefined)?.__type === HOOK
}

const HOOK = "carillon.hook"

type Call = (input: unknown, context: StepContext) => unknown

/** Where a hook's handler stands, once there is one. */
class HookSlot {
  readonly #workflow: string
  readonly #name: string
  readonly #validator: StandardSchemaV1 | null
  #handler: { readonly invoke: Call; readonly compensate: Call | null } | null = null

  constructor(workflow: string, name: string, validator: StandardSchemaV1 | null) {
    this.#workflow = workflow
    this.#name = name
    this.#validator = validator
  }

  get isTaken(): boolean {
    return this.#handler !== null
  }

  take(invoke: unknown, compensate: unknown): void {
    checkFunction(`the handler of hook \`${this.#name}\``, invoke)
    if (compensate !== undefined && compensate !== null)
      checkFunction(`the compensation of hook \`${this.#name}\``, compensate)
    if (this.#handler !== null)
      throw new InvalidInputError(
        `Cannot define multiple hook handlers for the \`${this.#name}\` hook of workflow \`${this.#workflow}\`. ` +
          "Put both into one handler, or take one of them out.",
      )
    this.#handler = { invoke: invoke as Call, compensate: (compensate ?? null) as Call | null }
  }

  async invoke(input: unknown, context: StepContext): Promise<unknown> {
    const answer = await this.#taken().invoke(input, context)
    if (this.#validator === null || (isStepResult(answer) && answer.skipped)) return answer

    const output = isStepResult(answer) ? answer.output : answer
    const undo = isStepResult(answer) ? answer.compensateInput : answer
    const checked = await this.#validator["~standard"].validate(output)
    if (!checked.issues) return new StepResponse(checked.value, undo)
    return StepResponse.permanentFailure(refusal(this.#name, checked.issues), undo)
  }

  compensate(input: unknown, context: StepContext): unknown {
    return this.#taken().compensate?.(input, context)
  }

  /** The run may have begun in a process that has a handler. */
  #taken(): { readonly invoke: Call; readonly compensate: Call | null } {
    if (this.#handler !== null) return this.#handler
    throw new InvalidInputError(
      `Hook \`${this.#name}\` of workflow \`${this.#workflow}\` was handled in another process, and has no handler in this one. ` +
        "Import the file that handles it wherever the workflow runs.",
    )
  }
}

function refusal(hook: string, issues: readonly StandardSchemaV1.Issue[]): string {
  const said = issues.slice(0, 3).map(({ path, message }) => {
    const where = (path ?? []).map((each) => String(typeof each === "object" ? each.key : each)).join(".")
    return where === "" ? message : `${where}: ${message}`
  })
  return `Expected the answer of hook \`${hook}\` to fit its \`resultValidator\`. ${said.join("; ")}`
}
