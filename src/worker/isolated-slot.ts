import type { Clock, Timer } from "../core/clock.ts"

/** One isolated job at a time in a process, but one that hangs must not keep all others waiting for ever. */
const ISOLATED_MS = 2_000

/** The place of the one isolated job that is claimed here and not yet settled. */
export class IsolatedSlot {
  readonly #clock: Clock
  readonly #onFree: () => void
  #job: number | null = null
  #timer: Timer | null = null

  constructor(clock: Clock, onFree: () => void) {
    this.#clock = clock
    this.#onFree = onFree
  }

  get isFree(): boolean {
    return this.#job === null
  }

  take(job: number): void {
    this.clear()
    this.#job = job
    this.#timer = this.#clock.setTimeout(() => this.leave(job), ISOLATED_MS)
  }

  leave(job: number): void {
    if (job !== this.#job) return
    this.clear()
    this.#onFree()
  }

  clear(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer)
    this.#timer = null
    this.#job = null
  }
}
