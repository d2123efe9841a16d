import type { BenchEvent } from "./payloads.ts"

/** Somebody who takes events and calls handlers: Carillon, a peer, or a bare loop. */
export interface Contender {
  start(work: Work): Promise<Running>
}

export interface Work {
  readonly subscribers: number
  /** What to subscribe to, where subscriptions go by name. */
  readonly pattern: string
  /** An empty directory on a real disk, for this measurement alone. */
  readonly directory: string
  readonly settings: Settings
  handle(subscriber: number, event: BenchEvent): Promise<void>
}

/** Deviations from a contender's defaults; each contender reads those it knows. */
export interface Settings {
  /** Handlers running at once, for each subscriber. */
  readonly concurrency?: number
  readonly fastPath?: boolean
  readonly storeThread?: "worker" | "main"
}

export interface Running {
  emit(events: BenchEvent | BenchEvent[]): Promise<unknown>
  /** Resolves when nothing is left to do and every outcome is stored where the contender stores outcomes. */
  settled(): Promise<void>
  stop(): Promise<void>
}
