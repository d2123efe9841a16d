import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely"
import type { Pool, PoolClient } from "pg"
import { isUnavailable, StoppedError } from "../core/errors.ts"
import { loadDriver } from "../engines/postgres/database.ts"
import { isCollision, isDuplicate, toStoreError } from "../engines/postgres/failures.ts"
import type { Answer, DataStore, Tables, Work } from "./data-store.ts"

/** Most connections at once: beside those that the events have. */
const MOST_CONNECTIONS = 5

const IDLE_CONNECTION_MS = 10_000
const ANSWER_TIMEOUT_MS = 30_000

/** An index over many rows takes its time, and others wait for it. */
const ALTER_TIMEOUT_MS = 3_600_000

/** A process that freezes in a transaction is cut off by the server. */
const IDLE_LIMIT = "10s"

/** How often a transaction that met another is begun again. */
const MOST_ATTEMPTS = 5

/** "data" and "tabl" in ASCII: a number of ours among the advisory locks of the database. */
const ALTER_LOCK = [0x64617461, 0x7461626c]

/** A pool of connections to the database in which the events are, and the same schema. */
export class PostgresStore implements DataStore {
  readonly dialect = "postgres"
  readonly schema: string
  readonly builder: Kysely<Tables>
  readonly #pool: Pool

  static async open(url: string, schema: string): Promise<PostgresStore> {
    return new PostgresStore(await loadDriver(), url, schema)
  }

  private constructor(pg: typeof import("pg"), url: string, schema: string) {
    this.schema = schema
    this.builder = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    }).withSchema(schema)
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: "carillon data",
      max: MOST_CONNECTIONS,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      types: {
        getTypeParser: (oid: number, format?: "text" | "binary") =>
          oid === JSONB ? String : pg.types.getTypeParser(oid, format as "text"),
      } as never,
    })
    this.#pool.on("error", ignore) // an idle connection broke: the next query opens another
  }

  /** What only reads is asked again where a connection broke: after a failover all that were idle are dead. */
  async read<T>(work: () => Work<T>): Promise<T> {
    for (let pauseMs = 50; ; pauseMs *= 2) {
      try {
        return await run(work(), (query) => this.#query(query))
      } catch (error) {
        const failure = toStoreError(error)
        if (!isUnavailable(failure) || pauseMs > LONGEST_PAUSE_MS || this.#pool.ended) throw failure
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }

  async write<T>(work: () => Work<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transaction((client) => run(work(), (query) => ask(client, query)))
      } catch (error) {
        if (!isCollision(error) || attempt === MOST_ATTEMPTS) throw toStoreError(error)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt))
      }
    }
  }

  async alter<T>(work: () => Work<T>): Promise<T> {
    await this.#makeSchema()
    try {
      return await this.#transaction(async (client) => {
        const alter = (query: Statement) => ask(client, query, ALTER_TIMEOUT_MS)
        await alter({ sql: `SELECT pg_advisory_xact_lock(${ALTER_LOCK.join(", ")})`, parameters: [] })
        return run(work(), alter)
      })
    } catch (error) {
      throw toStoreError(error)
    }
  }

  /** On its own, for Carillon's migration may make it at the same moment: then one of the two is too late. */
  async #makeSchema(): Promise<void> {
    try {
      await this.#pool.query(`CREATE SCHEMA IF NOT EXISTS "${this.schema}"`)
    } catch (error) {
      if (!isDuplicate(error)) throw toStoreError(error)
    }
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end()
  }

  async #query(query: CompiledQuery): Promise<Answer> {
    this.#refuseClosed()
    return ask(this.#pool, query)
  }

  async #transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    this.#refuseClosed()
    const client = await this.#pool.connect()
    client.on("error", ignore) // the query under way rejects as well
    let isBroken = true
    try {
      await client.query(
        `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '${IDLE_LIMIT}'`,
      )
      const result = await work(client)
      await client.query("COMMIT")
      isBroken = false
      return result
    } catch (error) {
      isBroken = await client.query("ROLLBACK").then(
        () => false,
        () => true,
      )
      throw error
    } finally {
      client.off("error", ignore)
      client.release(isBroken)
    }
  }

  #refuseClosed(): void {
    if (this.#pool.ending)
      throw new StoppedError("The modules were closed, and their data is asked for no more.")
  }
}

const JSONB = 3802
const LONGEST_PAUSE_MS = 1_000

type Statement = Pick<CompiledQuery, "sql" | "parameters">

async function ask(
  client: Pool | PoolClient,
  { sql, parameters }: Statement,
  query_timeout = ANSWER_TIMEOUT_MS,
): Promise<Answer> {
  const query = { text: sql, values: [...parameters], query_timeout }
  const { rows, rowCount } = await client.query(query)
  return { rows, count: rowCount ?? 0 }
}

async function run<T>(program: Work<T>, ask: (query: CompiledQuery) => Promise<Answer>): Promise<T> {
  let step = program.next()
  while (!step.done) step = program.next(await ask(step.value))
  return step.value
}

function ignore(): void {}
