import { InvalidInputError } from "../core/errors.ts"
import type { RunValues } from "../runs/definition.ts"
import type { ComposedStep, ComposedWhen } from "./composed-step.ts"
import { checkPlan } from "./plan-rules.ts"
import { reference, type Source, sourceOf } from "./reference.ts"
import { type StepSettings, withSettings } from "./step-config.ts"
import { once, readCopy, type Template } from "./template.ts"

/** One workflow in the making: what its composer calls writes here. */
export class Composition {
  readonly workflow: string
  /** How to handle its hooks, by name. */
  readonly hooks: Record<string, unknown> = {}
  readonly #levels: ComposedStep[][] = []
  readonly #open: ComposedWhen[] = []
  readonly #unanswered = new Set<ComposedWhen>()
  #whens = 0
  #isOver = false

  constructor(workflow: string) {
    this.workflow = workflow
  }

  /** Adds a step after those that are there; the answer stands for its output. */
  add(step: Omit<ComposedStep, "whens">): object {
    const added: ComposedStep = { ...step, whens: [...this.#open] }
    this.#levels.push([added])
    const output = reference(outputOf(added), {
      config: (settings: unknown) => {
        if (this.#isOver) throw this.#tooLate(added)
        Object.assign(added, withSettings(added, settings as StepSettings))
        return output
      },
    })
    return output
  }

  /** Puts steps beside each other, where the last of them stands. */
  sideBySide(outputs: readonly unknown[]): void {
    const steps = new Set(outputs.flatMap((output) => stepsIn(output)))
    const levels = this.#levels.filter((level) => level.some((step) => steps.has(step)))
    const last = levels.pop()
    last?.unshift(...levels.flatMap((level) => level.splice(0)))
    const before = this.#levels.splice(0)
    this.#levels.push(...before.filter((level) => level.length > 0))
  }

  newWhen(name: string | null, asked: Template, condition: (values: unknown) => unknown): ComposedWhen {
    const opened: ComposedWhen = {
      name: name ?? `when-${++this.#whens}`,
      needs: asked.needs,
      holds: (values: RunValues) =>
        once(values, opened, () => {
          const value = readCopy(asked, values)
          return value instanceof Promise ? value.then(condition) : condition(value)
        }),
    }
    this.#unanswered.add(opened)
    return opened
  }

  /** What `act` composes depends on the `when`; also on those that it stands in. */
  inside<Made>(
    opened: ComposedWhen,
    act: () => Made,
  ): { readonly made: Made; readonly whens: readonly ComposedWhen[] } {
    this.#unanswered.delete(opened)
    this.#open.push(opened)
    try {
      return { made: act(), whens: [...this.#open] }
    } finally {
      this.#open.pop()
    }
  }

  /** The steps in their levels, when all has been said. */
  finish(): readonly (readonly ComposedStep[])[] {
    this.#isOver = true
    for (const { name } of this.#unanswered)
      throw new InvalidInputError(
        `Expected \`.then(() => ...)\` after \`when\` (\`${name}\`) in workflow \`${this.workflow}\`, it is missing. ` +
          "Put the steps that depend on the condition into it.",
      )
    checkPlan(this.workflow, this.#levels)
    return this.#levels
  }

  #tooLate({ name }: ComposedStep): InvalidInputError {
    return new InvalidInputError(
      `Step \`${name}\` of workflow \`${this.workflow}\` cannot be configured any more: the workflow is composed. ` +
        "Call `.config({ ... })` where the step is called.",
    )
  }
}

function outputOf(step: ComposedStep): Source {
  return {
    read: (values) => values.output(step.name),
    needs: [step],
    get words() {
      return `the output of step \`${step.name}\``
    },
    step,
  }
}

/** What `parallelize` was handed may be another `parallelize`'s answer. */
function stepsIn(output: unknown): ComposedStep[] {
  if (Array.isArray(output)) return output.flatMap(stepsIn)
  const source = sourceOf(output)
  return source?.step ? [source.step] : []
}
