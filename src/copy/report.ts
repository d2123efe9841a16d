import type { LeftOut } from "./data-tables.ts"

/** What was copied, and what of it is still to be done. */
export interface CopyReport {
  readonly from: string
  readonly to: string // without its password
  readonly schema: string
  /** When an earlier call ended this copy; then there was nothing to do, and nothing is counted again. */
  readonly endedAt: Date | null
  /** An earlier call had begun it. */
  readonly resumed: boolean
  /** Rows by table: counted in both, and equal. */
  readonly tables: Readonly<Record<string, number>>
  /** Batches, parts and jobs by state, in the file and in PostgreSQL. */
  readonly states: readonly StateCount[]
  /** Rows that dead workers of the file still held: they wait now, and nobody's crash is counted. */
  readonly handedBack: number
  /** Tables and indexes that were made by hand among those of modules, and are not in the copy. */
  readonly leftOut: readonly LeftOut[]
  /** Subscriptions that lived only as long as a worker of the file, and ended with it. */
  readonly ended: readonly EndedSubscription[]
  /** Rows with texts that PostgreSQL cannot hold as they were; `onReplaced` was told of each. */
  readonly replaced: number
}

export interface StateCount {
  readonly table: string // batches, parts, jobs
  readonly state: string
  readonly file: number
  readonly postgres: number
}

/** A subscription that was to live only as long as its worker. */
export interface EndedSubscription {
  readonly id: string
  readonly group: string
  readonly cancelled: number // deliveries that waited for it
}

/** How far one table has come. */
export interface CopyProgress {
  readonly table: string
  readonly rows: number
  readonly total: number
  readonly rowsPerSecond: number // of this table, in this call
}

/** A row with a zero byte in a text, which PostgreSQL cannot hold: U+FFFD stands in its place. */
export interface ReplacedText {
  readonly table: string
  readonly row: string // the id of an event or a delivery, or what else people know it by
  readonly columns: readonly string[]
}
