import type { Clock } from "../core/clock.ts"
import { PAUSED } from "../core/run.ts"
import type { HandlerEntry } from "../worker/handlers.ts"

/**
 * The runs that were held back here because their workflow is paused, until they fall due by themselves.
 *
 * Whoever resumes a workflow wakes what was held back by then, and cannot know of what is held back after it by those
 * who have not heard yet: these wake their own.
 */
export class HeldBack {
  readonly #clock: Clock
  readonly #wake: (run: string) => void
  readonly #runs = new Map<string, { readonly entry: HandlerEntry; readonly dueAt: number }>()

  constructor(clock: Clock, wake: (run: string) => void) {
    this.#clock = clock
    this.#wake = wake
  }

  add(run: string, entry: HandlerEntry): void {
    const now = this.#clock.now()
    for (const [id, { dueAt }] of this.#runs) {
      if (dueAt > now) break
      this.#runs.delete(id)
    }
    if (entry.paused) this.#runs.set(run, { entry, dueAt: now + PAUSED.forMs })
    else this.#wake(run)
  }

  /** What is paused no more goes on. */
  resume(): void {
    for (const [id, { entry }] of this.#runs) {
      if (entry.paused) continue
      this.#runs.delete(id)
      this.#wake(id)
    }
  }
}
