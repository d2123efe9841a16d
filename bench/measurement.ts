import type { Settings } from "./contender.ts"
import type { PayloadName } from "./payloads.ts"

/** Where Carillon keeps its events, and so what its peers and the raw limit are measured on. */
export type StoreName = "sqlite" | "postgres"

export type ContenderName =
  | "raw"
  | "loop"
  | "carillon"
  | "bullmq"
  | "bullmq-postgres"
  | "graphile-worker"
  | "pg-boss"
  | "medusa-local"
  | "medusa-redis"
  | "medusa-in-memory"
  | "dbos"
  | "restate"

/**
 * `throughput`: all events as fast as they go; `fleet`: the same with worker processes and a producer of their own;
 * `latency`: a hundred a second; `latency-across`: emitted in one process and handled in another; `memory`: throughput in
 * rounds with a garbage collection after each; `long`: throughput for a time, of which the last third counts; `idle`:
 * nothing to do; `workflow`: workflows of three steps, as fast as they go; `workflow-latency`: twenty a second; `insert`, `insert-json`, `commit` and `commit-in-a-row`: the raw limits of the store.
 */
export type WorkName =
  | "throughput"
  | "fleet"
  | "latency"
  | "latency-across"
  | "memory"
  | "long"
  | "idle"
  | "workflow"
  | "workflow-latency"
  | "insert"
  | "insert-json"
  | "commit"
  | "commit-in-a-row"

/**
 * What weighs on the store meanwhile: open deliveries, past events, or a transaction that sees the database as it was
 * when the work began and so keeps every dead row from being removed.
 */
export type Burden = "open" | "history" | "pinned"

/** One line of the table: what is measured, of whom, with how much. Plain data, handed to a child process. */
export interface Measurement {
  readonly name: string
  readonly title: string
  readonly contender: ContenderName
  readonly work: WorkName
  readonly payload: PayloadName
  readonly events: number
  /** For work that goes on for a time (`long`, `idle`). */
  readonly seconds: number
  readonly subscribers: number
  readonly producers: number | "unbounded"
  readonly perEmit: number
  readonly handlerMs: number
  /** Worker processes beside the producer's; 0 = everything in one process. */
  readonly workers: number
  readonly burden: Burden | null
  /** Takes long, so it is measured in every other round, and not in the warm-up. */
  readonly seldom: boolean
  readonly settings: Settings
  /** The peers that do the same work: the ratio is taken to the best of them in each round. */
  readonly rivals: readonly string[]
}

/** Where a measurement has its data: a directory and a database that are nobody else's. */
export interface Place {
  /** Empty, on a real disk. */
  readonly directory: string
  /** `file:…` or `postgres://…`. */
  readonly database: string
}

export interface Spread {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** What a child process reports. Times in milliseconds. */
export interface Result {
  readonly events: number
  /** Events a second; null for a latency. */
  readonly perSecond: number | null
  /** First emit to last acknowledgement, to the last handled delivery, to everything settled. */
  readonly emittedMs: number | null
  readonly handledMs: number | null
  readonly settledMs: number | null
  /** Emit call to handler entry; for a raw commit, its length. */
  readonly latencyMs: Spread | null
  readonly lost: number
  readonly duplicates: number
  /** Processor time of the processes while the work was done. */
  readonly cpuMs: number
  /** Processor time of everything that took part, over its whole life: processes and database server. */
  readonly lifeCpuMs: number
  readonly loopDelayMs: Spread
  readonly loopBusy: number
  readonly peakRssMb: number
  /** What the database server did; null where there is none. */
  readonly server: ServerCost | null
  /** Of a run of a workflow: from its start to the first step, from step to step, from the last to its result. */
  readonly phases: readonly Phase[]
  /** After each round of a memory measurement (garbage collected) or of a long one. */
  readonly rounds: readonly Round[]
}

export interface Phase {
  readonly name: string
  readonly ms: Spread
}

export interface Round {
  readonly heapMb: number
  readonly rssMb: number
  readonly perSecond: number
}

export interface ServerCost {
  /** Processor time of its processes; null where the server runs on another machine. */
  readonly cpuMs: number | null
  /** Null where it is no PostgreSQL. */
  readonly walBytes: number | null
  /** Transactions that ended, for each event (warm-up included), or a second where nothing is emitted; null as above. */
  readonly commits: number | null
}

export const LATENCY_PER_SECOND = 100
export const WORKFLOWS_PER_SECOND = 20
