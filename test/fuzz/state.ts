import { createHash } from "node:crypto"
import { DatabaseSync } from "node:sqlite"
import { Client } from "pg"

/** What a store holds, table by table. What is written of those who ask does not count: that is no change. */
export interface State {
  read(): Promise<ReadonlyMap<string, string>>
  close(): Promise<void>
}

export async function stateOf(database: string): Promise<State> {
  return database.startsWith("file:") ? ofFile(database.slice("file:".length)) : ofServer(database)
}

/** Where the audit log, the uses of tokens and the presence of processes stand. */
const UNCOUNTED = ["workers", "migrations"]
const COUNTED = "WHERE collection NOT IN ('audit', 'token-uses')"

function ofFile(path: string): State {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map(({ name }) => name as string)
    .filter((name) => !UNCOUNTED.includes(name))
  const statements = tables.map(
    (name) => [name, db.prepare(`SELECT * FROM "${name}" ${name === "records" ? COUNTED : ""}`)] as const,
  )
  let seen: { version: unknown; state: ReadonlyMap<string, string> } | null = null // null = not read yet
  const version = db.prepare("PRAGMA data_version")
  return {
    read: async () => {
      const now = version.get()?.data_version
      if (seen?.version === now && seen !== null) return seen.state
      const state = new Map(statements.map(([name, each]) => [name, digestOf(each.all())]))
      seen = { version: now, state }
      return state
    },
    close: async () => db.close(),
  }
}

function digestOf(rows: readonly unknown[]): string {
  return `${rows.length} ${createHash("sha1").update(JSON.stringify(rows)).digest("base64")}`
}

async function ofServer(database: string): Promise<State> {
  const client = new Client({ connectionString: database })
  await client.connect()
  const { rows: tables } = await client.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'carillon'",
  )
  const question = tables
    .filter(({ name }) => !UNCOUNTED.includes(name))
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') AS digest
         FROM carillon."${name}" t ${name === "records" ? COUNTED : ""}`,
    )
    .join(" UNION ALL ")
  return {
    read: async () => {
      const { rows } = await client.query<{ name: string; digest: string }>(question)
      return new Map(rows.map(({ name, digest }) => [name, digest]))
    },
    close: () => client.end(),
  }
}

/** The tables in which two differ. */
export function changedIn(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  return [...now.keys()].filter((name) => before.get(name) !== now.get(name))
}
