import type { PoolState } from "../engine/engine.ts"
import type { StoreView } from "./store-look.ts"
import type { Tallies } from "./tally.ts"

/** A subscription with a handler in this process, and what is here of it now. */
export interface HandledSubscription {
  readonly id: string
  readonly ephemeral: boolean
  readonly running: number
  readonly waiting: number
}

/** What a scrape reads: what this process counted, what it holds now, and what the store said. */
export interface MetricsView {
  readonly group: string
  readonly engine: string
  readonly tallies: Tallies
  readonly handled: readonly HandledSubscription[]
  readonly waitingBytes: number // of emits that are not written yet
  readonly pools: readonly PoolState[]
  readonly store: StoreView | null // null = it does not answer
}
