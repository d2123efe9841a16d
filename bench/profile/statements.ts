import { Client } from "pg"
import { databaseName, databaseUrl, onServer } from "../server/server.ts"

/** Watches what a server's backends do while a measurement runs in a child process. */
export interface StatementWatch {
  begin(database: string): Promise<void>
  print(database: string, events: number): Promise<void>
}

export function watchStatements(top: number): StatementWatch {
  let sampler: Sampler | null = null
  return {
    begin: async (database) => {
      await onServer(database, async (client) => {
        // Both are for superusers; what is refused is missing from what is printed.
        await client
          .query(`ALTER DATABASE ${databaseName(database)} SET track_functions = 'all'`)
          .catch(() => {})
        await client.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").catch(() => {})
        await client.query("SELECT pg_stat_reset(), pg_stat_statements_reset()").catch(() => {})
      })
      sampler = await startSampler(database)
    },
    print: async (database, events) => {
      const samples = (await sampler?.stop()) ?? []
      printSamples(samples, top)
      await onServer(database, async (client) => {
        for (const { title, sql } of REPORTS) await printReport(client, { title, sql, events, top })
      })
    },
  }
}

interface Sampler {
  stop(): Promise<Sampled[]>
}

interface Sampled {
  readonly query: string
  readonly waits: string
}

const SAMPLE_MS = 5

/** Looks every few milliseconds at who is at work, and at what: a share of the looks is a share of the time. */
async function startSampler(database: string): Promise<Sampler> {
  const client = new Client({ connectionString: databaseUrl(database, "postgres") })
  await client.connect()
  const samples: Sampled[] = []
  let looking: Promise<void> | null = null
  const look = async () => {
    const { rows } = await client.query<{ query: string; waits: string }>({
      name: "look",
      text: `SELECT query, coalesce(wait_event_type || ': ' || wait_event, 'on the processor') AS waits
             FROM pg_stat_activity
             WHERE datname = $1 AND state IN ('active', 'idle in transaction')`,
      values: [databaseName(database)],
    })
    samples.push(...rows)
  }
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = null
    })
  }, SAMPLE_MS)

  return {
    stop: async () => {
      clearInterval(timer)
      await looking
      await client.end()
      return samples
    },
  }
}

function printSamples(samples: readonly Sampled[], top: number): void {
  const counts = new Map<string, number>()
  for (const { query, waits } of samples) {
    const line = `${waits.padEnd(28)} ${shortened(query)}`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  console.log(`\nThe server's backends at work, ${samples.length} looks`)
  console.log("     %  state                        statement")
  for (const [line, count] of [...counts].sort(([, one], [, other]) => other - one).slice(0, top)) {
    console.log(`${((count / samples.length) * 100).toFixed(1).padStart(6)}  ${line}`)
  }
}

interface Report {
  readonly title: string
  /** \`$1\` is the number of events. */
  readonly sql: string
}

const REPORTS: readonly Report[] = [
  {
    title: "Statements (pg_stat_statements)",
    sql: `SELECT calls, round(total_exec_time)::int AS ms, round((mean_exec_time)::numeric, 3) AS "ms/call",
            round((total_exec_time * 1000 / $1)::numeric, 2) AS "µs/event",
            round((wal_bytes / $1)::numeric) AS "WAL/event", shared_blks_hit / greatest(calls, 1) AS "pages/call",
            toplevel AS top, left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS statement
          FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          ORDER BY total_exec_time DESC`,
  },
  {
    title: "Functions",
    sql: `SELECT calls, round(self_time)::int AS "self ms", round(total_time)::int AS "total ms",
            round((self_time * 1000 / $1)::numeric, 2) AS "self µs/event",
            round((total_time / greatest(calls, 1))::numeric, 3) AS "total ms/call", funcname AS function
          FROM pg_stat_user_functions WHERE $1 > 0 ORDER BY self_time DESC`,
  },
  {
    title: "Tables",
    sql: `SELECT relname AS table, seq_scan AS "seq scans", idx_scan AS "index scans", n_tup_ins AS inserted,
            n_tup_upd AS updated, n_tup_hot_upd AS hot, n_tup_del AS deleted, n_dead_tup AS dead,
            pg_size_pretty(pg_table_size(relid)) AS size, pg_size_pretty(pg_indexes_size(relid)) AS indexes
          FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + seq_scan > 0 AND $1 > 0
          ORDER BY n_tup_ins + n_tup_upd DESC`,
  },
  {
    title: "Indexes",
    sql: `SELECT indexrelname AS index, idx_scan AS scans, idx_tup_read AS "entries read",
            round(idx_tup_read::numeric / greatest(idx_scan, 1), 1) AS "entries/scan",
            round(pg_relation_size(indexrelid) / $1::numeric, 1) AS "bytes/event"
          FROM pg_stat_user_indexes WHERE pg_relation_size(indexrelid) > 16384
          ORDER BY pg_relation_size(indexrelid) DESC`,
  },
]

async function printReport(
  client: Client,
  { title, sql, events, top }: Report & { events: number; top: number },
): Promise<void> {
  try {
    const { rows } = await client.query<Record<string, unknown>>(`${sql} LIMIT ${top}`, [events])
    console.log(`\n${title}`)
    if (rows.length === 0) console.log("  nothing")
    else printRows(rows)
  } catch (error) {
    console.log(`\n${title}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function printRows(rows: readonly Record<string, unknown>[]): void {
  const names = Object.keys(rows[0] ?? {})
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "–")))]
  const widths = names.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  for (const line of cells) {
    const last = line.length - 1
    const padded = line.map((cell, column) => (column === last ? cell : cell.padStart(widths[column] ?? 0)))
    console.log(`  ${padded.join("  ")}`)
  }
}

function shortened(query: string): string {
  return query.replaceAll(/\s+/g, " ").trim().slice(0, 100)
}
