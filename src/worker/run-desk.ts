import type { ClaimedJob } from "../engine/leases.ts"

/** Who does the jobs of runs and schedules that a worker leases. */
export interface RunDesk {
  /** One of them is leased to this worker. */
  open(job: ClaimedJob, worker: number): void
  readonly isIdle: boolean
  whenIdle(): Promise<void>
  /** What waited because nothing might start may start now. */
  resume(): void
  /** Somebody wrote of our group's work: perhaps of a run that is held here. */
  heed(): void
  /** Everything under the old lease is somebody else's now. */
  lose(): void
  /** Begins nothing more; what runs may end within the grace time. */
  stop(graceMs: number): Promise<void>
}

/** Before there is one. */
export const NO_RUNS: RunDesk = {
  open: () => {},
  isIdle: true,
  whenIdle: () => Promise.resolve(),
  resume: () => {},
  heed: () => {},
  lose: () => {},
  stop: () => Promise.resolve(),
}
