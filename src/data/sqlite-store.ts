import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely"
import { StoppedError, StoreError } from "../core/errors.ts"
import { isBusy, storeError } from "../engines/sqlite/database.ts"
import { Patience } from "../engines/sqlite/patience.ts"
import type { Answer, DataStore, Tables, Work } from "./data-store.ts"
import { matcherOf } from "./like.ts"

/** How long opening waits for other processes that open the same file. */
const OPENING_PATIENCE_MS = 5_000

/** Texts of statements come from filters, so there are many, but not without end. */
const MOST_STATEMENTS = 500

const LIKES = [
  ["like_exactly", false],
  ["like_loosely", true],
] as const

/** A second connection to the file in which the events are; in memory a database of its own. */
export class SqliteStore implements DataStore {
  readonly dialect = "sqlite"
  readonly schema = null
  readonly builder = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #patience = new Patience()
  #turn: Promise<unknown> = Promise.resolve()

  /** Of processes that open a new file at once, SQLite turns all but one away without waiting. */
  static async open(path: string): Promise<SqliteStore> {
    if (path !== ":memory:") makeFolder(dirname(path))
    for (const startedAt = performance.now(); ; ) {
      try {
        return new SqliteStore(path)
      } catch (error) {
        if (!isBusy(error) || performance.now() - startedAt > OPENING_PATIENCE_MS) throw storeError(error)
        await pause(1 + Math.random() * 4)
      }
    }
  }

  private constructor(path: string) {
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

  async read<T>(work: () => Work<T>): Promise<T> {
    return this.#patiently(() => this.#transaction("BEGIN", work))
  }

  /** One after the other: whoever waits for another process's lock keeps its place. */
  write<T>(work: () => Work<T>): Promise<T> {
    const result = this.#turn.then(() => this.#patiently(() => this.#transaction("BEGIN IMMEDIATE", work)))
    this.#turn = result.catch(ignore) // who called hears of it
    return result
  }

  alter<T>(work: () => Work<T>): Promise<T> {
    return this.write(work)
  }

  async close(): Promise<void> {
    await this.#turn
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }

  async #patiently<T>(attempt: () => T): Promise<T> {
    for (;;) {
      try {
        const startedAt = performance.now()
        const result = attempt()
        const pauseMs = this.#patience.afterWrite(startedAt, performance.now())
        if (pauseMs > 0) await pause(pauseMs)
        return result
      } catch (error) {
        if (!isBusy(error)) throw storeError(error)
        this.#patience.sawCompany(performance.now())
        await pause(this.#patience.afterBusy(performance.now(), Math.random()))
      }
    }
  }

  #transaction<T>(begin: string, work: () => Work<T>): T {
    if (!this.#db.isOpen)
      throw new StoppedError("The modules were closed, and their data is asked for no more.")
    this.#db.exec(begin)
    try {
      const program = work()
      let step = program.next()
      while (!step.done) step = program.next(this.#run(step.value))
      this.#db.exec("COMMIT")
      return step.value
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK")
      throw error
    }
  }

  #run({ sql, parameters }: CompiledQuery): Answer {
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

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new StoreError(
      `Expected \`${folder}\` to be a folder that can be made, got: ${(cause as Error).message}. Check the path of the database.`,
      { cause },
    )
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function ignore(): void {}
