import type { RunValues, StepAction, StepConfig, StepDefinition } from "../runs/definition.ts"
import type { Template } from "./template.ts"

/** A step while its workflow is composed: its name and settings can still change. */
export interface ComposedStep {
  name: string
  config: StepConfig
  readonly kind: StepAction["kind"] | "hook"
  readonly whens: readonly ComposedWhen[] // outermost first
  readonly input: Template
  readonly action: StepAction
  readonly isWanted: (() => boolean) | null // of a hook: whether anybody handles it; null = always
}

/** A `when` as it was composed. */
export interface ComposedWhen {
  readonly name: string
  readonly needs: readonly ComposedStep[]
  readonly holds: (values: RunValues) => unknown // may be a promise
}

export function toDefinition(step: ComposedStep): StepDefinition {
  const { name, config, whens, input, action, isWanted } = step
  const conditions = whens.map((when) => when.holds)
  return {
    name,
    config,
    conditions: isWanted === null ? conditions : [isWanted, ...conditions],
    input: input.read,
    action,
  }
}
