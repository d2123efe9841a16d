import type { RunPlan } from "../core/run-machine.ts"
import type { StepAction, StepDefinition, WorkflowDefinition } from "./definition.ts"

const plans = new WeakMap<WorkflowDefinition, RunPlan>()

/** What of a workflow decides where its runs stand. */
export function planOf(definition: WorkflowDefinition): RunPlan {
  let plan = plans.get(definition)
  if (plan === undefined) {
    plan = { levels: definition.levels.map((level) => level.map(toPlanned)) }
    plans.set(definition, plan)
  }
  return plan
}

function toPlanned({ name, config, action }: StepDefinition): RunPlan["levels"][number][number] {
  const { maxRetries, autoRetry, noWait, continueOnPermanentFailure, skipOnPermanentFailure } = config
  return {
    name,
    maxRetries,
    autoRetry,
    noWait,
    continueOnPermanentFailure,
    skipOnPermanentFailure,
    compensates: !config.noCompensation && canCompensate(action),
  }
}

function canCompensate(action: StepAction): boolean {
  if (action.kind === "call") return action.compensate !== null
  return action.kind === "workflow"
}

/** A step of a workflow by its name. */
export function stepOf({ levels }: WorkflowDefinition, name: string): StepDefinition | null {
  for (const level of levels) for (const step of level) if (step.name === name) return step
  return null
}

/** It has something in it that nobody is to wait for. */
export function isBackground({ config, action }: StepDefinition): boolean {
  return config.async || (action.kind === "workflow" && action.workflow.levels.flat().some(isBackground))
}
