import { InvalidInputError } from "../core/errors.ts"
import type { Composition } from "./composition.ts"

/**
 * Calls `act`, and whatever it calls of this door works on `composition`.
 *
 * It hangs on the process and not on this module: an application's steps may come from another copy of it.
 */
export function composing<Made>(composition: Composition, act: () => Made): Made {
  const outer = shared[CURRENT]
  shared[CURRENT] = composition
  try {
    return act()
  } finally {
    shared[CURRENT] = outer
  }
}

/** The workflow that is being composed. @throws InvalidInputError outside of a composer */
export function currentComposition(what: string): Composition {
  const current = shared[CURRENT]
  if (current) return current
  throw new InvalidInputError(
    `Expected ${what} to be called in the composer of a workflow, while it is composed. ` +
      "Call it inside `createWorkflow(id, (input) => { ... })`, not in a step, and not after an `await`.",
  )
}

const CURRENT = Symbol.for("carillon.composition")
const shared = globalThis as { [CURRENT]?: Composition | undefined }
