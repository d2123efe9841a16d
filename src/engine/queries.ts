import type { EventRow } from "../core/event.ts"
import type { EventKey } from "../core/ids.ts"
import type { AttemptRecord, JobState } from "../core/job.ts"
import type { Catalog } from "../core/subscription.ts"

/** What routing, screens and the command line read. Never writes, never leases; lists go by cursor. */
export interface QueriesPort {
  catalog(): Promise<Catalog>
  event(key: EventKey): Promise<EventRow | null>
  /** Where the event with an id given by a caller is kept. */
  findEvent(id: string): Promise<EventKey | null>
  events(query: EventQuery): Promise<Page<EventRow>>
  /** The events of a range of commits, oldest first, in whole commits, for replays. */
  scan(query: ScanQuery): Promise<ScanResult>
  /** Everything that the store knows about the deliveries of one event. */
  traceOf(key: EventKey): Promise<TraceRows>
  jobs(query: JobQuery): Promise<Page<JobRow>>
  job(id: string): Promise<JobRow | null>
  names(): Promise<readonly NameRow[]>
  workers(): Promise<readonly WorkerRow[]>
  lag(): Promise<readonly LagRow[]>
  staged(eventGroupId: string): Promise<readonly EventRow[]>
  stagedGroups(): Promise<readonly StagedGroupRow[]>
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | null // null = the last page
}

export interface EventQuery {
  readonly name?: string // exact
  readonly scope?: string
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
  readonly worker: number | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly error: string | null
  readonly history: readonly AttemptRecord[]
  readonly data: string | null
}

export interface JobQuery {
  readonly state?: JobState
  readonly kind?: string
  readonly subscriptions?: readonly number[]
  readonly from?: number // created at, epoch ms
  readonly to?: number
  readonly cursor?: string
  readonly limit: number
}

export interface NameRow {
  readonly name: string
  readonly events: number
  readonly lastCommit: string
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
  readonly oldestAt: number | null // when the oldest unfinished delivery was made
}

export interface StagedGroupRow {
  readonly eventGroupId: string
  readonly events: number
  readonly oldestAt: number
}
