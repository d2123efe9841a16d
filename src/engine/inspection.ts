/** What an engine sees of its store that no list shows: facts alone; what is good or bad of them is said above. */
export interface Inspection {
  readonly product: string // with its version
  readonly bytes: number
  readonly work: WorkFacts
  readonly tables: readonly TableFacts[] // the largest first; empty where counting would take too long
  readonly server: ServerFacts | null // null = the store is a file
  readonly file: FileFacts | null // null = the store is a server's
}

/** What waits or is held, beside the lag of each subscription. */
export interface WorkFacts {
  readonly openBatches: readonly OpenBatches[] // that nobody has taken
  readonly strays: number // rows under the lease of a worker that is not there
  readonly stuck: readonly string[] // ids of deliveries and of runs, the first of them
  readonly outbox: { readonly events: number; readonly oldestAt: number } | null // null = it is empty
  readonly oldestEventAt: number | null
  /** Of the oldest commits the first that no open work and no dead letter speaks of; null = none of them. */
  readonly oldestUnneededAt: number | null
}

export interface OpenBatches {
  readonly group: string
  readonly batches: number
  readonly oldestAt: number
}

export interface TableFacts {
  readonly name: string
  readonly rows: number // an estimate
  readonly bytes: number // with its indexes
  readonly deadRows: number | null // null = the engine has none
  readonly vacuumedAt: number | null // null = never, or never needed
}

export interface ServerFacts {
  readonly schema: string
  readonly role: string
  readonly skewMs: number // how far this machine's clock is ahead of the server's
  readonly isStandby: boolean
  readonly pooler: { readonly said: boolean; readonly seen: boolean }
  readonly hints: HintFacts
  readonly settings: Readonly<Record<string, string>> // as the server names them
  readonly connections: ConnectionFacts
  readonly pins: readonly Pin[] // the oldest first
  readonly unlogged: readonly string[] // tables that a crash of the server would empty
  readonly brokenIndexes: readonly string[]
  readonly unvacuumed: readonly string[] // tables whose autovacuum is switched off
  readonly lackingRights: readonly string[] // such as `INSERT on jobs`
  readonly days: readonly DayFacts[] // oldest first
}

/** What became of a notification that was sent to ourselves. */
export type HintFacts =
  | { readonly kind: "off" } // nobody listens: work is found by looking
  | { readonly kind: "heard"; readonly ms: number }
  | { readonly kind: "failed"; readonly reason: string }

export interface ConnectionFacts {
  readonly most: number // for ordinary roles
  readonly used: number // by everybody
  readonly ours: number // by processes of Carillon, this one included
  readonly perProcess: number // the most that one process like this opens
}

/** What keeps the server from clearing old versions of rows away. */
export interface Pin {
  readonly kind: "transaction" | "prepared transaction" | "replication slot"
  readonly who: string
  readonly since: number | null // epoch ms; null = the server does not say
  readonly transactions: number // begun since then, in the whole server
}

export interface DayFacts {
  readonly day: string // 2026-11-21
  readonly rows: number // an estimate, of events
  readonly bytes: number // of everything that lies in days
}

export interface FileFacts {
  readonly path: string // ":memory:" = none
  readonly fileBytes: number
  readonly walBytes: number
  readonly unusedBytes: number // within the file
  readonly freeBytes: number | null // on its disk; null = unknown
  readonly isOnNetwork: boolean
  readonly journalMode: string
  readonly synchronous: string
  readonly isChecked: boolean // it was read through and is whole; false = it is too large for that
}
