import { Cluster, query } from "./cluster.ts"
import { HOW_TO_GET_POSTGRES, postgresFolder } from "./programs.ts"

/** A database of a test's own, empty, on a real server. */
export interface TestDatabase {
  readonly name: string
  readonly url: string
  query<T = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<T[]>
  drop(): Promise<void>
}

/** Nobody said where a server is, and none can be started. */
export class NoServer extends Error {}

const USUAL = "postgres://postgres@127.0.0.1:5432/postgres"

let server: Promise<string> | null = null
let made = 0

/**
 * The server that tests use, as a URL: `CARILLON_TEST_POSTGRES`, or the usual one of this machine, or a
 * temporary one, started once a process and ended with it.
 *
 * @throws Error when there is none and none can be started
 */
export function testServer(): Promise<string> {
  server ??= findServer()
  return server
}

/**
 * Makes a database; who made it drops it. `durable: false` is for tests that end no server: they need not wait for
 * its disk at each commit.
 */
export async function testDatabase(name: string, { durable = true } = {}): Promise<TestDatabase> {
  const url = await testServer()
  const database = `carillon_${name.replaceAll(/\W/g, "_")}_${process.pid}_${++made}`
  await query(url, `CREATE DATABASE ${database}`)
  if (!durable) await query(url, `ALTER DATABASE ${database} SET synchronous_commit = off`)
  const own = withDatabase(url, database)
  return {
    name: database,
    url: own,
    query: (sql, values) => query(own, sql, values),
    drop: async () => {
      await query(url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
    },
  }
}

export function withDatabase(url: string, database: string): string {
  const parsed = new URL(url)
  parsed.pathname = `/${database}`
  return parsed.href
}

async function findServer(): Promise<string> {
  const named = process.env.CARILLON_TEST_POSTGRES
  if (named !== undefined && named !== "") {
    await query(named, "SELECT 1").catch((cause) => {
      throw new Error(`CARILLON_TEST_POSTGRES names a server that does not answer: ${cause.message}`, {
        cause,
      })
    })
    return named
  }
  if (await answers(USUAL)) return USUAL
  if (postgresFolder() === null)
    throw new NoServer(`no PostgreSQL answers at 127.0.0.1:5432: ${HOW_TO_GET_POSTGRES}`)
  return (await Cluster.start()).url() // its lodging ends it when this process is gone
}

function answers(url: string): Promise<boolean> {
  return query(url, "SELECT 1").then(
    () => true,
    () => false,
  )
}
