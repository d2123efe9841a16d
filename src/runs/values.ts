import type { StepStates } from "../core/run-machine.ts"
import { readValue } from "../core/value.ts"
import type { RunValues } from "./definition.ts"

/** What has been worked out of a run's values, once for all its steps. */
export type Memos = Map<object, unknown>

/** A run's values as one step sees them: what that step does to them, no other sees. */
export class StepValues implements RunValues {
  readonly #input: string | null
  readonly #states: StepStates
  readonly #memos: Memos
  readonly #outputs = new Map<string, unknown>()
  #read: { readonly input: unknown } | null = null

  constructor(input: string | null, states: StepStates, memos: Memos) {
    this.#input = input
    this.#states = states
    this.#memos = memos
  }

  get input(): unknown {
    this.#read ??= { input: readValue(this.#input) }
    return this.#read.input
  }

  output(step: string): unknown {
    if (this.#outputs.has(step)) return this.#outputs.get(step)
    const record = this.#states.invoke.get(step)
    const value = record?.outcome === "done" ? readValue(record.output) : undefined
    this.#outputs.set(step, value)
    return value
  }

  memo(key: object, make: () => unknown): unknown {
    if (!this.#memos.has(key)) this.#memos.set(key, make())
    return this.#memos.get(key)
  }
}
