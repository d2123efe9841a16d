import type { SqlTransaction } from "../engine/transactions.ts"
import { EndWatch } from "./end-watch.ts"

/** What is asked of a transaction of Knex. */
export interface KnexTransaction {
  raw(sql: string, bindings: readonly unknown[]): PromiseLike<unknown>
  readonly isTransaction?: boolean
  readonly executionPromise?: Promise<unknown>
  readonly parentTransaction?: KnexTransaction // of a nested one, which is a savepoint
}

/** A transaction of Knex on PostgreSQL; its end is seen. `emit` recognises one by itself. */
export function fromKnex(trx: KnexTransaction): SqlTransaction {
  return {
    query: async (sql, values) => await trx.raw(withQuestionMarks(sql), inOrder(sql, values)),
    onCommit: (callback) => ends.add(outermost(trx), callback),
  }
}

const ends = new EndWatch<KnexTransaction>((trx, ended) => {
  trx.executionPromise?.then(ended, ended)
})

function outermost(trx: KnexTransaction): KnexTransaction {
  return trx.parentTransaction === undefined ? trx : outermost(trx.parentTransaction)
}

const PLACES = /\$(\d+)/g

function withQuestionMarks(sql: string): string {
  return sql.replaceAll("?", "\\?").replace(PLACES, "?")
}

function inOrder(sql: string, values: readonly unknown[]): unknown[] {
  return [...sql.matchAll(PLACES)].map(([, place]) => values[Number(place) - 1])
}
