import type { Clock } from "../core/clock.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { Engine } from "../engine/engine.ts"
import type { StoreSize } from "../engine/maintenance.ts"
import type { LagRow, WorkerRow } from "../engine/queries.ts"
import type { RunCounts } from "../engine/runs.ts"

/** What the store says of itself and of all who work on it, at one moment. */
export interface StoreView {
  readonly now: number
  readonly tookMs: number
  readonly subscriptions: readonly SubscriptionVersion[]
  readonly lag: readonly LagRow[]
  readonly runs: readonly RunCounts[]
  readonly workers: readonly WorkerRow[]
  readonly size: StoreSize
}

/** So long an answer is good for: several who scrape ask the store once. */
const FRESH_MS = 5_000
/** Longer a scrape does not wait; it says that the store did not answer, and the next may have it. */
const PATIENCE_MS = 2_000

/** Asks the store what metrics want of it: at most once in five seconds, and never in anybody's way. */
export class StoreLook {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #patienceMs: number
  #view: StoreView | null = null
  #viewedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<StoreView | null> | null = null

  constructor(engine: Engine, clock: Clock, patienceMs = PATIENCE_MS) {
    this.#engine = engine
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  /** Never rejects; null = it does not answer now. */
  async view(): Promise<StoreView | null> {
    if (performance.now() - this.#viewedAt < FRESH_MS) return this.#view
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    const { promise: outOfPatience, resolve } = Promise.withResolvers<null>()
    const timer = setTimeout(() => resolve(null), this.#patienceMs)
    return Promise.race([this.#looking, outOfPatience]).finally(() => clearTimeout(timer))
  }

  /** Whoever scrapes is to hear that it is away, and not why: the worker logs that. */
  async #look(): Promise<StoreView | null> {
    const startedAt = performance.now()
    try {
      const { queries, maintenance } = this.#engine
      const [catalog, lag, runs, workers, size] = await Promise.all([
        queries.catalog(),
        queries.lag(),
        queries.runCounts(),
        queries.workers(),
        maintenance.size(),
      ])
      this.#viewedAt = performance.now()
      const subscriptions = catalog.subscriptions.filter((each) => each.toVersion === null)
      const tookMs = this.#viewedAt - startedAt
      this.#view = { now: this.#clock.now(), tookMs, subscriptions, lag, runs, workers, size }
      return this.#view
    } catch {
      return null
    }
  }
}
