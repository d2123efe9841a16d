import type { EventKey } from "../core/ids.ts"

/**
 * Takes what people wrote out of events, out of the deliveries of those events, and out of runs; ids, names, times,
 * causes and outcomes stay. Asked again it changes nothing more.
 *
 * What is open is left as it is and answered: a run that has not ended, and an event with a delivery that runs or
 * waits. With `cancels` a delivery that waits is cancelled instead, and nobody begins it any more.
 */
export interface Erase {
  readonly kind: "erase"
  readonly events: readonly ErasedEvent[]
  readonly staged: readonly StagedKey[] // they go: nobody was told of them
  readonly runs: readonly number[] // their numbers
  readonly cancels: boolean
}

export interface ErasedEvent extends EventKey {
  readonly extra: string // what its rarer fields say from then on
  readonly sender: string | null
}

export interface StagedKey extends EventKey {
  readonly eventGroupId: string
}

/** What an erasure changed, and what it left. */
export interface ErasedRows {
  readonly events: number
  readonly staged: number
  readonly deliveries: number // with a row of their own
  readonly cancelled: number // of those: they waited
  readonly runs: number
  readonly steps: number
  readonly openEvents: readonly EventKey[]
  readonly openRuns: readonly number[]
}
