import type { Phase } from "../measurement.ts"
import { STEPS } from "../workflow-contender.ts"
import { spreadOf } from "./stage.ts"

/** When each run came to each of its points: its start, its steps, its result. */
export class Phases {
  readonly #runs: number
  readonly #at: Float64Array

  constructor(runs: number) {
    this.#runs = runs
    this.#at = new Float64Array(runs * POINTS.length)
  }

  /** Where a run is at `point`: 0 = its start, then its steps, then its result. A step that is repeated counts last. */
  pass(point: number, seq: number): void {
    this.#at[point * this.#runs + seq] = performance.now()
  }

  /** From the start to the result, in milliseconds, by run. */
  lengths(): Float64Array {
    return this.#between(0, POINTS.length - 1)
  }

  spreads(): Phase[] {
    return POINTS.slice(1).map((name, before) => ({
      name: `${POINTS[before]} → ${name}`,
      ms: spreadOf(this.#between(before, before + 1)),
    }))
  }

  #between(from: number, to: number): Float64Array {
    const first = this.#at.subarray(from * this.#runs, (from + 1) * this.#runs)
    const second = this.#at.subarray(to * this.#runs, (to + 1) * this.#runs)
    return second.map((at, seq) => at - (first[seq] ?? 0))
  }
}

const POINTS = ["start", ...STEPS.map((_, index) => `step ${index + 1}`), "result"]
