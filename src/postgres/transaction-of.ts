import { InvalidInputError } from "../core/errors.ts"
import type { SqlTransaction } from "../engine/transactions.ts"
import { fromKnex, type KnexTransaction } from "./knex.ts"
import { fromKysely, type KyselyTransaction } from "./kysely.ts"
import { fromPg, type PgClient } from "./pg.ts"

type Fields = Readonly<Record<string, unknown>>

/**
 * The transaction that a caller handed in, whatever library it comes from.
 *
 * @throws InvalidInputError for what is none: a pool above all, where every query may go elsewhere
 */
export function transactionOf(tx: unknown): SqlTransaction {
  if ((typeof tx !== "object" && typeof tx !== "function") || tx === null) throw notOne(`\`${String(tx)}\``)
  const given = tx as Fields
  if (isFunction(given.executeQuery) && isFunction(given.selectFrom)) return kyselyTransaction(given)
  if (typeof tx === "function" && isFunction(given.raw)) return knexTransaction(given)
  if (isPool(given)) throw notOne("a pool, where each query may go to another connection", "its client")
  if (!isFunction(given.query)) throw notOne(named(given))
  if (isFunction(given.getTransactionStatus) || isFunction((given.connection as Fields | null)?.on))
    return fromPg(tx as PgClient)
  if (given.onCommit === undefined || isFunction(given.onCommit)) return tx as SqlTransaction
  throw new InvalidInputError("Expected `onCommit` of `tx` to be a function, or not to be there.")
}

function kyselyTransaction(given: Fields): SqlTransaction {
  if (given.isTransaction !== true) throw notOne("a Kysely that is in no transaction", "the `trx`")
  return fromKysely(given as unknown as KyselyTransaction)
}

function knexTransaction(given: Fields): SqlTransaction {
  if (given.isTransaction !== true) throw notOne("a Knex that is in no transaction", "the `trx`")
  return fromKnex(given as unknown as KnexTransaction)
}

function isPool(given: Fields): boolean {
  const counts = typeof given.totalCount === "number" && typeof given.idleCount === "number"
  return isFunction(given.connect) && (counts || nameOf(given).endsWith("Pool"))
}

function isFunction(value: unknown): boolean {
  return typeof value === "function"
}

function named(given: Fields): string {
  if (typeof given === "function") return "a function"
  const name = nameOf(given)
  return name === "" || name === "Object" ? "an object without `query`" : `a ${name} without \`query\``
}

function nameOf(given: Fields): string {
  const maker = given.constructor as { readonly name?: unknown } | undefined
  return typeof maker?.name === "string" ? maker.name : ""
}

function notOne(came: string, instead = "the transaction itself"): InvalidInputError {
  return new InvalidInputError(
    `Expected \`tx\` to be an open transaction: a client of pg, a transaction of Kysely or Knex, or any object with \`query(sql, values)\` that sends to one; got ${came}. Hand over ${instead}; for Drizzle and Prisma see their how-to pages.`,
  )
}
