import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Place } from "./place.ts"

/** Every row of every table of Carillon's, past everything of ours. */
export async function everyRow(
  place: Place,
  engine: "sqlite" | "postgres",
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = await place.sql(
    engine === "sqlite"
      ? "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
      : `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${place.table("").split(".")[0]}'`,
  )
  const rows = new Map<string, readonly string[]>()
  for (const { name } of names) {
    const found = await place.sql(`SELECT * FROM ${place.table(name as string)}`)
    rows.set(
      name as string,
      found.map((row) => JSON.stringify(row)),
    )
  }
  return rows
}

/** The tables in which a text stands. */
export async function tablesWith(
  place: Place,
  engine: "sqlite" | "postgres",
  text: string,
): Promise<string[]> {
  const rows = await everyRow(place, engine)
  return [...rows].filter(([, each]) => each.some((row) => row.includes(text))).map(([name]) => name)
}

/** The files of a SQLite store in whose bytes a text stands. */
export function filesWith(database: string, text: string): string[] {
  const folder = dirname(database.replace(/^file:/, ""))
  return readdirSync(folder).filter((file) => readFileSync(join(folder, file)).includes(text))
}
