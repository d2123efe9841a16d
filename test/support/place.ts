import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll } from "vitest"
import { type TestDatabase, testDatabase } from "./postgres.ts"

/** A database of a test's own, by the words that `createCarillon` takes. */
export interface Place {
  readonly database: string
  /** Asks the database itself, past everything of ours. */
  sql(text: string): Promise<readonly Record<string, unknown>[]>
  /** A table of Carillon's or of a module's, as a statement says it. */
  table(name: string): string
  remove(): Promise<void>
}

export async function placeOn(engine: "sqlite" | "postgres", name: string): Promise<Place> {
  return engine === "sqlite" ? file() : server(name)
}

function file(): Place {
  const folder = mkdtempSync(join(tmpdir(), "carillon-"))
  const path = join(folder, "shop.db")
  return {
    database: `file:${path}`,
    sql: async (text) => {
      const db = new DatabaseSync(path, { timeout: 5_000 })
      try {
        return db.prepare(text).all()
      } finally {
        db.close()
      }
    },
    table: (table) => `"${table}"`,
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

let shared: Promise<TestDatabase> | null = null
let places = 0
afterAll(async () => (await shared)?.drop())

/** A schema of a test's own in the database of its file: to make and to drop a database takes a second. */
async function server(name: string): Promise<Place> {
  shared ??= testDatabase(name, { durable: false })
  const { url, query } = await shared
  const schema = `${name.replaceAll(/\W/g, "_")}_${++places}`
  const database = new URL(url)
  database.searchParams.set("schema", schema)
  return {
    database: database.href,
    sql: (text) => query(text),
    table: (table) => `${schema}."${table}"`,
    remove: async () => {},
  }
}
