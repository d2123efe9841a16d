import type { EventRow } from "../core/event.ts"
import type { AttemptRecord } from "../core/job.ts"

/** The only way to get work. A lease belongs to a worker, and every row taken under it is fenced by its epoch. */
export interface LeasesPort {
  /** A worker's new incarnation. Dead predecessors of the same host give up their work at once. */
  join(worker: NewWorker): Promise<{ readonly worker: number }>
  /** Keeps the lease; `false` = it was taken away, and everything under it is to be discarded. */
  heartbeat(beat: Heartbeat): Promise<{ readonly alive: boolean; readonly freed: number }>
  /** Open batches and parts, oldest first. */
  take(request: TakeRequest): Promise<readonly TakenBatch[]>
  /** Jobs that are due, of subscriptions with free slots. */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /** A clean stop: what is still leased is handed back without a mark against it. */
  leave(worker: number): Promise<void>
}

export interface NewWorker {
  readonly group: string
  readonly leaseMs: number
}

export interface Heartbeat {
  readonly worker: number
  readonly leaseMs: number
  readonly handles: readonly number[] // subscriptions it has handlers for
}

export interface TakeRequest {
  readonly worker: number
  readonly group: string
  readonly slots: readonly (readonly [subscription: number, free: number])[] // for parts
  readonly batches: number // how many batches at most
  readonly priorities: readonly number[] // in which order to ask
}

export interface TakenBatch {
  readonly source: "batch" | "part"
  readonly no: number
  readonly epoch: number
  readonly takes: number
  readonly catalogVersion: number
  readonly priority: number
  readonly subscription: number | null // of a part; null = a batch: derive its deliveries
  readonly replay: number
  readonly events: readonly EventRow[]
}

export interface ClaimRequest {
  readonly worker: number
  readonly group: string
  readonly slots: readonly (readonly [subscription: number, free: number])[]
  readonly limits: Readonly<Record<number, { readonly limit: number; readonly per: number }>> // rate limits
  readonly priorities: readonly number[]
  readonly isolated: boolean // may it take one isolated job?
  readonly system: number // how many jobs of the product's own (replays)
}

export interface ClaimedJob {
  readonly no: number
  readonly epoch: number
  readonly kind: "delivery" | "replay"
  readonly id: string
  readonly subscription: number
  readonly scope: string
  readonly key: string | null
  readonly priority: number
  readonly attempt: number // attempts used before this one
  readonly crashes: number
  readonly isolated: boolean
  readonly replay: number
  readonly history: readonly AttemptRecord[]
  readonly event: EventRow | null // null = its event is gone, or it is the product's own
  readonly data: string | null // of the product's own jobs
}

export interface ClaimResult {
  readonly jobs: readonly ClaimedJob[]
  readonly nextDueAt: number | null // when something here becomes due; null = nothing waits
}
