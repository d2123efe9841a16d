import type { Clock, Timer } from "../core/clock.ts"

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Calls back at a time of the wall clock, however far away and however that clock is set meanwhile. */
export class Deadline {
  readonly #clock: Clock
  readonly #at: number
  readonly #onPassed: () => void
  #timer: Timer | null = null

  constructor(clock: Clock, at: number, onPassed: () => void) {
    this.#clock = clock
    this.#at = at
    this.#onPassed = onPassed
    this.#watch()
  }

  clear(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer)
    this.#timer = null
  }

  #watch(): void {
    const ms = Math.min(Math.max(0, this.#at - this.#clock.now()), LONGEST_TIMER_MS)
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null
      if (this.#clock.now() < this.#at) this.#watch()
      else this.#onPassed()
    }, ms)
  }
}
