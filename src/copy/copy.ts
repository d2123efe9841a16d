import { ConfigError, expected } from "../core/errors.ts"
import { type PostgresOptions, type ResolvedPostgres, resolveOptions } from "../options.ts"
import type { TableState } from "./book.ts"
import { takeCensus } from "./census.ts"
import type { CopyProgress, CopyReport, ReplacedText } from "./report.ts"
import { toTarget, withoutZeroBytes } from "./rows.ts"
import { Source } from "./source.ts"
import { NUMBERED, type Numbered, type Row, TABLES, type Table } from "./tables.ts"
import { Target } from "./target.ts"

export interface CopyOptions {
  /** The file: `file:./shop.db`, or a path. */
  readonly from: string
  /** The database: `postgres://…`. Its schema is new or empty, or holds this copy as far as it came. */
  readonly to: string
  /** What else there is to say of the database, above all its schema. */
  readonly postgres?: PostgresOptions
  /** Told after each slice. */
  readonly onProgress?: (progress: CopyProgress) => void
  /** Told of each row with a text that PostgreSQL cannot hold as it is. */
  readonly onReplaced?: (replaced: ReplacedText) => void
}

/**
 * Copies a store from a SQLite file to a PostgreSQL database, with everything open and all history: numbers
 * and ids stay as they are, so every delivery and every run goes on where it stood. The tables of modules
 * (`data_…`) go along.
 *
 * It goes in slices of some thousand rows, each a transaction. Called again after it was interrupted, however
 * that was, it goes on behind the last slice; until it has ended nobody else can open the target. The file is
 * only read, and locked meanwhile.
 *
 * @throws ConfigError for a wrong option, or where there is no such file; StoreError when the file is in use
 *   or was written to since the copy began, or when the target holds anything else; StoreUnavailableError
 *   when the database does not answer: call it again
 */
export async function copyStore(options: CopyOptions): Promise<CopyReport> {
  const { path, postgres, shown } = resolve(options)
  const source = Source.open(path)
  try {
    const target = await Target.open(postgres)
    try {
      const done = await new Copy(source, target, options).run()
      return { from: path, to: shown, schema: postgres.schema, ...done }
    } finally {
      await target.close()
    }
  } finally {
    source.close()
  }
}

function resolve({ from, to, postgres: given }: CopyOptions): {
  readonly path: string
  readonly postgres: ResolvedPostgres
  readonly shown: string
} {
  const file = resolveOptions({ database: from })
  if (file.postgres !== null || file.path === ":memory:")
    throw new ConfigError(expected("`from` to be a file, `file:…` or a path", file.database))
  const { postgres, database } = resolveOptions({ database: to, postgres: given })
  if (postgres === null) throw new ConfigError(expected("`to` to be `postgres://…`", database))
  return { path: file.path, postgres, shown: database }
}

type Done = Omit<CopyReport, "from" | "to" | "schema">

const NOTHING_DONE: Omit<Done, "endedAt"> = {
  resumed: false,
  tables: {},
  states: [],
  handedBack: 0,
  leftOut: [],
  ended: [],
  replaced: 0,
}

class Copy {
  readonly #source: Source
  readonly #target: Target
  readonly #options: CopyOptions

  constructor(source: Source, target: Target, options: CopyOptions) {
    this.#source = source
    this.#target = target
    this.#options = options
  }

  async run(): Promise<Done> {
    const data = this.#source.findData()
    const fingerprint = this.#source.fingerprint(data)
    const found = await this.#target.begin(this.#source.path, fingerprint, data.tables)
    if (typeof found === "object") return { ...NOTHING_DONE, endedAt: found.endedAt }
    const tables = [...TABLES, ...data.tables]
    for (const table of tables) await this.#copy(table)
    const census = await takeCensus(this.#source, this.#target, tables)
    const ended = await this.#target.finish(fingerprint, this.#lastNumbers(), tables)
    return { ...census, leftOut: data.leftOut, ended, endedAt: null, resumed: found === "some" }
  }

  async #copy(table: Table): Promise<void> {
    const writer = await this.#target.writerOf(table, this.#source.columnsOf(table))
    const tell = this.#teller(table)
    let state = this.#target.stateOf(table)
    tell(state)
    for (;;) {
      const slice = this.#read(table, state)
      if (slice === null) return
      await this.#target.write(writer, table, slice.rows, slice.state)
      state = slice.state
      tell(state)
    }
  }

  /** What comes next, as it is to be written; null = that was all. */
  #read(table: Table, before: TableState): { readonly rows: Row[]; readonly state: TableState } | null {
    const rows = this.#source.read(table, before.cursor)
    const last = rows.at(-1)
    if (last === undefined) return null
    const cursor = table.key.map((column) => last[column] ?? null)
    let { replaced } = before
    const now = this.#target.now()
    for (const [i, row] of rows.entries()) {
      const found = withoutZeroBytes(table, row)
      if (found !== null) {
        replaced++
        this.#options.onReplaced?.(found)
      }
      rows[i] = toTarget(table, row, now)
    }
    return { rows, state: { cursor, rows: before.rows + rows.length, replaced } }
  }

  #teller(table: Table): (state: TableState) => void {
    const total = this.#source.expect(table)
    const before = this.#target.stateOf(table).rows
    const startedAt = performance.now()
    return ({ rows }) => {
      const seconds = (performance.now() - startedAt) / 1_000
      const rowsPerSecond = rows === before ? 0 : Math.round((rows - before) / seconds)
      this.#options.onProgress?.({ table: table.name, rows, total, rowsPerSecond })
    }
  }

  #lastNumbers(): Map<Numbered, number> {
    return new Map(NUMBERED.map((table) => [table, this.#source.lastNumberOf(table)]))
  }
}
