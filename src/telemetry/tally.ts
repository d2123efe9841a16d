/**
 * How often a number fell below each of some bounds: what a histogram of Prometheus is read from.
 *
 * It counts on the road of every delivery, so it is two additions in arrays of doubles and nothing else.
 */
export class Tally {
  readonly bounds: readonly number[] // from small to large, inclusive
  readonly counts: Float64Array // one for each bound, and one for what is above them all
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  add(value: number): void {
    const { bounds } = this
    let i = 0
    while (i < bounds.length && value > (bounds[i] as number)) i++
    ;(this.counts[i] as number)++
    this.sum += value
  }
}

/** What became of the deliveries of one subscription in this process, and how long its attempts took. */
export class SubscriptionTally {
  readonly attemptMs = new Tally(MILLISECONDS)
  delivered = 0
  retry = 0
  dead = 0
  cancelled = 0
}

/** What became of the runs of one workflow that were held in this process, and of their steps. */
export class WorkflowTally {
  readonly stepMs = new Tally(MILLISECONDS)
  readonly runs = { started: 0, resumed: 0, done: 0, reverted: 0, failed: 0 }
  readonly steps = { done: 0, failed: 0, waiting: 0, skipped: 0, compensated: 0, compensation_failed: 0 }
}

/** From a handler that only counts to one that waits for somebody else's server. */
const MILLISECONDS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000]
const COMMIT_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
const PER_COMMIT = [0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000]

/** What this process has done since it began: plain numbers, which nobody looks at until somebody asks. */
export class Tallies {
  readonly commitMs = new Tally(COMMIT_MS)
  readonly commitEvents = new Tally(PER_COMMIT)
  readonly commitChanges = new Tally(PER_COMMIT)
  readonly rejected = new Map<string, number>() // emits, by the error's code
  readonly subscriptions = new Map<string, SubscriptionTally>()
  readonly workflows = new Map<string, WorkflowTally>()
  emits = 0
  events = 0
  failedCommits = 0

  reject(code: string, emits: number): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + emits)
  }

  /** Of what comes and goes with its process there is no end of names: all of that is one. */
  ofSubscription(id: string, ephemeral: boolean): SubscriptionTally {
    return entryOf(this.subscriptions, ephemeral ? EPHEMERAL : id, () => new SubscriptionTally())
  }

  ofWorkflow(id: string): WorkflowTally {
    return entryOf(this.workflows, id, () => new WorkflowTally())
  }
}

/** The `subscription` under which all ephemeral ones stand. */
export const EPHEMERAL = "ephemeral"

/** The `subscription` or `workflow` under which stands what is one too many. */
const OTHER = "other"
const MOST_ENTRIES = 1_000

function entryOf<T>(entries: Map<string, T>, id: string, make: () => T): T {
  const known = entries.get(id)
  if (known !== undefined) return known
  const name = entries.size < MOST_ENTRIES ? id : OTHER
  const entry = entries.get(name) ?? make()
  entries.set(name, entry)
  return entry
}
