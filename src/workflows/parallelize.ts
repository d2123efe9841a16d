import { currentComposition } from "./current-composition.ts"

/**
 * Runs steps side by side; what follows begins when all of them have ended. It answers with their outputs.
 *
 * @throws InvalidInputError outside of a composer; and from `createWorkflow` when one of them needs another's output
 * @example
 * ```ts
 * const [prices, stock] = parallelize(createPrices(product), createStock(product))
 * ```
 */
export function parallelize<const Outputs extends readonly unknown[]>(...outputs: Outputs): Outputs {
  currentComposition("`parallelize`").sideBySide(outputs)
  return outputs
}
