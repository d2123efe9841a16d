import { InvalidInputError } from "../core/errors.ts"
import type { WorkflowDefinition } from "../runs/definition.ts"
import { workflowRegistry } from "../runs/registry.ts"
import { toDefinition } from "./composed-step.ts"
import { Composition } from "./composition.ts"
import { checkFunction } from "./create-step.ts"
import { composing, currentComposition } from "./current-composition.ts"
import { reference } from "./reference.ts"
import { shapeOf } from "./shape.ts"
import { settingsOf } from "./step-config.ts"
import { type Template, templateOf } from "./template.ts"
import { methodsOf, type ReturnWorkflow } from "./workflow.ts"
import type { Unwrapped, WorkflowData } from "./workflow-data.ts"
import { type WorkflowSettings, workflowOptionsOf } from "./workflow-options.ts"
import { isWorkflowResponse, type WorkflowResponse } from "./workflow-response.ts"

/** Says what a workflow does; called once, when the workflow is made. */
export type Composer<TData, TResult, THooks extends readonly unknown[]> = (
  input: WorkflowData<TData>,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return statement answers with
) => void | WorkflowResponse<TResult, THooks>

/**
 * Composes a workflow: which steps are done, in which order, and what is handed from one to the other.
 *
 * The composer is called once, here and now, and not in each run: what it holds are placeholders, to be handed
 * on. `transform` computes with them, `when` decides by them. Steps run one after the other, those in
 * `parallelize` side by side.
 *
 * A run writes every step's end to the store before its output is used. When a step fails for good, what was
 * done is undone in reverse, and the run's events are never emitted. Runs that began under another shape of
 * the same workflow (other steps, another order) are not touched by this one.
 *
 * @throws InvalidInputError for an id that a workflow of another shape has, a step named twice, a `when` without
 *   `then`, a setting that does not fit, an asynchronous composer, or one that reads a placeholder
 * @example
 * ```ts
 * import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
 *
 * const createBrandStep = createStep("create-brand", async ({ name }: { name: string }) => {
 *   return new StepResponse({ id: "brand_1", name })
 * })
 *
 * export const createBrandWorkflow = createWorkflow("create-brand", (input: { name: string }) => {
 *   const brand = createBrandStep(input)
 *   return new WorkflowResponse(brand)
 * })
 * ```
 */
export function createWorkflow<
  TData = undefined,
  TResult = undefined,
  const THooks extends readonly unknown[] = [],
>(
  nameOrSettings: string | WorkflowSettings,
  composer: Composer<TData, TResult, THooks>,
): ReturnWorkflow<TData, Unwrapped<TResult>, THooks> {
  const { id, options } = workflowOptionsOf(nameOrSettings)
  checkFunction(`the composer of workflow \`${id}\``, composer)

  const composition = new Composition(id)
  const answer = composing(composition, () => composer(INPUT as WorkflowData<TData>))
  const result = resultOf(id, answer)
  const levels = composition.finish()
  const definition: WorkflowDefinition = Object.freeze({
    id,
    hash: shapeOf(levels),
    options,
    levels: levels.map((level) => level.map(toDefinition)),
    result: result.read,
  })
  workflowRegistry.register(definition)
  return exported(definition, composition.hooks) as never
}

const INPUT = reference({
  read: (values) => values.input,
  needs: [],
  words: "the workflow's input",
  step: null,
})

function resultOf(workflow: string, answer: unknown): Template {
  if (isWorkflowResponse(answer)) return templateOf(answer.$result)
  if (answer === undefined) return templateOf(undefined)
  if (answer instanceof Promise) {
    answer.catch(() => {}) // it fails for the reason that is told here
    throw new InvalidInputError(
      `Expected the composer of workflow \`${workflow}\` not to be async: it only composes, once, before any run. ` +
        "Take `async` and `await` away, and put what is to be awaited into steps.",
    )
  }
  throw new InvalidInputError(
    `Expected the composer of workflow \`${workflow}\` to return a \`WorkflowResponse\` or nothing. ` +
      "Write `return new WorkflowResponse(result)`.",
  )
}

function exported(definition: WorkflowDefinition, hooks: Readonly<Record<string, unknown>>): unknown {
  const workflow = (container?: unknown) => methodsOf(definition, container)
  return Object.assign(workflow, methodsOf(definition), {
    definition,
    hooks: Object.freeze({ ...hooks }),
    getName: () => definition.id,
    runAsStep: (request: { readonly input?: unknown } = {}) => runAsStep(definition, request.input),
  })
}

function runAsStep(workflow: WorkflowDefinition, input: unknown): unknown {
  return currentComposition(`\`runAsStep\` of workflow \`${workflow.id}\``).add({
    ...settingsOf(`${workflow.id}-as-step`),
    kind: "workflow",
    input: templateOf(input),
    action: { kind: "workflow", workflow },
    isWanted: null,
  })
}
