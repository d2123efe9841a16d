import type { Settings } from "./contender.ts"
import type { PayloadName } from "./payloads.ts"

export type ContenderName = "raw" | "loop" | "carillon" | "bullmq" | "medusa-local" | "medusa-redis"

/** One line of the table: what is measured, of whom, with how much. Plain data, handed to a child process. */
export interface Measurement {
  readonly name: string
  readonly title: string
  readonly contender: ContenderName
  /**
   * `throughput`: all events as fast as they go; `latency`: a hundred a second; `memory`: throughput in rounds with a
   * garbage collection after each; `insert`, `insert-json` and `commit`: the raw limits of the disk.
   */
  readonly work: "throughput" | "latency" | "memory" | "insert" | "insert-json" | "commit"
  readonly payload: PayloadName
  readonly events: number
  readonly subscribers: number
  readonly producers: number | "unbounded"
  readonly perEmit: number
  readonly handlerMs: number
  readonly settings: Settings
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
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number } | null
  readonly lost: number
  readonly duplicates: number
  /** Processor time while the work was done, and of the process's whole life. */
  readonly cpuMs: number
  readonly processCpuMs: number
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly loopBusy: number
  readonly peakRssMb: number
  /** After each round of a memory measurement, garbage collected. */
  readonly rounds: readonly { readonly heapMb: number; readonly rssMb: number; readonly perSecond: number }[]
}

export const LATENCY_PER_SECOND = 100
