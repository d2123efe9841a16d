import type { LiveRun } from "./live-run.ts"
import type { RunEnd, RunMomentName } from "./run-seat.ts"

/** Hears what becomes of a run as long as it is held here. */
export type RunListener = (run: LiveRun, moment: RunMomentName | RunEnd, step: string | null) => void

/** Who wants to hear of runs held in this process. */
export class RunListeners {
  readonly #ofRun = new Map<string, Set<RunListener>>()
  readonly #ofAll = new Set<RunListener>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Tells of one run, held here now or later, until it is taken off. */
  add(run: string, listener: RunListener): () => void {
    const listeners = this.#ofRun.get(run) ?? new Set()
    this.#ofRun.set(run, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#ofRun.delete(run)
    }
  }

  /** Tells of every run. */
  addToAll(listener: RunListener): () => void {
    this.#ofAll.add(listener)
    return () => this.#ofAll.delete(listener)
  }

  tell(run: LiveRun, moment: RunMomentName | RunEnd, step: string | null): void {
    const listeners = this.#ofRun.get(run.id)
    if (listeners !== undefined)
      for (const listener of [...listeners]) this.#call(listener, run, moment, step)
    for (const listener of this.#ofAll) this.#call(listener, run, moment, step)
  }

  #call(listener: RunListener, run: LiveRun, moment: RunMomentName | RunEnd, step: string | null): void {
    try {
      listener(run, moment, step)
    } catch (error) {
      this.#onError(error)
    }
  }
}
