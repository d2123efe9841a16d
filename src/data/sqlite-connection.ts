import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import type { CompiledQuery } from "kysely"
import { StoppedError } from "../core/errors.ts"
import type { Answer, Work } from "./data-store.ts"
import { matcherOf } from "./like.ts"

/** How long opening waits for other processes that open the same file. */
export const OPENING_PATIENCE_MS = 5_000

/** Texts of statements come from filters, so there are many, but not without end. */
const MOST_STATEMENTS = 500

const LIKES = [
  ["like_exactly", false],
  ["like_loosely", true],
] as const

/** One connection to a file, or to a database in memory; a busy one throws, and is tried again by who calls. */
export class SqliteConnection {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: OPENING_PATIENCE_MS })
    try {
      this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0")
    } catch (error) {
      this.#db.close()
      throw error
    }
    for (const [name, ignoreCase] of LIKES)
      this.#db.function(name, { deterministic: true }, (value, pattern) =>
        value === null ? null : Number(matcherOf(String(pattern), ignoreCase).test(String(value))),
      )
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction
  }

  transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    if (!this.#db.isOpen)
      throw new StoppedError("The modules were closed, and their data is asked for no more.")
    this.#db.exec(begin)
    try {
      const result = work()
      this.#db.exec("COMMIT")
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK")
      throw error
    }
  }

  /** For tables that are dropped to be made again: what refers to their rows must not go with them. */
  withoutForeignKeys<T>(work: () => T): T {
    this.#db.exec("PRAGMA foreign_keys = OFF")
    try {
      return work()
    } finally {
      this.#db.exec("PRAGMA foreign_keys = ON")
    }
  }

  /** Runs some of a transaction so that its failure leaves the rest alone. */
  savepoint<T>(work: () => T): T {
    this.#db.exec("SAVEPOINT part")
    try {
      const result = work()
      this.#db.exec("RELEASE part")
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK TO part; RELEASE part")
      throw error
    }
  }

  run<T>(work: Work<T>): T {
    let step = work.next()
    while (!step.done) step = work.next(this.#ask(step.value))
    return step.value
  }

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }

  #ask({ sql, parameters }: CompiledQuery): Answer {
    const statement = this.#prepare(sql)
    const values = parameters.map(
      (each) => (typeof each === "boolean" ? Number(each) : each) as SQLInputValue,
    )
    if (statement.columns().length === 0) return { rows: [], count: Number(statement.run(...values).changes) }
    const rows = statement.all(...values)
    return { rows, count: rows.length }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear()
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
