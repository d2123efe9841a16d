import type { startGauges } from "../gauges.ts"
import type { Payload } from "../payloads.ts"

/** Rows of events in a store, written as fast as it takes them. */
export interface RawStore {
  /** A thousand to a transaction; the rows are made beforehand, unless `serialise` is set. */
  insertRows(wanted: RawWork & { readonly serialise: boolean }): Promise<RawDone>
  /** One to a transaction: so many a second, or, with null, one after another. */
  commitRows(wanted: RawWork & { readonly perSecond: number | null }): Promise<RawDone>
}

export interface RawWork {
  readonly payload: Payload
  readonly events: number
  readonly warmUp: number
  readonly database: string
  /** Called when the warm-up is done, right before the clock starts. */
  onWarm(): Promise<ReturnType<typeof startGauges>>
}

export interface RawDone {
  readonly tookMs: number
  readonly commitMs: Float64Array | null
  readonly readGauges: ReturnType<typeof startGauges>
  close(): Promise<void>
}

export const ROWS_PER_TRANSACTION = 1_000

export interface Row {
  readonly id: string
  readonly name: string
  readonly data: string
  readonly at: number
}

const FIRST_INSTANT = 1_800_000_000_000

/** Ids in the order of time, as Carillon makes them: random ones would cost the index more. */
export function rowOf(payload: Payload, seq: number): Row {
  const { name, data } = payload.event(seq)
  return {
    id: `evt_01K${String(seq).padStart(23, "0")}`,
    name,
    data: JSON.stringify(data),
    at: FIRST_INSTANT + seq,
  }
}
