import { InvalidInputError } from "../core/errors.ts"
import type { ComposedStep } from "./composed-step.ts"

type Levels = readonly (readonly ComposedStep[])[]

/** Whether these steps in these levels can be a workflow. @throws InvalidInputError that says how to mend it */
export function checkPlan(workflow: string, levels: Levels): void {
  checkNames(workflow, levels)
  const levelOf = new Map(levels.flatMap((steps, level) => steps.map((step) => [step, level] as const)))
  for (const [step, level] of levelOf) {
    for (const need of needsOf(step)) checkNeed(workflow, step, need, levelOf.get(need), level)
    checkSkip(workflow, step, levels.slice(level + 1).flat())
  }
}

function checkNames(workflow: string, levels: Levels): void {
  const names = new Set<string>()
  for (const { name } of levels.flat()) {
    if (names.has(name))
      throw new InvalidInputError(
        `Step \`${name}\` is already defined in workflow \`${workflow}\`. ` +
          `Give one of the two a name of its own: \`.config({ name: "${name}-2" })\`.`,
      )
    names.add(name)
  }
}

function needsOf({ input, whens }: ComposedStep): readonly ComposedStep[] {
  return [...input.needs, ...whens.flatMap((when) => when.needs)]
}

function checkNeed(
  workflow: string,
  step: ComposedStep,
  need: ComposedStep,
  level: number | undefined,
  own: number,
): void {
  if (level === undefined)
    throw new InvalidInputError(
      `Step \`${step.name}\` of workflow \`${workflow}\` is handed the output of step \`${need.name}\`, ` +
        "which is a step of another workflow. Hand it over as input, or call that step here, too.",
    )
  if (level >= own)
    throw new InvalidInputError(
      `Step \`${step.name}\` of workflow \`${workflow}\` needs the output of step \`${need.name}\`, ` +
        "but `parallelize` has them run side by side. Take one of the two out of `parallelize`.",
    )
}

function checkSkip(workflow: string, { name, config }: ComposedStep, later: readonly ComposedStep[]): void {
  const { skipOnPermanentFailure: target } = config
  if (typeof target !== "string" || later.some((step) => step.name === target)) return
  throw new InvalidInputError(
    `Expected \`skipOnPermanentFailure\` of step \`${name}\` to name a later step of workflow \`${workflow}\`, ` +
      `got \`${target}\`. ${later.length === 0 ? "No step follows it." : `It has ${later.map((step) => `\`${step.name}\``).join(", ")}.`}`,
  )
}
