import type { StepRecord } from "../core/run.ts"
import type { Children } from "./children.ts"
import type { EventWaits } from "./event-waits.ts"

export interface LookupsOptions {
  readonly waits: EventWaits
  readonly children: Children
  readonly scope: string // of the run, its key
  readonly startedAt: number // of the run
  readonly onFound: (record: StepRecord) => void
  /** A search is over, whatever came of it. */
  readonly onEnd: () => void
  readonly onError: (error: unknown) => void
}

/** Searches for what steps of a run wait for: it may have come before anybody knew of the wait. */
export class Lookups {
  readonly #options: LookupsOptions
  readonly #begun = new Set<string>()
  #count = 0

  constructor(options: LookupsOptions) {
    this.#options = options
  }

  get areOpen(): boolean {
    return this.#count > 0
  }

  /** Events are searched for once, for later ones are told; a child is asked each time that something may be new. */
  isNeeded({ outcome, wait, ...attempt }: StepRecord): boolean {
    if (outcome !== "waiting") return false
    return wait?.kind === "run" || (wait?.kind === "event" && !this.#begun.has(keyOf(attempt)))
  }

  begin(record: StepRecord): void {
    if (!this.isNeeded(record)) return
    this.#begun.add(keyOf(record))
    this.#count++
    const { onFound, onEnd, onError } = this.#options
    this.#find(record)
      .then((found) => {
        if (found !== null) onFound({ ...record, dueAt: null, wait: null, ...found })
      })
      .catch(onError)
      .finally(() => {
        this.#count--
        onEnd()
      })
  }

  async #find({ wait, phase }: StepRecord): Promise<Partial<StepRecord> | null> {
    const { waits, children, scope, startedAt } = this.#options
    if (wait?.kind === "event") return waits.past(wait, { scope, since: startedAt })
    return wait?.kind === "run" ? children.ended(wait.run, phase) : null
  }
}

function keyOf({ phase, step, attempt }: Pick<StepRecord, "phase" | "step" | "attempt">): string {
  return `${phase} ${step} ${attempt}`
}
