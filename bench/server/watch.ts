import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "pg"
import type { ServerCost } from "../measurement.ts"
import { cpuBetween, postmasterOf, serverCpu } from "./processes.ts"
import { databaseName, databaseUrl, isServer } from "./server.ts"

/** Watches a database server from a connection of its own, to another database: what it does itself does not count. */
export interface ServerWatch {
  /** From here on the work is measured. */
  begin(): Promise<void>
  /** What the work has cost since `begin`, but for its transactions. */
  end(): Promise<void>
  /** All of it, once the contender has stopped; `events` is how many its transactions are shared by. */
  cost(events: number): Promise<ServerCost>
  /** Transactions so far, as far as the backends have told: up to a second ago where they are busy. */
  commits(): Promise<number>
  /** Processor time since the watch was opened. */
  lifeCpuMs(): number
  close(): Promise<void>
}

/** Null for a database that has no server. */
export async function watchServer(database: string): Promise<ServerWatch | null> {
  if (!isServer(database)) return null
  const name = databaseName(database)
  const client = new Client({ connectionString: databaseUrl(database, "postgres") })
  await client.connect()
  const look = async () => {
    const { rows } = await client.query<{ pid: number; wal: string; commits: string }>(
      `SELECT
         pg_backend_pid() AS pid,
         pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal,
         (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1) AS commits`,
      [name],
    )
    const [row] = rows as [(typeof rows)[number]]
    return { pid: row.pid, walBytes: Number(row.wal), commits: Number(row.commits) }
  }

  const opened = await look()
  const postmaster = postmasterOf(opened.pid)
  const cpu = () => (postmaster === null ? null : serverCpu(postmaster, name))
  const cpuAtOpen = cpu()
  let cpuAtBegin = cpuAtOpen
  let walAtBegin = opened.walBytes
  let lifeCpuMs = 0
  let work = { cpuMs: null as number | null, walBytes: 0 }

  return {
    begin: async () => {
      walAtBegin = (await look()).walBytes
      cpuAtBegin = cpu()
    },
    end: async () => {
      const cpuAtEnd = cpu()
      work = {
        cpuMs: cpuBetween(cpuAtBegin, cpuAtEnd),
        walBytes: (await look()).walBytes - walAtBegin,
      }
      lifeCpuMs = cpuBetween(cpuAtOpen, cpuAtEnd) ?? 0
    },
    cost: async (events) => {
      // A backend tells its counts when it ends; until then they may be ten seconds old.
      await deserted(client, name)
      return { ...work, commits: ((await look()).commits - opened.commits) / events }
    },
    commits: async () => (await look()).commits,
    lifeCpuMs: () => lifeCpuMs,
    close: () => client.end(),
  }
}

async function deserted(client: Client, database: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { rows } = await client.query("SELECT 1 FROM pg_stat_activity WHERE datname = $1", [database])
    if (rows.length === 0) return
    await sleep(20)
  }
}
