import type { EventRow } from "../core/event.ts"
import type { EventKey } from "../core/ids.ts"
import type { AttemptRecord, JobState } from "../core/job.ts"
import type { Catalog } from "../core/subscription.ts"
import type { RunQueries } from "./runs.ts"

/** What routing, screens and the command line read. Never writes, never leases; lists go by cursor. */
export interface QueriesPort extends RunQueries {
  catalog(): Promise<Catalog>
  event(key: EventKey): Promise<EventRow | null>
  /** Where the event with an id given by a caller is kept; of these scopes only, where they are named. */
  findEvent(id: string, scopes?: readonly string[]): Promise<EventKey | null>
  events(query: EventQuery): Promise<Page<EventRow>>
  /** The events of a range of commits, oldest first, in whole commits, for replays. */
  scan(query: ScanQuery): Promise<ScanResult>
  /** Everything that the store knows about the deliveries of one event. */
  traceOf(key: EventKey): Promise<TraceRows>
  /** Which commits there are in a range, oldest first: cheap, so that a tail can look back now and then. */
  commits(query: CommitQuery): Promise<readonly string[]>
  jobs(query: JobQuery): Promise<Page<ListedJob>>
  job(id: string): Promise<JobRow | null>
  /** Batches and parts that are not closed, newest first: what waits or runs without a job of its own. */
  openWork(query: OpenWorkQuery): Promise<Page<OpenWorkRow>>
  names(): Promise<readonly NameRow[]>
  /** Which scopes there are: those of all runs and of the newest deliveries, and a look at events, newest first. */
  scopes(cursor?: string): Promise<ScopeLook>
  workers(): Promise<readonly WorkerRow[]>
  lag(): Promise<readonly LagRow[]>
  /** In the order of their emits: the first of them, or all. */
  staged(eventGroupId: string, limit?: number): Promise<readonly EventRow[]>
  /** The event that is staged under an id, in an event group: what is in the outbox is on its way. */
  findStaged(id: string, scopes?: readonly string[]): Promise<StagedRow | null>
  /** What somebody has to release: the outbox of transactions is none of them. */
  stagedGroups(): Promise<readonly StagedGroupRow[]>
  /** How much is older than these moments: the most that a prune could delete. */
  countBefore(query: { readonly events: number; readonly dead: number }): Promise<OldRows>
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | null // null = the last page
}

export interface EventQuery {
  readonly name?: string // exact
  readonly scopes?: readonly string[] // keys; absent = every scope
  readonly from?: number // epoch ms, inclusive
  readonly to?: number // exclusive
  readonly cursor?: string
  readonly limit: number
}

export interface ScanQuery {
  readonly names: readonly string[] | null // exact names; null = all
  readonly fromCommit: string
  readonly toCommit: string // exclusive
  readonly limit: number // events, rounded up to a whole commit
}

export interface ScanResult {
  readonly events: readonly EventRow[]
  readonly versions: Readonly<Record<string, number>> // commit → catalog version that routed it
  readonly cursor: string | null // the next commit to look at; null = the range is done
}

export interface CommitQuery {
  readonly from: string // inclusive
  readonly to: string // exclusive
  readonly limit: number
}

export interface TraceRows {
  readonly catalogVersion: number | null // null = no such commit
  readonly batches: readonly BatchRow[]
  readonly parts: readonly PartRow[]
  readonly jobs: readonly JobRow[]
}

export interface BatchRow {
  readonly no: number
  readonly group: string
  readonly priority: number
  readonly state: "open" | "leased" | "closed"
  readonly worker: number | null
  readonly takes: number
  readonly createdAt: number
  readonly closedAt: number | null
  readonly outcome: Readonly<Record<number, readonly [number, number, number]>> | null
}

export interface PartRow {
  readonly no: number
  readonly group: string
  readonly subscription: number
  readonly replay: number
  readonly priority: number
  readonly state: "open" | "leased" | "closed"
  readonly reason: string
  readonly worker: number | null
  readonly takes: number
  readonly createdAt: number
  readonly closedAt: number | null
}

export interface JobRow {
  readonly no: number
  readonly id: string
  readonly kind: string
  readonly group: string
  readonly subscription: number
  readonly commitId: string | null
  readonly index: number
  readonly replay: number
  readonly scope: string
  readonly key: string | null
  readonly priority: number
  readonly state: JobState
  readonly reason: string
  readonly dueAt: number
  readonly attempt: number
  readonly crashes: number
  readonly isolated: boolean
  readonly worker: number | null // while it is leased
  readonly createdAt: number
  readonly updatedAt: number
  readonly error: string | null
  readonly history: readonly AttemptRecord[]
  readonly data: string | null
}

/** A job in a list, with the name of its event, and the id that its caller gave it. */
export interface ListedJob extends JobRow {
  readonly eventName: string | null // null = its event is gone, or it has none
  readonly eventId: string | null // null = as for the name, or nobody gave it one
}

export interface JobQuery {
  readonly state?: JobState
  readonly kind?: string
  readonly name?: string // of its event
  readonly subscriptions?: readonly number[]
  readonly scopes?: readonly string[] // keys; absent = every scope
  readonly from?: number // created at, epoch ms
  readonly to?: number
  readonly cursor?: string
  readonly limit: number
}

export interface OpenWorkQuery {
  readonly state: "open" | "leased"
  readonly source: "batch" | "part"
  readonly subscriptions?: readonly number[] // of parts
  readonly cursor?: string
  readonly limit: number
}

export interface OpenWorkRow {
  readonly source: "batch" | "part"
  readonly no: number
  readonly group: string
  readonly subscription: number | null // null = a batch: derive its deliveries from its commit
  readonly commitId: string // of a part: the first
  readonly refs: readonly EventKey[] // of a part
  readonly priority: number
  readonly replay: number
  readonly reason: string
  readonly worker: number | null
  readonly createdAt: number
}

export interface OldRows {
  readonly events: number
  readonly jobs: number // ended ones, dead letters left out
  readonly dead: number
}

export interface NameRow {
  readonly name: string
  readonly events: number
  readonly complete: boolean // false = only the newest commits of that name are counted
  readonly lastCommit: string
}

export interface ScopeLook {
  readonly scopes: readonly ScopeRow[]
  readonly cursor: string | null // for a look at older events; null = there are none
}

export interface ScopeRow {
  readonly scope: string // its key
  readonly events: number // of those that this look saw
}

export interface WorkerRow {
  readonly no: number
  readonly group: string
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly startedAt: number
  readonly seenAt: number
  readonly expiresAt: number
  readonly handles: readonly number[]
}

export interface LagRow {
  readonly subscription: number
  readonly waiting: number // deliveries that nobody runs now
  readonly leased: number
  readonly dead: number
  readonly oldestAt: number | null // since when the oldest unfinished delivery could run; may lie ahead
}

export interface StagedRow extends EventRow {
  readonly eventGroupId: string
}

export interface StagedGroupRow {
  readonly eventGroupId: string
  readonly events: number
  readonly oldestAt: number
}
