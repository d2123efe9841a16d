import { accessSync, constants, existsSync, statSync } from "node:fs"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { ConfigError, StoreError } from "../core/errors.ts"
import { isBusy } from "../engines/sqlite/database.ts"
import { checkVersion, notOurs, refuseWorkers } from "./at-rest.ts"
import { type FoundData, findData } from "./data-tables.ts"
import { type Fingerprint, fingerprintOf } from "./fingerprint.ts"
import type { Numbered, Row, Table, Value } from "./tables.ts"

/** One slice is one transaction: soon lost, soon done again, and never too large for memory. */
const ROWS_PER_SLICE = 5_000
const LENGTH_PER_SLICE = 4 * 1024 * 1024

/** Somebody may be about to end. */
const PATIENCE_MS = 5_000

/**
 * The file that is copied. It is only read; its write lock is held all the time, so that nobody else
 * writes to it, and all that is read is of one moment.
 */
export class Source {
  readonly path: string
  readonly #db: DatabaseSync
  readonly #guardian: DatabaseSync | null

  /** @throws ConfigError where there is no such file, StoreError where somebody works on it */
  static open(path: string): Source {
    if (!existsSync(path))
      throw new ConfigError(`Expected a database at \`${path}\`, found none. Name the file with --from.`)
    const source = new Source(path)
    try {
      source.#lock()
      const ask = (sql: string): Row[] => source.#all(sql)
      checkVersion(path, ask)
      refuseWorkers(path, ask)
      return source
    } catch (error) {
      source.close()
      throw error
    }
  }

  private constructor(path: string) {
    this.path = path
    checkAccess(path)
    const hasLog = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
    this.#db = new DatabaseSync(path, { timeout: PATIENCE_MS })
    this.#guardian = hasLog ? new DatabaseSync(path, { readOnly: true, timeout: PATIENCE_MS }) : null
  }

  /**
   * The last connection to close would write the log back into the file. One that may only read cannot, so
   * where there was a log, it is left as it was found.
   */
  close(): void {
    this.#db.close()
    this.#guardian?.close()
  }

  /** What modules of the application keep beside the events. */
  findData(): FoundData {
    return findData((sql, ...values) => this.#all(sql, ...values))
  }

  /** The next rows behind the cursor; none at the end. */
  read({ name, key }: Table, cursor: readonly Value[] | null): Row[] {
    const order = key.map((column) => `"${column}"`).join(", ")
    const behind = cursor === null ? "" : `WHERE (${order}) > (${key.map(() => "?").join(", ")})`
    const statement = this.#db.prepare(
      `SELECT * FROM "${name}" ${behind} ORDER BY ${order} LIMIT ${ROWS_PER_SLICE}`,
    )
    const rows: Row[] = []
    let length = 0
    for (const row of statement.iterate(...((cursor ?? []) as SQLInputValue[]))) {
      rows.push(row as Row)
      length += lengthOf(row as Row)
      if (length > LENGTH_PER_SLICE) break
    }
    return rows
  }

  columnsOf({ name }: Table): string[] {
    return this.#all("SELECT name FROM pragma_table_info(?)", name).map((row) => row.name as string)
  }

  count({ name }: Table): number {
    return this.#all(`SELECT count(*) AS n FROM "${name}"`)[0]?.n as number
  }

  /** As many rows as it should have: to count its events would mean to read the whole file. */
  expect(table: Table): number {
    if (table.name !== "events") return this.count(table)
    return this.#all("SELECT coalesce(sum(events), 0) AS n FROM commits")[0]?.n as number
  }

  countByState({ name }: Table): Map<number, number> {
    const rows = this.#all(`SELECT state, count(*) AS n FROM ${name} GROUP BY state`)
    return new Map(rows.map((row) => [row.state as number, row.n as number]))
  }

  /** The highest number that was ever given to a row. */
  lastNumberOf({ name, column }: Numbered): number {
    const [given] = this.#all("SELECT seq FROM sqlite_sequence WHERE name = ?", name)
    if (given !== undefined) return given.seq as number
    return this.#all(`SELECT coalesce(max(${column}), 0) AS no FROM ${name}`)[0]?.no as number
  }

  fingerprint(data: FoundData): Fingerprint {
    return fingerprintOf((sql) => this.#all(sql), data.tables)
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#db.prepare(sql).all(...values) as Row[]
  }

  #lock(): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE")
      this.#guardian?.exec("BEGIN; SELECT count(*) FROM sqlite_schema; COMMIT")
    } catch (error) {
      if (!isBusy(error)) throw notOurs(this.path, error)
      throw new StoreError(
        `Expected \`${this.path}\` to be at rest, but another process has held its write lock for ${PATIENCE_MS / 1_000} s. Stop every process that uses the file, then copy.`,
        { cause: error },
      )
    }
  }
}

function lengthOf(row: Row): number {
  let length = 0
  for (const column in row) {
    const value = row[column]
    length += typeof value === "string" ? value.length : 8
  }
  return length
}

/** SQLite reads a file that it may not write, but then its lock would keep nobody out. */
function checkAccess(path: string): void {
  try {
    accessSync(path, constants.W_OK)
  } catch (cause) {
    throw new StoreError(
      `Expected \`${path}\` to be a file that this user may write to, which keeps its lock from the others; nothing would be written. Copy as the user of the app.`,
      { cause },
    )
  }
}
