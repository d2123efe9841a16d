import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { testDatabase } from "./postgres.ts"

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

async function server(name: string): Promise<Place> {
  const database = await testDatabase(name)
  return {
    database: database.url,
    sql: (text) => database.query(text),
    table: (table) => `carillon."${table}"`,
    remove: () => database.drop(),
  }
}
