import { InvalidInputError, StoppedError, StoreError, UnsupportedError } from "../core/errors.ts"
import type { ChangeResult, SettleJob } from "../engine/commit.ts"
import type { HandlerTransaction, SqlTransaction, TransactionsPort } from "../engine/transactions.ts"
import type { Delivery } from "./delivery.ts"

/**
 * What a handler with `policy: { transactional: true }` writes with: its `tx`.
 *
 * The transaction begins with the first query. When the handler has succeeded, its delivery is settled in
 * it and it commits; when it fails or runs out of time, all is undone.
 */
export interface HandlerTx extends SqlTransaction {
  query<Row = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>
  /**
   * The driver's client, a `PoolClient` of `pg`, for libraries that want one. It is in the transaction
   * already: what commits or rolls back on it breaks the promise.
   */
  client<Client = unknown>(): Promise<Client>
  onCommit(callback: () => void): void
}

/** The transaction of one delivery's handler, from its first query to its end. */
export class DeliveryTransaction {
  readonly sql: HandlerTx
  readonly #port: TransactionsPort
  readonly #longestMs: number
  readonly #onCommit: (() => void)[] = []
  #begun: Promise<HandlerTransaction> | null = null
  #last: Promise<void> = Promise.resolve() // the end of what was asked last
  #state: "open" | "closed" | "undone" = "open"

  constructor(port: TransactionsPort, longestMs: number) {
    this.#port = port
    this.#longestMs = longestMs
    this.sql = {
      query: async (sql, values) => {
        refuseControl(sql)
        return (await this.#inTurn((transaction) => transaction.query(sql, values))) as never
      },
      client: async () => (await this.#inTurn(async ({ client }) => this.#lent(client))) as never,
      onCommit: (callback) => void this.#onCommit.push(callback),
    }
  }

  get isBegun(): boolean {
    return this.#begun !== null
  }

  /** Takes no more queries, and resolves when those it took have ended. */
  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closed"
    await this.#last
  }

  /** Writes the delivery's end into it and commits. Where that fails nothing of it is known to stay. */
  async settle(change: SettleJob): Promise<ChangeResult> {
    const transaction = (await this.#begun) as HandlerTransaction
    try {
      const result = await transaction.settle(change)
      if (result.status === "ok") for (const callback of this.#onCommit) callback()
      return result
    } catch (error) {
      await transaction.rollback()
      throw notCommitted(error as Error)
    }
  }

  /** Undoes everything and takes no more queries, whatever still runs. */
  async rollback(): Promise<void> {
    this.#state = "undone"
    await this.#begun?.then((transaction) => transaction.rollback())
  }

  /** One query at a time; one that was asked for before the handler ended is still sent. */
  #inTurn<T>(work: (transaction: HandlerTransaction) => Promise<T>): Promise<T> {
    if (this.#state !== "open") return Promise.reject(ended())
    const done = this.#last.then(async () => {
      if (this.#state === "undone") throw ended()
      const transaction = await this.#begin()
      if (this.#isUndone()) throw ended()
      return work(transaction)
    })
    this.#last = done.then(ignore, ignore)
    return done
  }

  /** What could not be begun is begun by the next query. */
  #begin(): Promise<HandlerTransaction> {
    this.#begun ??= this.#port.begin(this.#longestMs).catch((error) => {
      this.#begun = null
      throw error
    })
    return this.#begun
  }

  #isUndone(): boolean {
    return this.#state === "undone"
  }

  /** Libraries hand a client back when they are done with it; this one is not theirs to hand back, nor to keep. */
  #lent(client: unknown): unknown {
    return new Proxy(client as object, {
      get: (target, name) => {
        if (name === "release") return ignore
        if (name === "query" && this.#state !== "open") throw ended()
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === "function" ? value.bind(target) : value
      },
    })
  }
}

/** @throws UnsupportedError where a delivery cannot be settled in a transaction of its handler */
export function transactionFor(delivery: Delivery, port: TransactionsPort | null): DeliveryTransaction {
  const { id, policy } = delivery.handler
  if (port === null) {
    throw new UnsupportedError(
      "Expected `tx` to be used on PostgreSQL, got SQLite, which is not the application's database. Make the handler idempotent with `deliveryId`, or use a PostgreSQL database.",
    )
  }
  if (policy.transactional) return new DeliveryTransaction(port, delivery.deadline - delivery.startedAt)
  throw new UnsupportedError(
    `Expected \`tx\` to be used by a subscription with \`policy: { transactional: true }\`, got \`${id}\` without it. Set it where the handler is subscribed.`,
  )
}

/**
 * Ends the transaction of a handler that has ended: commits it with the delivery, or undoes it. Resolves
 * to the error that the attempt ends with; undefined = none.
 */
export async function endTransaction(
  delivery: Delivery,
  transaction: DeliveryTransaction,
  error: unknown,
  ms: number,
): Promise<unknown> {
  if (error === undefined) await transaction.close()
  if (!transaction.isBegun) return error
  const { home, timedOut } = delivery
  delivery.state = "settling"
  try {
    if (error === undefined && !timedOut && home.settleWithin !== undefined)
      await home.settleWithin(transaction, delivery, ms)
    else await transaction.rollback()
    return error
  } catch (failure) {
    return error ?? failure
  }
}

const CONTROL =
  /^\s*(begin|start\s+transaction|commit|end|abort|rollback|prepare\s+transaction)\b(?!\s+(work\s+|transaction\s+)?to\b)/i

function refuseControl(sql: unknown): void {
  if (typeof sql !== "string") throw new InvalidInputError("Expected a query of `tx` to be SQL as a string.")
  const word = CONTROL.exec(sql)?.[1]
  if (word === undefined) return
  throw new InvalidInputError(
    `Expected queries of \`tx\` to leave its transaction open, got \`${word.toUpperCase()}\`: it commits by itself when the handler succeeds, and rolls back when it throws. Use savepoints inside it.`,
  )
}

const ABORTED = "25P02"

function notCommitted(cause: Error): StoreError {
  const why = isAborted(cause)
    ? "a query in it had failed, and the handler went on. Let the error out, or put what may fail into a savepoint"
    : `${cause.message}. It is tried again, unless it turns out to be committed`
  return new StoreError(`The handler's transaction could not be committed: ${why}.`, { cause })
}

function isAborted(error: unknown): boolean {
  for (let each = error as Error | undefined; each instanceof Error; each = each.cause as Error)
    if ((each as { readonly code?: string }).code === ABORTED) return true
  return false
}

function ended(): StoppedError {
  return new StoppedError(
    "Expected `tx` to be used while its handler runs, got a query after it had ended or run out of time. Await every query.",
  )
}

function ignore(): void {
  // Whoever asked for it was told.
}
