import type { Client } from "pg"
import type {
  ConnectionFacts,
  DayFacts,
  HintFacts,
  Inspection,
  Pin,
  ServerFacts,
  TableFacts,
} from "../../engine/inspection.ts"
import { workFacts } from "../sql/inspect.ts"
import type { Database, DatabaseOptions, TransactionSession } from "./database.ts"

export interface InspectOptions {
  readonly database: Database
  /** A client of our own where hints are listened for; null = nowhere. */
  readonly connect: (() => Client) | null
}

/** What the server says of itself, of our schema, and of who else is there. */
export async function inspect({ database, connect }: InspectOptions): Promise<Inspection> {
  const hints = await tryHints(database, connect)
  return database.transaction("reads", async (session) => {
    const tables = await tablesOf(session, database.options.schema)
    return {
      product: `PostgreSQL ${await value(session, "current_setting('server_version')")}`,
      bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
      work: await session.run(workFacts()),
      tables,
      server: await server(session, database, hints),
      file: null,
    }
  })
}

type Row = Record<string, unknown>

async function rows(session: TransactionSession, sql: string, ...values: unknown[]): Promise<Row[]> {
  return (await session.query(sql, values)).rows as Row[]
}

async function value<T>(session: TransactionSession, expression: string, ...values: unknown[]): Promise<T> {
  return (await rows(session, `SELECT ${expression} AS value`, ...values))[0]?.value as T
}

async function server(
  session: TransactionSession,
  { options }: Database,
  hints: HintFacts,
): Promise<ServerFacts> {
  const { schema } = options
  return {
    schema,
    role: await value(session, "current_user::text"),
    skewMs: await skewMs(session),
    isStandby: await value(session, "pg_is_in_recovery()"),
    pooler: { said: options.pooler, seen: await isPooled(session) },
    hints,
    settings: await settings(session),
    connections: await connections(session, options, hints),
    pins: await pins(session),
    unlogged: await names(session, UNLOGGED, schema),
    brokenIndexes: await names(session, BROKEN_INDEXES, schema),
    unvacuumed: await names(session, UNVACUUMED, schema),
    lackingRights: await names(session, LACKING_RIGHTS, schema),
    days: await days(session, schema),
  }
}

/** A notification to ourselves, the way that hints go: one connection notifies, another hears it. */
async function tryHints(database: Database, connect: InspectOptions["connect"]): Promise<HintFacts> {
  if (connect === null) return { kind: "off" }
  const channel = `${database.options.schema}_doctor`
  const client = connect()
  client.on("error", () => {}) // whoever waits for the query is told
  try {
    await client.connect()
    await client.query(`LISTEN "${channel}"`)
    return await heard(client, () => database.callOn("reads", NOTIFY, [channel]))
  } catch (error) {
    return { kind: "failed", reason: (error as Error).message }
  } finally {
    client.end().catch(() => {}) // what breaks now is of no use any more
  }
}

const NOTIFY = { name: "carillon_doctor_notify", sql: "SELECT pg_notify($1, '')" }
const HEARD_WITHIN_MS = 2_000

async function heard(client: Client, notify: () => Promise<unknown>): Promise<HintFacts> {
  const { promise, resolve } = Promise.withResolvers<HintFacts>()
  const startedAt = performance.now()
  client.on("notification", () => resolve({ kind: "heard", ms: performance.now() - startedAt }))
  const reason = `what was notified was not heard within ${HEARD_WITHIN_MS} ms`
  const timer = setTimeout(() => resolve({ kind: "failed", reason }), HEARD_WITHIN_MS)
  try {
    await notify()
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

async function skewMs(session: TransactionSession): Promise<number> {
  const startedAt = Date.now()
  const at = await value<number>(session, "(extract(epoch FROM clock_timestamp()) * 1000)::float8")
  return (startedAt + Date.now()) / 2 - at
}

/** A pooler makes up its own number for a connection. */
async function isPooled(session: TransactionSession): Promise<boolean> {
  const told = (session.client as unknown as { processID?: number | null }).processID ?? null
  return told !== null && told !== (await value<number>(session, "pg_backend_pid()"))
}

const SETTINGS = [
  "autovacuum",
  "default_transaction_isolation",
  "default_transaction_read_only",
  "fsync",
  "full_page_writes",
  "statement_timeout",
  "synchronous_commit",
  "track_counts",
]

async function settings(session: TransactionSession): Promise<Record<string, string>> {
  const found = await rows(
    session,
    "SELECT name, setting FROM pg_settings WHERE name = ANY ($1) ORDER BY name",
    SETTINGS,
  )
  return Object.fromEntries(found.map((row) => [row.name, row.setting]))
}

async function connections(
  session: TransactionSession,
  { readers, transactions }: DatabaseOptions,
  hints: HintFacts,
): Promise<ConnectionFacts> {
  const [row] = await rows(
    session,
    `SELECT (SELECT (max(setting::integer) FILTER (WHERE name = 'max_connections')
         - sum(setting::integer) FILTER (WHERE name <> 'max_connections'))::integer FROM pg_settings
       WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')) AS most,
       count(*)::integer AS used, (count(*) FILTER (WHERE application_name LIKE 'carillon %'))::integer AS ours
     FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datid IS NOT NULL`,
  )
  const listeners = hints.kind === "off" ? 0 : 1
  return {
    ...(row as unknown as Pick<ConnectionFacts, "most" | "used" | "ours">),
    perProcess: COMMITS_AND_LEASES + readers + transactions + listeners,
  }
}

const COMMITS_AND_LEASES = 4
const MOST_PINS = 5

/**
 * Who holds a snapshot, or a number that is older than every other: each keeps dead rows from being cleared.
 * The server's own workers have no user; of other roles a plain one is not told since when, nor what kind.
 */
async function pins(session: TransactionSession): Promise<Pin[]> {
  const found = await rows(session, PINS, MOST_PINS)
  return found.map((row) => ({
    kind: row.kind as Pin["kind"],
    who: row.who as string,
    since: row.since as number | null,
    transactions: row.transactions as number,
  }))
}

const PINS = `
  SELECT * FROM (
    SELECT 'transaction' AS kind,
      concat_ws(', ', 'process ' || pid, 'user ' || usename, nullif(application_name, ''), client_addr::text, state) AS who,
      (extract(epoch FROM xact_start) * 1000)::float8 AS since,
      greatest(coalesce(age(backend_xmin), 0), coalesce(age(backend_xid), 0)) AS transactions
    FROM pg_stat_activity
    WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid()
      AND usesysid IS NOT NULL AND (datname = current_database() OR datname IS NULL)
    UNION ALL
    SELECT 'prepared transaction', concat_ws(', ', '\`' || gid || '\`', 'user ' || owner),
      (extract(epoch FROM prepared) * 1000)::float8, age(transaction)
    FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL
    SELECT 'replication slot', concat_ws(', ', '\`' || slot_name || '\`', CASE WHEN active THEN 'active' ELSE 'unused' END),
      NULL, age(xmin)
    FROM pg_replication_slots WHERE xmin IS NOT NULL
  ) p ORDER BY transactions DESC LIMIT $1`

async function names(session: TransactionSession, sql: string, schema: string): Promise<string[]> {
  return (await rows(session, sql, schema)).map((row) => row.name as string)
}

const OURS = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1"

const UNLOGGED = `SELECT c.relname AS name FROM ${OURS} WHERE c.relkind = 'r' AND c.relpersistence <> 'p' ORDER BY 1`

const BROKEN_INDEXES = `SELECT c.relname AS name FROM ${OURS} JOIN pg_index i ON i.indexrelid = c.oid
  WHERE NOT i.indisvalid OR NOT i.indisready ORDER BY 1`

const UNVACUUMED = `SELECT c.relname AS name FROM ${OURS}
  WHERE c.relkind = 'r' AND c.reloptions && ARRAY['autovacuum_enabled=false', 'autovacuum_enabled=off'] ORDER BY 1`

/** Parts of tables need none of their own: they are reached through the whole. */
const LACKING_RIGHTS = `SELECT p.name || ' on ' || c.relname AS name
  FROM ${OURS} CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p (name)
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migrations'
    AND NOT has_table_privilege(c.oid, p.name)
  UNION ALL
  SELECT 'USAGE on ' || c.relname FROM ${OURS}
  WHERE c.relkind = 'S' AND c.relname IN ('leases', 'jobs_no_seq', 'runs_no_seq') AND NOT has_sequence_privilege(c.oid, 'USAGE')
  UNION ALL
  SELECT 'EXECUTE on ' || f.proname FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace AND n.nspname = $1
  WHERE NOT has_function_privilege(f.oid, 'EXECUTE')
  UNION ALL
  SELECT 'the owner''s rights in ' || f.proname FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace AND n.nspname = $1
  WHERE f.proname IN ('make_day', 'drop_day') AND NOT f.prosecdef AND NOT pg_has_role(f.proowner, 'USAGE')
  ORDER BY 1`

/** Tables that lie in days count as one. */
async function tablesOf(session: TransactionSession, schema: string): Promise<TableFacts[]> {
  const found = await rows(
    session,
    `SELECT coalesce(p.relname, c.relname) AS name, ${SIZES},
       sum(coalesce(s.n_dead_tup, 0))::float8 AS dead,
       (extract(epoch FROM max(greatest(s.last_vacuum, s.last_autovacuum))) * 1000)::float8 AS vacuumed
     FROM ${PIECES} GROUP BY 1 ORDER BY 3 DESC`,
    schema,
  )
  return found.map((row) => ({
    name: row.name as string,
    rows: row.rows as number,
    bytes: row.bytes as number,
    deadRows: row.dead as number,
    vacuumedAt: row.vacuumed as number | null,
  }))
}

const PIECES = `${OURS} LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.relkind = 'r'`

/** Before the first analyze the planner knows nothing, but the statistics count. */
const SIZES = `sum(CASE WHEN c.reltuples >= 0 THEN c.reltuples ELSE coalesce(s.n_live_tup, 0) END)::float8 AS rows,
  sum(pg_total_relation_size(c.oid))::float8 AS bytes`

async function days(session: TransactionSession, schema: string): Promise<DayFacts[]> {
  const found = await rows(
    session,
    `SELECT to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD') AS day,
       sum(CASE WHEN p.relname <> 'events' THEN 0 WHEN c.reltuples >= 0 THEN c.reltuples
         ELSE coalesce(s.n_live_tup, 0) END)::float8 AS rows,
       sum(pg_total_relation_size(c.oid))::float8 AS bytes
     FROM ${PIECES} AND p.relname IS NOT NULL GROUP BY 1 ORDER BY 1`,
    schema,
  )
  return found as unknown as DayFacts[]
}
