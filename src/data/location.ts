import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { ConfigError, expected } from "../core/errors.ts"
import { isPostgresUrl, readPostgresUrl } from "../postgres/url.ts"
import type { DataStore } from "./data-store.ts"
import { PostgresStore } from "./postgres-store.ts"
import { SqliteStore } from "./sqlite-store.ts"

/** The schema that Carillon uses where none is named. */
const USUAL_SCHEMA = "carillon"

/**
 * Opens the store that a `database` names, in the words of `createCarillon`.
 *
 * @throws ConfigError when it names none
 */
export async function openDataStore(database: unknown, schema: string | undefined): Promise<DataStore> {
  if (isPostgresUrl(database)) {
    const { url, schema: inUrl } = readPostgresUrl(database)
    return PostgresStore.open(url, checkedSchema(schema ?? inUrl ?? USUAL_SCHEMA))
  }
  if (typeof database !== "string" || database === "" || /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(database))
    throw new ConfigError(
      expected("`database` to be `file:…`, a path, `:memory:` or `postgres://…`", database),
    )
  return SqliteStore.open(pathOf(database))
}

function pathOf(database: string): string {
  if (database === ":memory:" || database === "file::memory:") return ":memory:"
  if (database.startsWith("file://")) return fileURLToPath(database)
  return resolve(database.replace(/^file:/, ""))
}

function checkedSchema(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,49}$/.test(schema) && !/^(pg_|public$)/.test(schema)) return schema
  throw new ConfigError(
    expected(
      "the schema to be 1 to 50 small letters, digits and `_`, not `public` and not beginning with `pg_`",
      schema,
    ),
  )
}
