import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import { StoreError } from "../../core/errors.ts"

export type Synchronous = "FULL" | "NORMAL" | "OFF"

export interface DatabaseOptions {
  readonly path: string // ":memory:" or a file
  readonly synchronous: Synchronous
}

/** How long opening waits for other processes that open the same file. */
const OPENING_PATIENCE_MS = 5_000

const STILL = new Int32Array(new SharedArrayBuffer(4)) // nobody ever wakes who waits on it

export type Row = Record<string, string | number | null>

/** One connection with its prepared statements; every write stands in `transaction`. */
export class Database {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #synchronous: Synchronous
  #relaxed = false

  constructor({ path, synchronous }: DatabaseOptions) {
    this.#db = new DatabaseSync(path, { timeout: 0 })
    this.#synchronous = synchronous
    this.#db.exec(`PRAGMA busy_timeout = ${OPENING_PATIENCE_MS}`)
    this.#useWriteAheadLog()
    this.#db.exec(`PRAGMA synchronous = ${synchronous}`)
    this.#db.exec("PRAGMA wal_autocheckpoint = 4000")
    this.#db.exec("PRAGMA cache_size = -65536")
    this.#db.exec("PRAGMA temp_store = MEMORY")
    // On the road nobody waits inside SQLite: its lock is unfair, our retry has jitter and lets others in.
    this.#db.exec("PRAGMA busy_timeout = 0")
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** Runs a statement and says how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.prepare(sql).run(...values).changes)
  }

  /** Runs an INSERT and says the row's number. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.prepare(sql).run(...values).lastInsertRowid)
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.prepare(sql).get(...values) as Row | undefined
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.prepare(sql).all(...values) as Row[]
  }

  exec(sql: string): void {
    this.#db.exec(sql)
  }

  /**
   * Takes the write lock at once, so that no transaction fails half-way for another's.
   *
   * A relaxed one is not forced to disk: a power failure may take it back, a dead process cannot.
   */
  transaction<T>(work: () => T, relaxed = false): T {
    this.#relax(relaxed)
    this.#db.exec("BEGIN IMMEDIATE")
    try {
      const result = work()
      this.#db.exec("COMMIT")
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK")
      throw error
    }
  }

  /** Runs one change inside a transaction so that its failure leaves its neighbours alone. */
  savepoint<T>(work: () => T): T {
    this.#db.exec("SAVEPOINT change")
    try {
      const result = work()
      this.#db.exec("RELEASE change")
      return result
    } catch (error) {
      this.#db.exec("ROLLBACK TO change")
      this.#db.exec("RELEASE change")
      throw error
    }
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  /**
   * Waits for another process that is switching the journal mode, too.
   *
   * Of two that do it at once, SQLite turns one away without waiting, for each would wait for the other.
   */
  #useWriteAheadLog(): void {
    const startedAt = performance.now()
    for (;;) {
      try {
        this.#db.exec("PRAGMA journal_mode = WAL")
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() - startedAt > OPENING_PATIENCE_MS) throw error
        Atomics.wait(STILL, 0, 0, 1 + Math.random() * 4)
      }
    }
  }

  #relax(relaxed: boolean): void {
    if (relaxed === this.#relaxed || this.#synchronous !== "FULL") return
    this.#db.exec(`PRAGMA synchronous = ${relaxed ? "NORMAL" : "FULL"}`)
    this.#relaxed = relaxed
  }
}

/** Somebody else holds the write lock: nothing happened, try again. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number })?.errcode
  return code !== undefined && ((code & 0xff) === 5 || (code & 0xff) === 6)
}

/** The value itself is at fault, so its neighbours can be written without it. */
export function isBadValue(error: unknown): boolean {
  const code = (error as { errcode?: number })?.errcode
  if (code === undefined) return error instanceof TypeError || error instanceof RangeError
  return [18, 19, 20, 25].includes(code & 0xff)
}

export function storeError(error: unknown): Error {
  if (!(error instanceof Error)) return new StoreError(String(error))
  const code = (error as { errcode?: number }).errcode
  return code === undefined ? error : new StoreError(`SQLite: ${error.message} (${code})`, { cause: error })
}
