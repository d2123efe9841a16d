import type { SqlTransaction } from "../engine/transactions.ts"
import { EndWatch } from "./end-watch.ts"

/** What is asked of a client of `pg`: `Client`, `PoolClient`, or one that behaves like them. */
export interface PgClient {
  query(text: string, values?: unknown[]): Promise<unknown>
}

/** What tells how a client's transaction stands; not every client and version has it. */
interface Tells {
  getTransactionStatus?(): string | null
  readonly connection?: Connection
}

interface Connection {
  on?(event: "readyForQuery", listener: (message: { readonly status?: string }) => void): unknown
  off?(event: "readyForQuery", listener: (message: { readonly status?: string }) => void): unknown
}

const OVER = "I" // the server's word for a connection without an open transaction

/**
 * The transaction that is open on a client of `pg`. Its end is seen, by the status that the server sends
 * after every query; with pg-native, and other clients that do not pass it on, it is not.
 *
 * `emit` recognises such a client by itself. One that is in no transaction writes the events at once.
 */
export function fromPg(client: PgClient): SqlTransaction {
  const { connection } = client as Tells
  const canWatch = typeof connection?.on === "function" && typeof connection.off === "function"
  return {
    query: (sql, values) => client.query(sql, values as unknown[]),
    onCommit: (callback) => {
      if ((client as Tells).getTransactionStatus?.() === OVER) callback()
      else if (canWatch) ends.add(connection, callback)
    },
  }
}

const ends = new EndWatch<Connection>((connection, ended) => {
  const look = ({ status }: { readonly status?: string }): void => {
    if (status !== OVER) return
    connection.off?.("readyForQuery", look)
    ended()
  }
  connection.on?.("readyForQuery", look)
})
