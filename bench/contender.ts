import type { Place } from "./measurement.ts"
import type { BenchEvent } from "./payloads.ts"

/** Somebody who takes events and calls handlers: Carillon, a peer, or a bare loop. */
export interface Contender {
  start(work: Work): Promise<Running>
}

export interface Work extends Place {
  /** What this process does: emit, handle, or both. */
  readonly role: "all" | "producer" | "worker"
  readonly subscribers: number
  /** What to subscribe to, where subscriptions go by name. */
  readonly pattern: string
  readonly settings: Settings
  handle(subscriber: number, event: BenchEvent): Promise<void>
}

/** Deviations from a contender's defaults; each contender reads those it knows. */
export interface Settings {
  /** Handlers running at once, for each subscriber. */
  readonly concurrency?: number
  readonly fastPath?: boolean
  readonly storeThread?: "worker" | "main"
  /** Deliver the events of one key one after another. */
  readonly ordered?: boolean
  /** Emit inside a transaction of the application's that also writes a row. */
  readonly transactional?: boolean
  /** Wake workers by NOTIFY. */
  readonly notify?: boolean
  /** Fetch and complete jobs in batches. */
  readonly batched?: boolean
}

export interface Running {
  emit(events: BenchEvent | BenchEvent[]): Promise<unknown>
  /** Resolves when nothing is left to do and every outcome is stored where the contender stores outcomes. */
  settled(): Promise<void>
  stop(): Promise<void>
}
