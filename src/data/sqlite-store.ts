import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely"
import { StoreError } from "../core/errors.ts"
import { isBusy, storeError } from "../engines/sqlite/database.ts"
import { Patience } from "../engines/sqlite/patience.ts"
import type { DataStore, Tables, Work } from "./data-store.ts"
import { OPENING_PATIENCE_MS, SqliteConnection } from "./sqlite-connection.ts"

/** Writes of one moment share a transaction, and one wait for the disk. */
const MOST_TOGETHER = 100

/** A write that waits for its transaction; runs in it, and then says how to tell who asked. */
type Waiting = (failure: Error | null) => () => void

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
  readonly #connection: SqliteConnection
  readonly #patience = new Patience()
  readonly #waiting: Waiting[] = []
  #writing: Promise<void> | null = null

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
    this.#connection = new SqliteConnection(path)
  }

  read<T>(work: () => Work<T>): Promise<T> {
    return this.#patiently(() => this.#connection.transaction("BEGIN", () => this.#connection.run(work())))
  }

  write<T>(work: () => Work<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push((failure) => {
        if (failure !== null) return () => reject(failure)
        try {
          const result = this.#connection.savepoint(() => this.#connection.run(work()))
          return () => resolve(result)
        } catch (error) {
          if (!this.#connection.isInTransaction) throw error // the disk is full: nobody's write is there
          return () => reject(storeError(error))
        }
      })
      this.#writing ??= this.#writeAll()
    })
  }

  alter<T>(work: () => Work<T>): Promise<T> {
    return this.#patiently(() =>
      this.#connection.withoutForeignKeys(() =>
        this.#connection.transaction("BEGIN IMMEDIATE", () => this.#connection.run(work())),
      ),
    )
  }

  async close(): Promise<void> {
    await this.#writing
    this.#connection.close()
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise(setImmediate) // whoever writes at this moment comes along
      const startedAt = performance.now()
      const together = this.#waiting.splice(0, MOST_TOGETHER)
      for (const tell of await this.#commit(together)) tell()
      const pauseMs = this.#patience.afterWrite(startedAt, performance.now())
      if (pauseMs > 0) await pause(pauseMs)
    }
    this.#writing = null
  }

  async #commit(together: readonly Waiting[]): Promise<readonly (() => void)[]> {
    const commit = () =>
      this.#connection.transaction("BEGIN IMMEDIATE", () => together.map((each) => each(null)))
    try {
      return await this.#patiently(commit, this.#patience)
    } catch (error) {
      return together.map((each) => each(error as Error))
    }
  }

  async #patiently<T>(attempt: () => T, patience = new Patience()): Promise<T> {
    for (;;) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error)) throw storeError(error)
        await pause(patience.afterBusy(performance.now(), Math.random()))
      }
    }
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
