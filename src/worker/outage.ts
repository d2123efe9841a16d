import { isUnavailable, StoreUnavailableError } from "../core/errors.ts"

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/** A time in which the store does not answer: how long to wait between tries, and what those are told who give up. */
export class Outage {
  #tries = 0
  #error: Error | null = null

  /** The store said that it does not answer, and has not answered since. */
  get isOn(): boolean {
    return isUnavailable(this.#error)
  }

  /** How long to wait before the next try: longer each time, and not all processes at the same moment. */
  tried(error: Error): number {
    this.#error = error
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#tries++)
    return pauseMs * (0.75 + Math.random() / 2)
  }

  end(): void {
    this.#tries = 0
    this.#error = null
  }

  /** For an emit whose commit was sent, perhaps more than once. */
  unknownOutcome(waitedMs: number): StoreUnavailableError {
    return this.#errorOf(
      waitedMs,
      "The events may or may not be written. Emit them again with the same `id` of your own: that is safe, and writes them once.",
    )
  }

  /** For an emit that was still waiting its turn. */
  neverSent(waitedMs: number): StoreUnavailableError {
    return this.#errorOf(waitedMs, "The events were not written. Emit them again when the store is back.")
  }

  /** For any other change. */
  unknownResult(waitedMs: number): StoreUnavailableError {
    return this.#errorOf(
      waitedMs,
      "It may or may not have been done: look when the store is back, and ask again.",
    )
  }

  #errorOf(waitedMs: number, rest: string): StoreUnavailableError {
    const tried = this.#tries === 1 ? "once" : `${this.#tries} times`
    const why = this.#error === null ? "" : `, tried ${tried}: ${this.#error.message}`
    return new StoreUnavailableError(
      `Expected the store to answer within \`emitTimeoutMs\`, got no answer in ${Math.round(waitedMs)} ms${why.replace(/\.?$/, ".")} ${rest}`,
      { cause: this.#error ?? undefined },
    )
  }
}
