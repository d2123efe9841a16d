import { isOurIndex, postgresTypeOf } from "../data/columns.ts"
import type { Row, Table } from "./tables.ts"

/** A table in which a module of the application keeps its rows. */
export interface DataTable extends Table {
  readonly columns: readonly DataColumn[]
  readonly indexes: readonly DataIndex[]
}

interface DataColumn {
  readonly name: string
  readonly type: string // PostgreSQL's
  readonly isNullable: boolean
  readonly isKey: boolean
  readonly defaultText: string | null // an SQL literal
}

interface DataIndex {
  readonly name: string
  readonly column: string
  readonly isUnique: boolean
}

/** A table or an index that somebody made by hand among those of modules. */
export interface LeftOut {
  readonly name: string
  readonly why: string
}

export interface FoundData {
  readonly tables: readonly DataTable[]
  readonly leftOut: readonly LeftOut[]
}

type Ask = (sql: string, ...values: string[]) => readonly Row[]

/** What modules keep in a file. Their models are not known here: the tables themselves say what they are. */
export function findData(ask: Ask): FoundData {
  const tables: DataTable[] = []
  const leftOut: LeftOut[] = []
  for (const row of ask(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'data_*' ORDER BY name",
  )) {
    const name = row.name as string
    const why = whyNot(name, ask)
    if (why !== null) leftOut.push({ name, why })
    else {
      const { indexes, strange } = indexesOf(name, ask)
      tables.push(dataTable(name, columnsOf(name, ask), indexes))
      leftOut.push(...strange.map((index) => ({ name: index, why: "an index that was made by hand" })))
    }
  }
  return { tables, leftOut }
}

const COLUMNS = `SELECT name, type, "notnull" AS required, pk, dflt_value FROM pragma_table_info(?)`

function whyNot(table: string, ask: Ask): string | null {
  const columns = ask(COLUMNS, table)
  const strange = columns.find(({ type }) => postgresTypeOf(String(type)) === null)
  if (strange !== undefined)
    return `its column \`${strange.name}\` is \`${strange.type}\`, as no module makes it`
  if (columns.filter(({ pk }) => (pk as number) > 0).length !== 1)
    return "it has no primary key of one column, as modules give it"
  return [table, ...columns.map(({ name }) => String(name))].some((name) => name.includes('"'))
    ? "a name in it has a quotation mark"
    : null
}

function columnsOf(table: string, ask: Ask): DataColumn[] {
  return ask(COLUMNS, table).map(({ name, type, required, pk, dflt_value }) => {
    const target = postgresTypeOf(String(type)) as string
    return {
      name: String(name),
      type: target,
      isNullable: required === 0,
      isKey: (pk as number) > 0,
      defaultText: dflt_value === null ? null : literalOf(target, String(dflt_value)),
    }
  })
}

/** Rows are made with all their values; a default only helps those that others make by hand. */
function literalOf(type: string, text: string): string | null {
  if (type === "boolean") return text === "1" ? "true" : text === "0" ? "false" : null
  return /^(?:'(?:[^']|'')*'|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i.test(text) ? text : null
}

function indexesOf(table: string, ask: Ask): { indexes: DataIndex[]; strange: string[] } {
  const made = ask(`SELECT name, "unique" FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY name`, table)
  const indexes: DataIndex[] = []
  const strange: string[] = []
  for (const row of made) {
    const name = row.name as string
    const columns = ask("SELECT name FROM pragma_index_info(?)", name)
    if (isOurIndex(name) && columns.length === 1)
      indexes.push({ name, column: String(columns[0]?.name), isUnique: row.unique === 1 })
    else strange.push(name)
  }
  return { indexes, strange }
}

function dataTable(name: string, columns: readonly DataColumn[], indexes: readonly DataIndex[]): DataTable {
  const key = columns.filter(({ isKey }) => isKey).map((column) => column.name)
  const nameOf = (row: Row): string => key.map((column) => String(row[column])).join(" ")
  return { name, key, isDated: false, onConflict: "", nameOf, columns, indexes }
}

/** The statements that make it in PostgreSQL, as modules would. `store.` stands for the schema. */
export function makingOf({ name, columns, indexes }: DataTable): string[] {
  const table = `store."${name}"`
  return [
    `DROP TABLE IF EXISTS ${table}`,
    `CREATE TABLE ${table} (${columns.map(definitionOf).join(", ")})`,
    ...indexes.map(
      (index) =>
        `CREATE ${index.isUnique ? "UNIQUE " : ""}INDEX "${index.name}" ON ${table} ("${index.column}") WHERE "deleted_at" IS NULL`,
    ),
  ]
}

function definitionOf({ name, type, isNullable, isKey, defaultText }: DataColumn): string {
  return [
    `"${name}" ${type}`,
    ...(type === "text" ? ['COLLATE "C"'] : []),
    ...(isNullable ? [] : ["NOT NULL"]),
    ...(defaultText === null ? [] : [`DEFAULT ${defaultText}`]),
    ...(isKey ? ["PRIMARY KEY"] : []),
  ].join(" ")
}
