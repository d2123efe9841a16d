import { StoreError } from "../core/errors.ts"
import { reach } from "../engine/faults.ts"
import { closeForCopy, closeTableForCopy, openAfterCopy, writeAsCopy } from "../engines/postgres/copying.ts"
import { Database, loadDriver, type TransactionSession } from "../engines/postgres/database.ts"
import { toStoreError } from "../engines/postgres/failures.ts"
import { learnTime, migrate } from "../engines/postgres/maintenance.ts"
import { MIGRATIONS } from "../engines/postgres/migrations.ts"
import { ServerTime } from "../engines/postgres/time.ts"
import type { ResolvedPostgres } from "../options.ts"
import { Book, type TableState } from "./book.ts"
import { type DataTable, makingOf } from "./data-tables.ts"
import { digestOf, type Fingerprint } from "./fingerprint.ts"
import type { EndedSubscription } from "./report.ts"
import { type Numbered, type Row, TABLES, type Table } from "./tables.ts"
import { Writer } from "./writer.ts"

/** What a copy finds in its target: nothing, some of itself, or all of itself. */
export type Found = "nothing" | "some" | { readonly endedAt: Date }

/** Thousands of rows with their indexes take their time on a slow disk. */
const LEAST_ANSWER_TIMEOUT_MS = 60_000

/** The database that is copied into. */
export class Target {
  readonly #db: Database
  readonly #time = new ServerTime(null)
  readonly #book: Book

  static async open(options: ResolvedPostgres): Promise<Target> {
    const target = new Target(await loadDriver(), options)
    try {
      await learnTime(target.#db, target.#time)
      return target
    } catch (error) {
      await target.close()
      throw error
    }
  }

  private constructor(pg: typeof import("pg"), options: ResolvedPostgres) {
    const answerTimeoutMs = Math.max(options.answerTimeoutMs, LEAST_ANSWER_TIMEOUT_MS)
    this.#db = new Database(pg, { ...options, answerTimeoutMs, applicationName: "carillon copy" })
    this.#book = new Book(this.#db)
  }

  close(): Promise<void> {
    return this.#db.close()
  }

  now(): number {
    return this.#time.now()
  }

  /**
   * Closes an empty store for this copy, or finds where it stopped.
   *
   * @throws StoreError when the store holds anything else; it stays as it is
   */
  async begin(path: string, fingerprint: Fingerprint, data: readonly DataTable[]): Promise<Found> {
    const [row] = await this.#all(LOOK)
    if (row?.begun === true) return this.#goOn(fingerprint)
    if (row?.made === true) {
      const [end] = await this.#all("SELECT value FROM store.meta WHERE name = $1", endName(fingerprint))
      if (end !== undefined) return { endedAt: new Date(Number(end.value)) }
      await this.#refuseContent((sql) => this.#all(sql))
    }
    await migrate(this.#db, this.#time)
    await this.#db.transaction("commits", async (session) => {
      await closeForCopy(session, this.#db)
      await this.#refuseContent(async (sql) => (await session.query(this.#db.text(sql))).rows)
      for (const table of data) await this.#make(session, table)
      await this.#book.open(session, path, fingerprint)
    })
    return "nothing"
  }

  /** Modules open the database by connections of their own: theirs are closed to them as well. */
  async #make(session: TransactionSession, table: DataTable): Promise<void> {
    for (const statement of makingOf(table)) await session.query(this.#db.text(statement))
    await closeTableForCopy(session, this.#db, `"${table.name}"`)
  }

  stateOf(table: Table): TableState {
    return this.#book.stateOf(table)
  }

  writerOf(table: Table, columns: readonly string[]): Promise<Writer> {
    return Writer.of(this.#db, table, columns)
  }

  /** Rows, and how far they bring their table, in one transaction. */
  async write(writer: Writer, table: Table, rows: readonly Row[], state: TableState): Promise<void> {
    const written = await this.#db.transaction("commits", async (session) => {
      await writeAsCopy(session)
      // What a power failure takes back is copied again: the end of the copy waits for the disk.
      await session.query("SET LOCAL synchronous_commit = off")
      const inserted = await writer.write(session, rows)
      reach("copy.middle")
      return [inserted, await this.#book.advance(session, table, state)]
    })
    reach("copy.after")
    for (const remember of written) remember()
  }

  async count({ name }: Table): Promise<number> {
    const [row] = await this.#all(`SELECT count(*) AS n FROM store."${name}"`)
    return Number(row?.n)
  }

  async countByState({ name }: Table): Promise<Map<number, number>> {
    const rows = await this.#all(`SELECT state, count(*) AS n FROM store.${name} GROUP BY state`)
    return new Map(rows.map((row) => [row.state as number, Number(row.n)]))
  }

  /** Opens the store to everybody. Numbers go on behind the last, and what lived with its worker has ended. */
  async finish(
    fingerprint: Fingerprint,
    lastNumbers: ReadonlyMap<Numbered, number>,
    tables: readonly Table[],
  ): Promise<EndedSubscription[]> {
    // A planner that takes a full store for an empty one would read all of it.
    for (const { name } of tables) await this.#all(`ANALYZE store."${name}"`)
    const ended = await this.#db.transaction("transactions", async (session) => {
      await writeAsCopy(session)
      const ended = await this.#endEphemeral(session)
      for (const [table, no] of lastNumbers) await this.#goOnBehind(session, table, no)
      const values = [endName(fingerprint), this.now()]
      await session.query(this.#db.text("INSERT INTO store.meta (name, value) VALUES ($1, $2)"), values)
      await openAfterCopy(session, this.#db)
      reach("copy.ending")
      return ended
    })
    reach("copy.ended")
    return ended
  }

  async #goOn(fingerprint: Fingerprint): Promise<Found> {
    const [version] = await this.#all("SELECT max(number) AS number FROM store.migrations")
    if (version?.number !== MIGRATIONS.length)
      throw new StoreError(
        `Expected to go on with a copy at migration ${MIGRATIONS.length}, as this version of Carillon is, got one at ${version?.number}. Finish it with the version that began it, or drop the schema ${this.#db.schema} and begin anew.`,
      )
    this.#book.load(await this.#all("SELECT name, state FROM store.copying"), fingerprint)
    return "some"
  }

  async #refuseContent(ask: (sql: string) => Promise<readonly Record<string, unknown>[]>): Promise<void> {
    const full: string[] = []
    const ofModules = (await ask(DATA_TABLES.replace("$schema", this.#db.options.schema))).map(({ name }) =>
      String(name),
    )
    for (const name of [...MUST_BE_EMPTY, ...ofModules])
      if ((await ask(`SELECT 1 FROM store."${name}" LIMIT 1`)).length > 0) full.push(name)
    if (full.length === 0) return
    throw new StoreError(
      `Expected the schema ${this.#db.schema} to be new or empty, got one that holds ${full.join(", ")} already. Nothing was changed. Name another with --schema, or drop it.`,
    )
  }

  async #endEphemeral(session: TransactionSession): Promise<EndedSubscription[]> {
    const { rows } = await session.query(this.#db.text(EPHEMERAL))
    const ended: EndedSubscription[] = []
    for (const { no, id, group_name } of rows) {
      const answer = await session.query(
        this.#db.text("SELECT store.end_subscription($1, $2) AS cancelled"),
        [this.now(), no],
      )
      ended.push({ id, group: group_name, cancelled: answer.rows[0].cancelled })
    }
    return ended
  }

  async #goOnBehind(session: TransactionSession, { name, column }: Numbered, no: number): Promise<void> {
    const sequence = `pg_get_serial_sequence('store.${name}', '${column}')`
    await session.query(this.#db.text(`SELECT setval(${sequence}, $1, $2)`), [Math.max(1, no), no > 0])
  }

  /** Over a connection whose answers are waited for however long they take. */
  async #all(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
    try {
      const { rows } = await this.#db.pool("transactions").query(this.#db.text(sql), values)
      return rows
    } catch (error) {
      throw toStoreError(error)
    }
  }
}

const LOOK =
  "SELECT to_regclass('store.copying') IS NOT NULL AS begun, to_regclass('store.migrations') IS NOT NULL AS made"

const EPHEMERAL = `SELECT s.no, s.id, s.group_name FROM store.subscriptions s
  JOIN store.subscription_versions v ON v.subscription = s.no AND v.to_version IS NULL
  WHERE s.worker IS NOT NULL ORDER BY s.no`

/** Each store begins with some of `meta`. */
const MUST_BE_EMPTY = [...TABLES.map(({ name }) => name).filter((name) => name !== "meta"), "workers"]

const DATA_TABLES = `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = '$schema' AND c.relkind IN ('r', 'p') AND starts_with(c.relname, 'data_') ORDER BY 1`

/** Under this name the store remembers that the copy has ended: the same again finds nothing to do. */
function endName(fingerprint: Fingerprint): string {
  return `copied:${digestOf(fingerprint)}`
}
