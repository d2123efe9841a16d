import { DEFAULT_SCOPE } from "../../src/core/scope.ts"
import { readValue, writeValue } from "../../src/core/value.ts"
import {
  isStepResult,
  type RunValues,
  type StepContext,
  type StepDefinition,
  type WorkflowDefinition,
} from "../../src/runs/definition.ts"

/** What a walk came to. */
export interface Walk {
  readonly result: unknown
  readonly error: Error | null
  readonly outputs: ReadonlyMap<string, unknown>
  readonly skipped: readonly string[]
  readonly undone: readonly { readonly step: string; readonly input: unknown }[]
}

export interface WalkOptions {
  readonly runId?: string
  readonly resolve?: (name: string) => unknown
}

/** Goes through a workflow in memory, level by level, without a store, retries or waiting: for tests of composers. */
export async function walkWorkflow(
  workflow: { readonly definition: WorkflowDefinition },
  input?: unknown,
  { runId = "run_1", resolve = () => undefined }: WalkOptions = {},
): Promise<Walk> {
  const { definition } = workflow
  const outputs = new Map<string, unknown>()
  const skipped: string[] = []
  const done: { step: StepDefinition; undo: unknown }[] = []
  const undone: { step: string; input: unknown }[] = []
  const memos = new Map<object, unknown>()
  const values: RunValues = {
    get input() {
      return stored(input)
    },
    output: (step) => stored(outputs.get(step)),
    memo: (key, make) => {
      if (!memos.has(key)) memos.set(key, make())
      return memos.get(key)
    },
  }

  try {
    for (const level of definition.levels) await Promise.all(level.map(goThrough))
    return { result: await definition.result(values), error: null, outputs, skipped, undone }
  } catch (error) {
    for (const { step, undo } of done.toReversed()) await undoStep(step, undo)
    return { result: undefined, error: error as Error, outputs, skipped, undone }
  }

  async function goThrough(step: StepDefinition): Promise<void> {
    for (const condition of step.conditions)
      if (!(await condition(values))) {
        skipped.push(step.name)
        return
      }
    const { action } = step
    const given = stored(await step.input(values))
    if (action.kind === "workflow") {
      const child = await walkWorkflow({ definition: action.workflow }, given, { resolve })
      if (child.error) throw child.error
      outputs.set(step.name, child.result)
      return
    }
    const answer = action.kind === "call" ? await action.invoke(given, contextOf(step, "invoke")) : given
    if (!isStepResult(answer)) outputs.set(step.name, answer)
    else if (answer.skipped) skipped.push(step.name)
    else outputs.set(step.name, answer.output)
    done.push({ step, undo: isStepResult(answer) ? answer.compensateInput : answer })
  }

  async function undoStep(step: StepDefinition, undo: unknown): Promise<void> {
    if (step.action.kind !== "call" || step.action.compensate === null) return
    undone.push({ step: step.name, input: undo })
    await step.action.compensate(undo, contextOf(step, "compensate"))
  }

  function contextOf({ name }: StepDefinition, action: StepContext["action"]): StepContext {
    const idempotencyKey = `${definition.id}:${runId}:${name}:${action}`
    const shared = { transactionId: "tx_1", eventGroupId: "group_1", idempotencyKey, runId }
    return {
      ...shared,
      container: { resolve },
      workflowId: definition.id,
      scope: DEFAULT_SCOPE,
      stepName: name,
      action,
      attempt: 1,
      parentStepIdempotencyKey: null,
      metadata: {},
      signal: new AbortController().signal,
      logger: console,
      context: shared,
    }
  }
}

function stored(value: unknown): unknown {
  return readValue(writeValue(value, "a value"))
}
