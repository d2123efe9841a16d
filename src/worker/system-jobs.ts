import type { Clock } from "../core/clock.ts"
import type { ClaimedJob } from "../engine/leases.ts"
import type { Committer } from "./committer.ts"
import type { Held } from "./held.ts"

export interface SystemJobsOptions {
  readonly clock: Clock
  readonly committer: Committer
  readonly held: Held
  /** Runs it to its end, or until `goesOn` says no: then its lease is handed back. */
  readonly run: (job: ClaimedJob, worker: number, goesOn: () => boolean) => Promise<void>
  readonly goesOn: (worker: number) => boolean
  readonly pauseMs: number // before one that failed is tried again
  readonly onEnd: () => void
  readonly onError: (error: unknown) => void
}

const MOST_AT_ONCE = 2

/** The product's own jobs that run here, such as replays. */
export class SystemJobs {
  readonly #options: SystemJobsOptions
  readonly #running = new Set<Promise<void>>()

  constructor(options: SystemJobsOptions) {
    this.#options = options
  }

  get free(): number {
    return MOST_AT_ONCE - this.#running.size
  }

  get size(): number {
    return this.#running.size
  }

  start(job: ClaimedJob, worker: number): void {
    const lease = { source: "job", no: job.no, worker } as const
    this.#options.held.add(lease)
    const running = this.#run(job, worker).finally(() => {
      this.#options.held.delete(lease)
      this.#running.delete(running)
      this.#options.onEnd()
    })
    this.#running.add(running)
  }

  async whenDone(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #run(job: ClaimedJob, worker: number): Promise<void> {
    const { run, goesOn, onError } = this.#options
    try {
      await run(job, worker, () => goesOn(worker))
    } catch (error) {
      onError(error)
      if (goesOn(worker)) await this.#postpone(job, worker, error).catch(onError)
    }
  }

  async #postpone({ no, epoch }: ClaimedJob, worker: number, error: unknown): Promise<void> {
    const { clock, committer, pauseMs } = this.#options
    const outcome = { kind: "retry", dueAt: clock.now() + pauseMs, error: String(error) } as const
    await committer.record({ kind: "settle-job", no, worker, epoch, outcome, record: null, unordered: false })
  }
}
