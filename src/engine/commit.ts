import type { BatchOutcome } from "../core/batch.ts"
import type { StoredEvent } from "../core/event.ts"
import type { EventKey } from "../core/ids.ts"
import type { AttemptRecord } from "../core/job.ts"
import type { Outcome } from "../core/outcome.ts"
import type { SubscriptionDefinition } from "../core/subscription.ts"
import type { Erase, ErasedRows } from "./erasure.ts"
import type { PutRecord, RunChange, StartedRun } from "./runs.ts"

/**
 * The only way to write. All changes of one call stand in one transaction, applied in order, each
 * with its own result: what is fenced, in conflict or stale writes nothing, and its neighbours stay.
 */
export interface CommitPort {
  commit(changes: readonly Change[]): Promise<ChangeResult[]>
}

export type Change =
  | AppendEvents
  | StageEvents
  | ClearStaged
  | SettleBatch
  | SettleJob
  | MarkJob
  | PutSubscription
  | EndSubscription
  | PutReplay
  | AdvanceReplay
  | RedriveJobs
  | CancelJobs
  | Erase
  | RunChange

/** Writes events with everything that routing decided for them. */
export interface AppendEvents {
  readonly kind: "append"
  readonly commitId: string
  readonly again: boolean // this commit was tried before and its outcome is unknown
  readonly catalogVersion: number
  readonly events: readonly StoredEvent[]
  readonly emits: readonly number[] // which emit each event belongs to: an emit is written whole or not at all
  readonly batches: readonly NewBatch[]
  readonly worker: number | null // to whom `leased` jobs are born leased
  readonly jobs: readonly NewJob[]
  readonly parts: readonly NewPart[]
  readonly release: StagedRelease | null // null = these events are new
}

/** The staged events that an append moves: those no longer staged are left out. */
export interface StagedRelease {
  readonly eventGroupId: string
  readonly keys: readonly EventKey[]
}

export interface NewBatch {
  readonly group: string
  readonly priority: number
  readonly deliveries: Readonly<Record<number, number>> // subscription → how many
  readonly worker: number | null // null = born open
}

/** A job of one of the events in the same append. */
export interface NewJob {
  readonly index: number
  readonly subscription: number
  readonly group: string
  readonly scope: string
  readonly key: string | null // the line that orders or limits it: `core/line.ts`; null = none
  readonly priority: number
  readonly dueAt: number
  readonly reason: string
  readonly leased: boolean // born leased: the emitting worker has a free slot for it
}

/** Up to 100 deliveries of one subscription that wait. */
export interface NewPart {
  readonly group: string
  readonly subscription: number
  readonly priority: number
  readonly replay: number
  readonly reason: string
  readonly catalogVersion: number
  readonly refs: readonly EventKey[]
}

export interface StageEvents {
  readonly kind: "stage"
  readonly commitId: string
  readonly eventGroupId: string
  readonly events: readonly StoredEvent[]
}

export interface ClearStaged {
  readonly kind: "clear"
  readonly eventGroupId: string
  readonly names: readonly string[] | null // null = all of them
  readonly ids?: readonly string[] // of those, only these events; absent = all
  readonly scopes?: readonly string[] // of those, only what lies in these scopes (keys); absent = all
}

/** What a batch or a part is leased under. */
export interface BatchLease {
  readonly source: "batch" | "part"
  readonly no: number
  readonly worker: number
  readonly epoch: number
}

/** A job that continues a delivery of a batch: after a failure, or because it runs long. */
export interface ContinuedJob {
  readonly commitId: string
  readonly index: number
  readonly subscription: number
  readonly group: string
  readonly replay: number
  readonly scope: string
  readonly priority: number
  readonly state: number // WAITING, LEASED (born leased by this worker), DEAD
  readonly reason: string
  readonly dueAt: number
  readonly attempt: number // attempts that have ended; 0 for one that is running its first
  readonly crashes: number
  readonly isolated: boolean
  readonly error: string | null
  readonly history: readonly AttemptRecord[]
}

/** Closes a batch: what is not done in it goes on as jobs and parts, in the same commit. */
export interface SettleBatch {
  readonly kind: "settle-batch"
  readonly lease: BatchLease
  readonly outcome: BatchOutcome
  readonly jobs: readonly ContinuedJob[]
  readonly parts: readonly NewPart[]
}

export interface SettleJob {
  readonly kind: "settle-job"
  readonly no: number
  readonly worker: number
  readonly epoch: number
  readonly outcome: Outcome
  readonly record: AttemptRecord | null // null = no attempt was made: the job goes back as it came
  readonly unordered: boolean // its key waits for it no longer
}

/** Changes why a leased job is as it is, for those who look (`stuck`). */
export interface MarkJob {
  readonly kind: "mark-job"
  readonly no: number
  readonly worker: number
  readonly epoch: number
  readonly reason: string
}

/** Puts a subscription, or a new version of it when its definition differs. */
export interface PutSubscription {
  readonly kind: "put-subscription"
  readonly group: string
  readonly id: string
  readonly worker: number | null // an ephemeral one ends with this worker; null = lasting
  readonly definition: SubscriptionDefinition | { readonly paused: boolean } // the latter changes only that
  readonly startAt: number | null // a new one also gets the events since then; null = from now on
  readonly keepPaused: boolean // a pause set by an operator outlives a deploy
  /** Written with it, or neither is: what a whole definition needs beside. */
  readonly record?: PutRecord
}

export interface EndSubscription {
  readonly kind: "end-subscription"
  readonly group: string
  readonly id: string
  readonly record?: PutRecord // written with it: what it needed beside goes as well
}

export interface ReplayRequest {
  readonly group: string
  readonly subscription: number
  readonly fromCommit: string
  readonly toCommit: string // exclusive
  readonly eventId: EventKey | null // just this one; null = all that match
  readonly missingOnly: boolean
  readonly scopes?: readonly string[] // keys of its events'; absent = every scope
}

export interface PutReplay {
  readonly kind: "put-replay"
  readonly token: string // made by whoever asks; the same again is the same replay
  readonly request: ReplayRequest
}

/** The next parts of a replay and how far it has come, or its end, under the lease of its job. */
export interface AdvanceReplay {
  readonly kind: "advance-replay"
  readonly no: number
  readonly worker: number
  readonly epoch: number
  readonly cursor: string // the first commit not yet looked at
  readonly made: number
  readonly done: boolean
  readonly parts: readonly NewPart[]
  readonly jobs: readonly ContinuedJob[]
  readonly keys: readonly (string | null)[] // lines of the jobs
}

export interface RedriveJobs {
  readonly kind: "redrive"
  readonly nos: readonly number[]
  readonly retrying?: boolean // also what waits for its next attempt: that is made now, and is the next all the same
}

export interface CancelJobs {
  readonly kind: "cancel"
  readonly nos: readonly number[]
  readonly reason: string
}

export type ChangeResult =
  | {
      readonly status: "ok"
      readonly append?: AppendResult
      readonly jobs?: readonly LeasedRow[]
      readonly count?: number
      readonly run?: StartedRun // of a start
      readonly signals?: number // of a run's checkpoint
      readonly parked?: boolean
      readonly open?: boolean // of a run's end: its job stays, since something is staged under its event group
      readonly erased?: ErasedRows
      readonly fresh?: readonly number[] // of staged events: those that were not staged or written before
    }
  | { readonly status: "fenced" | "stale" }
  | { readonly status: "conflict"; readonly message: string }

export interface LeasedRow {
  readonly no: number
  readonly epoch: number
}

export interface AppendResult {
  readonly batches: readonly LeasedRow[] // in the order of the change's batches
  readonly jobs: readonly LeasedRow[] // of the change's leased jobs, in their order; number 0 = not written
  readonly rejected: readonly RejectedEmit[]
  readonly existing: readonly ExistingEvent[]
  readonly missing: readonly number[] // indexes of a release's events that were no longer staged
}

export interface RejectedEmit {
  readonly emit: number
  readonly code: "conflict" | "value"
  readonly message: string
}

/** An emit repeated with the same id and content: the event is there already. */
export interface ExistingEvent {
  readonly index: number
  readonly key: EventKey
}
