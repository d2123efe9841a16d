import { createHash } from "node:crypto"
import type { DataStore } from "./data-store.ts"
import type { PropertyTraits } from "./property.ts"
import type { Shape } from "./shape.ts"

/**
 * The type that a property's column has.
 *
 * SQLite takes any word and looks only for INT, TEXT and REAL in it: the rest says what is in the column.
 */
export function columnType(dialect: DataStore["dialect"], traits: PropertyTraits): string {
  const types = TYPES[dialect]
  if (traits.kind === "enum") return types[traits.choices.every(isText) ? "text" : "float"]
  return types[traits.kind === "id" ? "text" : traits.kind === "array" ? "json" : traits.kind]
}

const TYPES = {
  sqlite: {
    text: "TEXT",
    number: "INTEGER",
    float: "REAL",
    boolean: "BOOLEAN_INT",
    dateTime: "DATETIME_TEXT",
    json: "JSON_TEXT",
  },
  postgres: {
    text: "text",
    number: "bigint",
    float: "double precision",
    boolean: "boolean",
    dateTime: "timestamp(3) with time zone",
    json: "jsonb",
  },
} as const

/** What a column of that type in a file is on a server; null = it is none of ours. */
export function postgresTypeOf(sqliteType: string): string | null {
  const kind = Object.entries(TYPES.sqlite).find(([, type]) => type === sqliteType)?.[0]
  return kind === undefined ? null : TYPES.postgres[kind as keyof typeof TYPES.postgres]
}

export interface Index {
  readonly name: string
  readonly property: string
  readonly isUnique: boolean
}

/** The indexes of a table, but for that of its primary key. */
export function indexesOf({ table, properties }: Shape): readonly Index[] {
  return [...properties].flatMap(([property, { isUnique, isIndexed, isPrimaryKey }]) =>
    (isUnique || isIndexed) && !isPrimaryKey
      ? [{ name: indexName(table, property, isUnique), property, isUnique }]
      : [],
  )
}

/** A dot tells ours from those that somebody made by hand. */
export function isOurIndex(name: string): boolean {
  return name.includes(".")
}

function indexName(table: string, property: string, isUnique: boolean): string {
  const name = `${table}.${property}.${isUnique ? "unique" : "index"}`
  if (name.length <= LONGEST_NAME) return name
  return `${table.slice(0, 40)}.${createHash("sha256").update(name).digest("hex").slice(0, 20)}`
}

/** PostgreSQL cuts off the rest. */
const LONGEST_NAME = 63

function isText(value: unknown): boolean {
  return typeof value === "string"
}
