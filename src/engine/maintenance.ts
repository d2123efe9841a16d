import type { Inspection } from "./inspection.ts"

export interface MaintenancePort {
  /** Brings the store to this code's schema, under a lock; refuses a store newer than the code. */
  migrate(): Promise<{ readonly from: number; readonly to: number }>
  /** Which schema the store has; changes nothing. */
  version(): Promise<StoreVersion>
  /** Deletes one small slice of what is past retention; call again until `more` is false. */
  prune(request: PruneRequest): Promise<PruneResult>
  /** Afterwards the store's files hold of what was erased no more than is answered. It may hold up writers. */
  scrub(request: ScrubRequest): Promise<Remains>
  stats(): Promise<StoreStats>
  /** The little that may be asked every few seconds: it wades through no rows. */
  size(): Promise<StoreSize>
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

export interface ScrubRequest {
  readonly rewrite: boolean | null // write all of it anew, however long that takes; null = only if it is small
}

/**
 * Where bytes of what was erased may still lie: nowhere; in unused parts of the file, until it is written anew; also
 * in its log, because somebody was reading; or where only who runs the server can tell, in dead rows and its log.
 */
export type Remains = "none" | "file" | "log" | "server"

export interface StoreSize {
  readonly bytes: number
  readonly staged: number // events, those of the outbox among them
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
