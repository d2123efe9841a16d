import { StoreError } from "../core/errors.ts"
import type { Database, TransactionSession } from "../engines/postgres/database.ts"
import { differencesOf, type Fingerprint } from "./fingerprint.ts"
import type { Table, Value } from "./tables.ts"

/** How far the copy of one table has come. */
export interface TableState {
  readonly cursor: readonly Value[] | null // the key of its last row; null = none yet
  readonly rows: number
  readonly replaced: number // rows with texts that could not be held as they were
}

const NONE_YET: TableState = { cursor: null, rows: 0, replaced: 0 }

/** What is copied, whatever its file is called. */
interface SourceState {
  readonly path: string
  readonly fingerprint: Fingerprint
}

/** Beside the names of the tables. */
const SOURCE = "source"

/**
 * The book of a copy. It stands in the target, and each page is written with the rows it speaks of: so a
 * copy goes on behind what is there, whenever and however it was ended.
 */
export class Book {
  readonly #db: Database
  readonly #pages = new Map<string, string>()

  constructor(db: Database) {
    this.#db = db
  }

  async open(session: TransactionSession, path: string, fingerprint: Fingerprint): Promise<void> {
    await this.#write(session, SOURCE, JSON.stringify({ path, fingerprint } satisfies SourceState))
  }

  /** @throws StoreError when the copy that was begun is of another store, or of another state of this one */
  load(rows: readonly Record<string, unknown>[], fingerprint: Fingerprint): void {
    for (const { name, state } of rows) this.#pages.set(name as string, state as string)
    const begun = JSON.parse(this.#pages.get(SOURCE) as string) as SourceState
    const differences = differencesOf(begun.fingerprint, fingerprint)
    if (differences.length === 0) return
    throw new StoreError(
      `Expected to go on with the copy of \`${begun.path}\` as it was, got another store, or one that was written to since (${differences.join("; ")}). Drop the schema ${this.#db.schema} and begin anew.`,
    )
  }

  stateOf({ name }: Table): TableState {
    const page = this.#pages.get(name)
    return page === undefined ? NONE_YET : (JSON.parse(page) as TableState)
  }

  /** Resolves to what is to be called once the transaction has committed. */
  async advance(session: TransactionSession, { name }: Table, state: TableState): Promise<() => void> {
    const page = JSON.stringify(state)
    await this.#write(session, name, page)
    return () => this.#pages.set(name, page)
  }

  /** Where another copy has gone on meanwhile, this one ends. */
  async #write(session: TransactionSession, name: string, page: string): Promise<void> {
    const before = this.#pages.get(name)
    const { rowCount } = await (before === undefined
      ? session.query(this.#db.text(BEGIN), [name, page])
      : session.query(this.#db.text(GO_ON), [name, page, before]))
    if (rowCount === 1) return
    throw new StoreError(
      `Expected to be the only copy into the schema ${this.#db.schema}, but another has gone on with \`${name}\`. Stop one of them.`,
    )
  }
}

const BEGIN = "INSERT INTO store.copying (name, state) VALUES ($1, $2) ON CONFLICT DO NOTHING"
const GO_ON = "UPDATE store.copying SET state = $2 WHERE name = $1 AND state = $3"
