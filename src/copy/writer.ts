import { createHash } from "node:crypto"
import { StoreError } from "../core/errors.ts"
import { commitTime } from "../core/ids.ts"
import type { Database, HotStatement, TransactionSession } from "../engines/postgres/database.ts"
import { isBadValue, isDuplicate } from "../engines/postgres/failures.ts"
import { arrayOf } from "../engines/postgres/lines.ts"
import { DAY_MS, makeDaysFrom } from "../engines/postgres/partitions.ts"
import type { Row, Table } from "./tables.ts"

interface Column {
  readonly name: string
  readonly type: string // PostgreSQL's
}

/** Puts rows into one table, many to a statement. */
export class Writer {
  readonly #table: Table
  readonly #columns: readonly Column[]
  readonly #insert: HotStatement
  readonly #days = new Set<number>()

  /** The columns are those of the file; PostgreSQL's may be more, and are left to their defaults. */
  static async of(db: Database, table: Table, names: readonly string[]): Promise<Writer> {
    const rows = await db.callOn("commits", COLUMNS, [`${db.schema}."${table.name}"`])
    const types = new Map(rows.map((row) => [row.name as string, row.type as string]))
    const columns = names.map((name) => {
      const type = types.get(name)
      if (type === undefined)
        throw new StoreError(`Expected a column \`${name}\` of \`${table.name}\` in PostgreSQL, found none.`)
      return { name, type }
    })
    return new Writer(table, columns)
  }

  private constructor(table: Table, columns: readonly Column[]) {
    this.#table = table
    this.#columns = columns
    const lists = columns.map(({ type }, i) => `$${i + 1}::${type}[]`)
    this.#insert = {
      name: `carillon_copy_${table.name.length > LONGEST_NAME ? digestOf(table.name) : table.name}`,
      sql: `INSERT INTO store."${table.name}" (${columns.map(({ name }) => `"${name}"`).join(", ")})
        SELECT * FROM unnest(${lists.join(", ")}) ${table.onConflict}`,
    }
  }

  /** Resolves to what is to be called once the transaction has committed. */
  async write(session: TransactionSession, rows: readonly Row[]): Promise<() => void> {
    const days = this.#table.isDated ? this.#missingDays(rows) : []
    for (const day of days) await makeDaysFrom(session, day * DAY_MS, 1)
    const lists = this.#columns.map((column) => listOf(column, rows))
    await session.call(this.#insert, lists).catch((error) => this.#explain(error, rows))
    return () => {
      for (const day of days) this.#days.add(day)
    }
  }

  /** A value that has no place there; anything else is told by the transaction. */
  #explain(error: unknown, rows: readonly Row[]): never {
    if (!isBadValue(error) && !isDuplicate(error)) throw error
    const [first, last] = [rows[0] as Row, rows.at(-1) as Row].map(this.#table.nameOf)
    throw new StoreError(
      `Expected rows of \`${this.#table.name}\` that PostgreSQL can hold, got some that it cannot, from ${first} to ${last}: ${(error as Error).message}. Mend or delete the row in the file, then begin anew.`,
      { cause: error },
    )
  }

  #missingDays(rows: readonly Row[]): number[] {
    const days = new Set<number>()
    for (const { commit_id } of rows) days.add(Math.floor(commitTime(commit_id as string) / DAY_MS))
    return [...days].filter((day) => !this.#days.has(day))
  }
}

const COLUMNS: HotStatement = {
  name: "carillon_copy_columns",
  sql: `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
}

/** Texts, moments and JSON stand in the file as text. */
const NUMBERS: ReadonlySet<string> = new Set(["smallint", "integer", "bigint", "double precision", "boolean"])

/** The server cuts names of statements off at 63 characters, and what is called the same must be the same. */
const LONGEST_NAME = 40

function digestOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, LONGEST_NAME)
}

/** A column as an array; where it holds nothing, it is not sent: unnest fills up with nulls. */
function listOf({ name, type }: Column, rows: readonly Row[]): unknown {
  if (rows.every((row) => row[name] === null)) return null
  if (!NUMBERS.has(type)) return rows.map((row) => row[name])
  const numbers = rows.map((row) => row[name] as number | null)
  if (type === "boolean") return arrayOf(numbers.map((number) => (number === null ? null : number !== 0)))
  return arrayOf(type === "double precision" ? numbers : numbers.map(whole))
}

/** SQLite keeps a fraction where it is given one. */
function whole(value: number | null): number | null {
  return value === null ? null : Math.ceil(value)
}
