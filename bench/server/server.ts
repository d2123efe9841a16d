import { Client } from "pg"

export const DEFAULT_SERVER = process.env.BENCH_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/postgres"

/** Everything the bench makes on a server carries this name, so that it can tell what it left behind. */
const PREFIX = "carillon_bench"

const TOLD = [
  "shared_buffers",
  "max_wal_size",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_level",
  "autovacuum",
  "max_connections",
  "jit",
  "shared_preload_libraries",
]

/** Version and settings of the server; throws where none answers. */
export async function describeServer(url: string): Promise<Record<string, string>> {
  return onServer(url, async (client) => {
    const { rows } = await client.query<{ name: string; value: string }>(
      `SELECT 'version' AS name, current_setting('server_version') AS value
       UNION ALL
       SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY($1)`,
      [TOLD],
    )
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
  })
}

/** What would make the figures of this server misleading, in whole sentences. */
export function warningsOf(server: Readonly<Record<string, string>>): string[] {
  const warnings = {
    fsync: "nothing on this server is durable",
    synchronous_commit: "a commit is acknowledged before it is on disk",
    full_page_writes: "this server writes less than one that survives a torn page",
    autovacuum: "dead rows are never removed and tables never analysed, which weighs on whoever updates rows",
  }
  return Object.entries(warnings).flatMap(([name, what]) =>
    server[name] === "off" ? [`\`${name}\` is off: ${what}.`] : [],
  )
}

export async function createDatabase(url: string, name: string): Promise<string> {
  const database = `${PREFIX}_${name.replaceAll("-", "_")}`
  await onServer(url, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${database}`)
    await checkpoint(client)
  })
  return databaseUrl(url, database)
}

export async function dropDatabase(url: string): Promise<void> {
  await onServer(databaseUrl(url, "postgres"), async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${databaseName(url)} WITH (FORCE)`)
  })
}

/** So that nobody pays for the pages that the one before has left to be written. */
export async function checkpoint(client: Client): Promise<void> {
  await client.query("CHECKPOINT").catch((error: unknown) => {
    // Only a superuser may; without it a measurement is somewhat noisier.
    if (!(error instanceof Error) || (error as { code?: string }).code !== "42501") throw error
  })
}

export async function onServer<T>(url: string, act: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: PREFIX })
  await client.connect()
  try {
    return await act(client)
  } finally {
    await client.end()
  }
}

export function isServer(database: string): boolean {
  return /^postgres(ql)?:\/\//.test(database)
}

export function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1))
}

export function databaseUrl(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${encodeURIComponent(name)}`
  return changed.href
}
