import { checkFunction } from "./create-step.ts"
import { currentComposition } from "./current-composition.ts"
import { reference } from "./reference.ts"
import { once, readCopy, settled, templateOf } from "./template.ts"
import type { Unwrapped, WorkflowData } from "./workflow-data.ts"

type Then<From, To> = (value: From) => To | Promise<To>

/**
 * A value made of others when the workflow runs: the way to compute in a composer.
 *
 * The functions are called one after the other, each with what the one before it answered; they may be
 * asynchronous. In one process a run computes it once, when it is first asked for; after a crash it is
 * computed again. So let it depend on its values only, and leave everything that acts to steps.
 *
 * @throws InvalidInputError outside of a composer, and for a function that is none
 * @example
 * ```ts
 * const line = transform({ order, customer }, ({ order, customer }) => `${customer.name}: ${order.total}`)
 * ```
 */
export function transform<V, Z>(values: V, a: Then<Unwrapped<V>, Z>): WorkflowData<Z>
export function transform<V, A, Z>(values: V, a: Then<Unwrapped<V>, A>, b: Then<A, Z>): WorkflowData<Z>
export function transform<V, A, B, Z>(
  values: V,
  ...functions: [Then<Unwrapped<V>, A>, Then<A, B>, Then<B, Z>]
): WorkflowData<Z>
export function transform<V, A, B, C, Z>(
  values: V,
  ...functions: [Then<Unwrapped<V>, A>, Then<A, B>, Then<B, C>, Then<C, Z>]
): WorkflowData<Z>
export function transform<V, A, B, C, D, Z>(
  values: V,
  ...functions: [Then<Unwrapped<V>, A>, Then<A, B>, Then<B, C>, Then<C, D>, Then<D, Z>]
): WorkflowData<Z>
export function transform(values: unknown, ...functions: readonly Then<unknown, unknown>[]): unknown {
  currentComposition("`transform`")
  for (const each of [functions[0], ...functions.slice(1)])
    checkFunction("what `transform` computes with", each)
  const from = templateOf(values)
  const key = {}
  return reference({
    read: (run) => once(run, key, () => chained(readCopy(from, run), functions)),
    needs: from.needs,
    words: "the value of a `transform`",
    step: null,
  })
}

function chained(value: unknown, functions: readonly Then<unknown, unknown>[]): unknown {
  return functions.reduce(
    (before, next) => settled(before instanceof Promise ? before.then(next) : next(before)),
    value,
  )
}
