import type { RunContext, RunState, StepOutcome, StepPhase, StepRecord } from "../core/run.ts"
import type { Page } from "./queries.ts"

// Changes: they stand in the same commits as all others.

/**
 * Writes a run and the job that leases it, unless there is one already that `join` asks for.
 *
 * The job has the kind `run`, the run's id, the workflow's subscription number, and no event: it is
 * leased, handed back, buried and claimed like any other.
 */
export interface StartRun {
  readonly kind: "start-run"
  readonly run: NewRun
  readonly worker: number | null // born leased to it (epoch 1); null = waiting, to be claimed
  /**
   * Which earlier run of the same group, workflow, scope and transaction id is given back instead: one that has
   * not ended, also one that is done, or any. The newest counts. At most one such run can be live.
   */
  readonly join: "live" | "done" | "any"
}

export interface NewRun {
  readonly id: string // run_…; the same again is the same start
  readonly group: string
  readonly subscription: number // of the workflow, with its hash
  readonly workflow: string
  readonly hash: string
  readonly scope: string // its key; "" = the default scope
  readonly transactionId: string
  readonly parent: { readonly run: string; readonly step: string } | null // null = nobody waits for its end
  readonly input: string | null
  readonly context: RunContext
  readonly priority: number
  readonly dueAt: number
}

export interface StartedRun {
  readonly id: string // of the run that stands, new or old
  readonly no: number // the run's number
  readonly job: number // its job's; 0 = it has none: it has ended
  readonly epoch: number
  readonly state: RunState
  readonly isNew: boolean
}

/** Who writes of a run holds its job: anybody else is fenced. */
export interface RunLease {
  readonly run: number
  readonly job: number
  readonly worker: number
  readonly epoch: number
}

/**
 * Records attempts, and may end this worker's hold on the run.
 *
 * A record replaces one of the same step, phase and attempt while that one waits or may be tried again; one that
 * is over stays as it is, so that a change which is sent twice takes back no signal. The answer carries `signals`,
 * how often others have written of the run so far.
 */
export interface Checkpoint {
  readonly kind: "checkpoint"
  readonly lease: RunLease
  readonly records: readonly StepRecord[]
  readonly state: RunState | null // null = as it was
  /** Not while signals came that this worker has not seen: then the records are written and it keeps the lease. */
  readonly park: Park | null
}

/** `attempt` of the run's job then is the epoch of the lease that ended so: whoever claims it next knows it by that. */
export interface Park {
  readonly dueAt: number | null // null = until it is woken
  readonly reason: string // why it waits, for those who look
  readonly signals: number // what this worker has seen
}

/**
 * The end of a run, with its last records. Its parent, if it has one, is woken.
 *
 * One that is done but was cancelled since its worker last heard of it is not done: its records are written, it goes
 * on compensating, and its job waits to be claimed (the answer says `parked`).
 */
export interface EndRun {
  readonly kind: "end-run"
  readonly lease: RunLease
  readonly records: readonly StepRecord[]
  readonly state: "done" | "reverted" | "failed"
  readonly result: string | null
  readonly error: string | null // in words, for lists
  readonly keepUntil: number | null // epoch ms; null = as long as the store's history
  /**
   * False = its job stays leased: its events are still to be released or cleared. `unless-staged`: it stays where
   * something is staged under the run's event group, by whatever process, and the answer says `open`.
   */
  readonly close: boolean | "unless-staged"
}

/** The job of a run that has ended goes: nothing is left to do. */
export interface CloseRun {
  readonly kind: "close-run"
  readonly lease: RunLease
}

/** What somebody who does not hold the run wants of it. It counts as a signal and wakes the run. */
export interface SignalRun {
  readonly kind: "signal-run"
  readonly run: string // id
  readonly group?: string // its own, whose workers should hear of it; absent = the writer's
  readonly signal: RunSignal
}

export type RunSignal =
  /** Undo it. A run that is done or failed gets a job again; one that is reverted is a conflict. */
  | { readonly kind: "cancel"; readonly reason: string }
  /** A step that waits is over. A conflict unless its newest attempt waits. */
  | {
      readonly kind: "step"
      readonly step: string
      readonly phase: StepPhase
      readonly outcome: Extract<StepOutcome, "done" | "failed" | "permanent" | "again">
      readonly output: string | null
      readonly undo: string | null
      readonly error: string | null
      readonly dueAt: number | null // of `failed`: the next attempt is not before; null = at once
      /** Of `again`: also a step that failed, and a run that failed for good in compensating, which gets a job again. */
    }
  /** Look again. */
  | { readonly kind: "wake" }

/** A schedule's definition and next tick; the same definition again changes nothing. Its job has the kind `schedule`. */
export interface PutSchedule {
  readonly kind: "put-schedule"
  readonly group: string
  readonly subscription: number // those who know the schedule announce it
  readonly id: string
  readonly definition: string
  readonly dueAt: number
}

/** The next tick of a schedule, or its end, under the lease of its job, which goes back. */
export interface AdvanceSchedule {
  readonly kind: "advance-schedule"
  readonly no: number
  readonly worker: number
  readonly epoch: number
  readonly dueAt: number | null // null = never again: it stays, `delivered`, so that it is not begun anew
  readonly state: string // what it remembers, as JSON
}

/** A small thing of the product's own, by collection and id: a user, a secret. `value` is JSON. */
export interface PutRecord {
  readonly kind: "put-record"
  readonly collection: string
  readonly id: string
  readonly value: string | null // null = gone
  readonly ifAbsent: boolean // a conflict when it is there with another value
  /**
   * What stands there now, for who read and changed it; a conflict when it is gone or another. Not with `value` null.
   * Where `value` stands there already it is no conflict: a commit may be tried again. Two who write the same are as one.
   */
  readonly ifValue?: string
}

/** Records of a collection go whose ids are smaller, the smallest first. The answer's count: how many went. */
export interface PruneRecords {
  readonly kind: "prune-records"
  readonly collection: string
  readonly before: string // an id
  readonly limit: number
}

export type RunChange =
  | StartRun
  | Checkpoint
  | EndRun
  | CloseRun
  | SignalRun
  | PutSchedule
  | AdvanceSchedule
  | PutRecord
  | PruneRecords

// Queries

export interface RunQueries {
  run(id: string): Promise<RunRow | null>
  /** The newest of that transaction id in a scope, of any when null; of any group when null. */
  runOf(
    group: string | null,
    workflow: string,
    transactionId: string,
    scope: string | null,
  ): Promise<RunRow | null>
  /** All its records, in the order in which they were first written. */
  runSteps(run: number): Promise<readonly StepRecord[]>
  /** Newest first. */
  runs(query: RunQuery): Promise<Page<RunRow>>
  /** Of each workflow that has any: how many go on, and what became of others. */
  runCounts(): Promise<readonly RunCounts[]>
  /** Steps of live runs that wait for an event of this name, a page at a time. */
  waits(query: WaitQuery): Promise<Page<WaitRow>>
  schedules(group: string | null): Promise<readonly ScheduleRow[]>
  record(collection: string, id: string): Promise<string | null>
  records(collection: string): Promise<readonly KeptRecord[]>
  /** Those of a collection, the greatest ids first, before an id where one is named. The cursor is the next `before`. */
  recordPage(collection: string, query: RecordPageQuery): Promise<Page<KeptRecord>>
}

export interface KeptRecord {
  readonly id: string
  readonly value: string
}

export interface RecordPageQuery {
  readonly before?: string
  readonly limit: number
}

export interface RunRow {
  readonly no: number
  readonly id: string
  readonly group: string
  readonly subscription: number
  readonly workflow: string
  readonly hash: string
  readonly scope: string // its key
  readonly transactionId: string
  readonly parent: { readonly run: string; readonly step: string } | null
  readonly state: RunState
  readonly input: string | null
  readonly context: RunContext
  readonly result: string | null
  readonly error: string | null
  readonly cancelled: string | null // why it is to be undone; null = it is not
  readonly signals: number
  readonly startedAt: number
  readonly endedAt: number | null
  readonly job: RunJob | null // null = nothing is left to do
}

export interface RunJob {
  readonly no: number
  readonly state: "waiting" | "leased" | "dead"
  readonly reason: string
  readonly dueAt: number
  readonly worker: number | null
  readonly crashes: number
}

export interface RunQuery {
  readonly scopes?: readonly string[] // keys; absent = every scope
  readonly workflow?: string
  readonly state?: RunState
  readonly transactionId?: string
  readonly parent?: string // a run's id
  readonly from?: number // started at, epoch ms
  readonly to?: number
  readonly cursor?: string
  readonly limit: number
}

export interface RunCounts {
  readonly subscription: number
  readonly running: number // under a worker's lease
  readonly waiting: number // for a worker, a time, an event, an answer
  readonly crashed: number // they ended their workers' processes; also some that had ended before
  readonly failed: number // they could not be undone
  readonly failedAt: number | null // when the newest of these failed
  readonly dueAt: number | null // since when the first that waits may go on, or will; null = none of them by itself
}

export interface WaitQuery {
  readonly group: string
  readonly scope?: string // of the run, its key; absent = of any
  readonly event: string
  readonly cursor?: string
  readonly limit: number
}

export interface WaitRow {
  readonly run: string
  readonly step: string
  readonly filter: unknown // null = any event of that name
  readonly startedAt: number // of the run
}

export interface ScheduleRow {
  readonly no: number
  readonly id: string
  readonly group: string
  readonly subscription: number
  readonly definition: string
  readonly state: string | null // null = it has not fired yet
  readonly dueAt: number | null // null = never again
  readonly leased: boolean
  readonly crashed: boolean // its tick ended its workers' processes: it stands still until it is redriven
}
