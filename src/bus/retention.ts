import type { Clock, Timer } from "../core/clock.ts"
import type { Engine } from "../engine/engine.ts"

export interface PruneOptions {
  /** Delete settled events, and the history of their deliveries, from before then. @defaultValue `retentionMs` ago */
  readonly before?: Date | number
  /** Delete dead letters from before then. @defaultValue `deadRetentionMs` ago */
  readonly deadBefore?: Date | number
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /** Called after each slice. */
  readonly onProgress?: (soFar: { readonly events: number; readonly jobs: number }) => void
}

export interface PruneReport {
  readonly events: number
  readonly jobs: number // deliveries with a row of their own, dead letters among them
  /** With `dryRun`: the most it could be. What open work and dead letters still need stays. */
  readonly dryRun: boolean
}

/** Rows to a slice, and the pause after each: emits and settles go between. */
const SLICE = 500
const PAUSE_MS = 10
const FIRST_RUN_MS = 60_000
const EVERY_MS = 600_000

export interface RetentionOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly retentionMs: number
  readonly deadRetentionMs: number
  /** What else is past its time, and not the bus's. */
  readonly pruneOthers: () => Promise<unknown>
  readonly onError: (error: unknown) => void
}

/** Deletes what is past its time, a little at a time: by hand, and now and then in a started worker. */
export class Retention {
  readonly #options: RetentionOptions
  #timer: Timer | null = null
  #stopped = false
  #running: Promise<unknown> | null = null

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule(FIRST_RUN_MS)
  }

  /** Ends after the slice that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer)
    await this.#running
  }

  async prune(before: number | null, deadBefore: number | null, options: PruneOptions): Promise<PruneReport> {
    const { engine, clock, retentionMs, deadRetentionMs } = this.#options
    const eventsBefore = before ?? clock.now() - retentionMs
    const jobsBefore = deadBefore ?? clock.now() - deadRetentionMs
    if (options.dryRun === true) {
      const old = await engine.queries.countBefore({ events: eventsBefore, dead: jobsBefore })
      return { events: old.events, jobs: old.jobs + old.dead, dryRun: true }
    }
    let [events, jobs, more, cursor] = [0, 0, true, ""]
    while (more && !this.#stopped) {
      const slice = await engine.maintenance.prune({
        eventsBefore,
        deadBefore: jobsBefore,
        limit: SLICE,
        exact: before !== null, // what nobody asked for in particular may wait for its day to be over
        cursor,
      })
      events += slice.events
      jobs += slice.jobs
      more = slice.more
      cursor = slice.cursor
      options.onProgress?.({ events, jobs })
      if (more) await pause()
    }
    if (!this.#stopped) await this.#options.pruneOthers()
    return { events, jobs, dryRun: false }
  }

  #schedule(ms: number): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#running = this.prune(null, null, {})
        .catch(this.#options.onError)
        .finally(() => {
          this.#running = null
          this.#schedule(EVERY_MS)
        })
    }, ms)
  }
}

/** Real time: what it leaves room for is the disk, not the application's clock. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS)
  })
}
