import type { CommitPort } from "./commit.ts"
import type { LeasesPort } from "./leases.ts"
import type { MaintenancePort } from "./maintenance.ts"
import type { QueriesPort } from "./queries.ts"
import type { TransactionsPort } from "./transactions.ts"
import type { WakeupPort } from "./wakeup.ts"

/** A store that remembers: five small ports and what it can do. */
export interface Engine {
  readonly capabilities: Capabilities
  readonly commit: CommitPort["commit"]
  readonly leases: LeasesPort
  readonly queries: QueriesPort
  readonly wakeup: WakeupPort
  readonly maintenance: MaintenancePort
  readonly transactions: TransactionsPort | null // null = it is not the application's database
  /** How its connections do, without asking anybody; absent = it has none. */
  readonly pools?: () => readonly PoolState[]
  close(): Promise<void>
}

/** The connections of this process for one kind of call. */
export interface PoolState {
  readonly lane: string
  readonly total: number
  readonly idle: number
  readonly waiting: number // calls that wait for a connection
}

export interface Capabilities {
  readonly name: string
  readonly durable: boolean // false = an acknowledged emit does not outlive the process
  readonly manyProcesses: boolean
  readonly transactionalEmit: boolean
}
