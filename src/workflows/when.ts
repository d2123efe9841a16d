import { expected, InvalidInputError } from "../core/errors.ts"
import type { RunValues } from "../runs/definition.ts"
import type { ComposedWhen } from "./composed-step.ts"
import { isHook } from "./create-hook.ts"
import { checkFunction } from "./create-step.ts"
import { currentComposition } from "./current-composition.ts"
import { reference, sourceOf } from "./reference.ts"
import { checkName } from "./step-config.ts"
import { templateOf } from "./template.ts"
import type { Placeholder, Unwrapped, WorkflowData } from "./workflow-data.ts"

/** What a `when` goes on with. */
export interface WhenThen {
  /** Composes what is done if the condition holds. Its answer is undefined in runs where it does not. */
  then<Answer>(
    compose: () => Answer,
  ): Answer extends Placeholder<infer T> ? WorkflowData<T> | undefined : Answer
}

type Condition<V> = (values: Unwrapped<V>) => boolean | Promise<boolean>

/**
 * Lets steps depend on a condition, since a composer cannot use `if`: it is asked once a run, when the first of
 * them is reached. If it does not hold they are skipped. A `when` may stand inside another.
 *
 * A name is only there for people to read; it is part of the workflow's shape.
 *
 * @throws InvalidInputError outside of a composer; and from `createWorkflow` when `.then` was not called
 * @example
 * ```ts
 * const label = when({ order }, ({ order }) => order.isGift).then(() => printGiftLabel(order))
 * ```
 */
export function when<V>(values: V, condition: Condition<V>): WhenThen
export function when<V>(name: string, values: V, condition: Condition<V>): WhenThen
export function when(...given: readonly unknown[]): WhenThen {
  const composition = currentComposition("`when`")
  const [name, values, condition] = given.length > 2 ? given : [null, ...given]
  checkFunction("the condition of `when`", condition)
  const checked = name === null || name === undefined ? null : checkName(name, "the name of a `when`")
  const opened = composition.newWhen(checked, templateOf(values), condition as (values: unknown) => unknown)
  return {
    // biome-ignore lint/suspicious/noThenProperty: the word that people know; who awaits it gets a message
    then: (compose: () => unknown) => {
      checkFunction("what follows in `.then` of `when`", compose)
      const { made, whens } = composition.inside(opened, compose)
      if (made instanceof Promise) throw refusedPromise(made)
      return onlyIf(whens, made) as never
    },
  }
}

/** What stands for `made`, undefined where a condition did not hold. */
function onlyIf(whens: readonly ComposedWhen[], made: unknown): unknown {
  if (made === undefined || made === null || isHook(made)) return made
  const source = sourceOf(made)
  const opened = whens.at(-1) as ComposedWhen
  if (source?.step?.whens.includes(opened)) return made // its step is skipped, that is undefined enough
  if (source === null && typeof made === "object" && "hooks" in made && "result" in made)
    return { ...made, result: onlyIf(whens, made.result) }

  const value = templateOf(made)
  return reference({
    read: (values) => {
      const held = holdAll(whens, values)
      if (held instanceof Promise) return held.then((all) => (all ? value.read(values) : undefined))
      return held ? value.read(values) : undefined
    },
    needs: [...value.needs, ...whens.flatMap((when) => when.needs)],
    words: `the answer of a \`when\` (\`${opened.name}\`)`,
    step: null,
  })
}

function holdAll([first, ...rest]: readonly ComposedWhen[], values: RunValues): boolean | Promise<boolean> {
  if (first === undefined) return true
  const held = first.holds(values)
  if (held instanceof Promise) return held.then((holds) => Boolean(holds) && holdAll(rest, values))
  return Boolean(held) && holdAll(rest, values)
}

function refusedPromise(made: Promise<unknown>): InvalidInputError {
  made.catch(() => {}) // it fails for the reason that is told here
  return new InvalidInputError(
    expected("the function in `.then` of `when` not to be async, since it composes steps", made),
  )
}
