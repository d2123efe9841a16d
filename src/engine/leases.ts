import type { EventRow } from "../core/event.ts"
import type { AttemptRecord } from "../core/job.ts"

/** The only way to get work. A lease belongs to a worker, and every row taken under it is fenced by its epoch. */
export interface LeasesPort {
  /** A worker's new incarnation. Dead predecessors of the same host give up their work at once. */
  join(worker: NewWorker): Promise<{ readonly worker: number }>
  /** Keeps the lease; `false` = it was taken away, and everything under it is to be discarded. */
  heartbeat(beat: Heartbeat): Promise<HeartbeatResult>
  /** Is there anything to take or claim? Leases nothing: an idle worker asks this and no more. */
  peek(request: PeekRequest): Promise<Glance>
  /** Open batches and parts, oldest first. */
  take(request: TakeRequest): Promise<readonly TakenBatch[]>
  /** Jobs that are due, of subscriptions with free slots. */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /**
   * Puts back what the store has under this worker's lease and the worker does not know of, because the
   * answer that told it was lost with its connection. Resolves to how much that was.
   */
  handBack(request: HandBackRequest): Promise<number>
  /** A clean stop: what is still leased is handed back without a mark against it. */
  leave(worker: number): Promise<void>
}

export interface NewWorker {
  readonly group: string
  readonly leaseMs: number
}

export interface Heartbeat {
  readonly worker: number
  readonly group: string
  readonly leaseMs: number
  readonly handles: readonly number[] // subscriptions it has handlers for
}

export interface HeartbeatResult {
  readonly alive: boolean
  readonly freed: number // rows of dead workers that are free again
  readonly glance: Glance // a heartbeat is a look as well
}

export interface PeekRequest {
  readonly worker: number
  readonly group: string
  readonly subscriptions: readonly number[] // those it has handlers for, paused ones left out
}

/** What a look at the store shows; it may promise too much, never too little. */
export interface Glance {
  readonly work: boolean // there is something for this worker to take or claim now
  readonly released: boolean // staged events of transactions that have ended wait to be released by this worker
  readonly nextDueAt: number | null // when something becomes due; null = nothing waits
  readonly catalogVersion: number | null // null = it says so by a hint
}

export interface TakeRequest {
  readonly worker: number
  readonly group: string
  readonly slots: readonly (readonly [subscription: number, free: number])[] // for parts
  readonly batches: number // how many batches at most
  readonly priorities: readonly number[] // in which order to ask
  readonly thorough: boolean // look at everything; else an engine may begin behind what it took last
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
  readonly limits: Readonly<Record<number, FleetLimits>> // of the subscriptions that have any
  readonly priorities: readonly number[]
  readonly thorough: boolean
  readonly isolated: boolean // may it take one isolated job?
  readonly system: number // how many replays
}

/** What a worker holds and knows. */
export interface HandBackRequest {
  readonly worker: number
  readonly olderThanMs: number // what was leased since then may still be on its way to the worker: it is left
  readonly batches: readonly number[]
  readonly parts: readonly number[]
  readonly jobs: readonly number[]
}

/** What holds for a subscription over all workers together. */
export interface FleetLimits {
  readonly rate: { readonly limit: number; readonly per: number } | null
  readonly concurrency: number | null // leased at one time
  readonly keyConcurrency: number | null // leased at one time of one key; null = one where it is ordered
}

export interface ClaimedJob {
  readonly no: number
  readonly epoch: number
  readonly kind: "delivery" | "replay" | "run" | "schedule"
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
