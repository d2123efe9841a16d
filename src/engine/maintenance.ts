export interface MaintenancePort {
  /** Brings the store to this code's schema, under a lock; refuses a store newer than the code. */
  migrate(): Promise<{ readonly from: number; readonly to: number }>
  /** Deletes one small slice of what is past retention; call again until `more` is false. */
  prune(request: PruneRequest): Promise<PruneResult>
  stats(): Promise<StoreStats>
}

export interface PruneRequest {
  readonly eventsBefore: number // epoch ms
  readonly deadBefore: number
  readonly limit: number // rows to a slice
  readonly cursor?: string // where the last slice stopped among the commits; absent = at the oldest
}

export interface PruneResult {
  readonly events: number
  readonly jobs: number
  readonly batches: number
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
