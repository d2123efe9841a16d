import type { Inspection } from "./inspection.ts"

export interface MaintenancePort {
  /** Brings the store to this code's schema, under a lock; refuses a store newer than the code. */
  migrate(): Promise<{ readonly from: number; readonly to: number }>
  /** Which schema the store has; changes nothing. */
  version(): Promise<StoreVersion>
  /** Deletes one small slice of what is past retention; call again until `more` is false. */
  prune(request: PruneRequest): Promise<PruneResult>
  stats(): Promise<StoreStats>
  /** Looks at itself, for who wants to know whether all is well. Changes nothing, and takes its time. */
  inspect(): Promise<Inspection>
}

export interface StoreVersion {
  readonly store: number // the newest migration that was run; 0 = nothing of ours is there
  readonly code: number // the newest that this code knows
  readonly works: boolean // false = newer code wrote it, with which this code cannot work
}

export interface PruneRequest {
  readonly eventsBefore: number // epoch ms
  readonly deadBefore: number
  readonly limit: number // rows to a slice
  readonly exact?: boolean // false = what is past only in part of a day may wait for the rest of it
  readonly cursor?: string // where the last slice stopped among the commits; absent = at the oldest
}

export interface PruneResult {
  readonly events: number
  readonly jobs: number
  readonly batches: number
  readonly runs?: number
  readonly cursor: string // for the next slice
  readonly more: boolean
}

export interface StoreStats {
  readonly events: number // approximate
  readonly openBatches: number
  readonly openParts: number
  readonly openJobs: number
  readonly deadJobs: number
  readonly staged: number
  readonly bytes: number
}
