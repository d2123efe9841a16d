import type { StoredEvent } from "../core/event.ts"
import type { ChangeResult, SettleJob } from "./commit.ts"

/** Writing inside the application's own transactions, where the store is the application's database. */
export interface TransactionsPort {
  /**
   * Stages events through the caller's transaction: one INSERT that reads nothing, checks nothing and
   * locks nothing others could wait for. They are there when it commits, and gone when it rolls back.
   */
  stage(tx: SqlTransaction, change: TransactionalStage): Promise<void>
  /**
   * Begins a transaction in which a handler may write, and its delivery may be settled. It waits for a
   * connection, and stays open without a word from us, for `longestMs` at most: what a frozen process
   * holds must not be held for ever.
   */
  begin(longestMs: number): Promise<HandlerTransaction>
}

/** A transaction of the caller's: a `pg` client, or anything that can send a query the same way. */
export interface SqlTransaction {
  query(sql: string, values: readonly unknown[]): Promise<unknown>
  /** Calls back once the transaction has committed, where that can be seen. */
  onCommit?(callback: () => void): void
}

export interface TransactionalStage {
  readonly eventGroupId: string // OUTBOX = to be released as soon as it can be seen
  readonly commitId: string
  readonly events: readonly StoredEvent[]
}

/** The event group of what was emitted in a transaction: whoever sees it releases it. */
export const OUTBOX = ""

export interface HandlerTransaction {
  query(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
  /** The driver's own client, for libraries that want one. */
  readonly client: unknown
  /** Settles and commits; where it is fenced, everything is rolled back. */
  settle(change: SettleJob): Promise<ChangeResult>
  /** Ends it whatever still runs in it; where it has ended already, nothing happens. Never rejects. */
  rollback(): Promise<void>
}
