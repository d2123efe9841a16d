import { InvalidInputError, StoreError, UnsupportedError } from "../core/errors.ts"
import type { DraftEvent } from "../core/event.ts"
import { eventId, MAX_EVENTS_PER_COMMIT } from "../core/ids.ts"
import type { Engine } from "../engine/engine.ts"
import { OUTBOX, type SqlTransaction } from "../engine/transactions.ts"
import { transactionOf } from "../postgres/transaction-of.ts"
import type { Receipt } from "../worker/committer.ts"
import type { Outbox } from "./outbox.ts"

export interface TransactionalOptions {
  readonly engine: Engine
  readonly commitId: () => string
  readonly outbox: Outbox
}

/**
 * Emits inside the application's own transactions: the events are there exactly if these commit.
 *
 * Nothing is read, routed or locked before the commit; an id of the caller's is compared with others only
 * when the event is released.
 */
export class Transactional {
  readonly #options: TransactionalOptions

  constructor(options: TransactionalOptions) {
    this.#options = options
  }

  /** @throws UnsupportedError where the store is not the application's database; InvalidInputError for what is no transaction */
  accept(tx: unknown): SqlTransaction {
    if (this.#options.engine.transactions === null) throw noTransactions()
    return transactionOf(tx)
  }

  /** Writes events of one event group, or those of none, through the transaction. */
  async stage(
    tx: SqlTransaction,
    eventGroupId: string | undefined,
    drafts: readonly DraftEvent[],
  ): Promise<Receipt[]> {
    const { engine, commitId: newCommitId, outbox } = this.#options
    const commitId = newCommitId()
    const events = drafts.map((draft, index) => ({ ...draft, id: draft.id ?? eventId(commitId, index) }))
    const change = { eventGroupId: eventGroupId ?? OUTBOX, commitId, events }
    await engine.transactions?.stage(tx, change).catch(rethrow)
    if (eventGroupId === undefined) {
      tx.onCommit?.(() => outbox.seen(events.map((draft, index) => ({ draft, key: { commitId, index } }))))
    }
    return events.map(({ id }) => ({ id, existing: false }))
  }
}

/** @throws InvalidInputError where ids would not tell so many apart */
export function checkCount(count: number): void {
  if (count <= MAX_EVENTS_PER_COMMIT) return
  throw new InvalidInputError(
    `Expected at most ${MAX_EVENTS_PER_COMMIT} events of one event group, or of none, in one emit, got ${count}. Emit them in several arrays.`,
  )
}

const MISSING = ["42P01", "3F000"] // undefined table, undefined schema

/** The error belongs to the caller's transaction, whose own retries may read its code: it is left as it is. */
function rethrow(error: unknown): never {
  if (!MISSING.includes((error as { code?: string } | null)?.code ?? "")) throw error
  throw new StoreError(
    "Expected `tx` to be a transaction in the database that Carillon uses, got one in which its tables are not to be seen. Open the transaction there, or give both the same database.",
    { cause: error },
  )
}

function noTransactions(): UnsupportedError {
  return new UnsupportedError(
    "Expected an emit without `tx` on SQLite: an event cannot join another connection's transaction in a file. Emit after your transaction has committed, or use a PostgreSQL database.",
  )
}
