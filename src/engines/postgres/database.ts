import type { Pool as PgPool, PoolClient, PoolConfig, QueryResult } from "pg"
import { ConfigError, isUnavailable } from "../../core/errors.ts"
import type { PoolState } from "../../engine/engine.ts"
import type { Program, Result, Row, Value } from "../sql/program.ts"
import { dialectOf } from "./dialect.ts"
import { toStoreError } from "./failures.ts"
import { Places } from "./places.ts"

export interface DatabaseOptions {
  readonly url: string
  readonly schema: string
  /** A pooler in transaction mode stands between: nothing may rest in a session. */
  readonly pooler: boolean
  /** Most connections for what only reads. */
  readonly readers: number
  /** Most connections for handlers that write in a transaction of their own. */
  readonly transactions: number
  /** So long an answer is waited for, in milliseconds: after that the connection counts as dead. */
  readonly answerTimeoutMs: number
  /** Asked for by name in the server's list of activity. */
  readonly applicationName: string
}

/**
 * Which connections a call goes over. Commits, and the leases that keep them valid, have their own, so
 * that no list that somebody reads and no handler's transaction can hold them up.
 */
export type Lane = "commits" | "leases" | "reads" | "transactions"

/** A statement that is said again and again: prepared under its name where sessions last. */
export interface HotStatement {
  readonly name: string
  readonly sql: string // with `store.` before tables and functions, and `$1` for values
}

/** What runs statements: the pools, or one connection in a transaction. */
export interface Session {
  call(statement: HotStatement, values: readonly unknown[]): Promise<readonly Row[]>
  run<T>(program: Program<T>): Promise<T>
}

/** The connections to one database, by what they are for. */
export class Database implements Session {
  readonly options: DatabaseOptions
  readonly schema: string // quoted
  readonly #pg: typeof import("pg")
  readonly #pools = new Map<Lane, PgPool>()
  readonly #translate: (sql: string) => string
  readonly #place: (sql: string) => string
  readonly #places: Places
  #closed = false

  constructor(pg: typeof import("pg"), options: DatabaseOptions) {
    this.#pg = pg
    this.options = options
    this.#places = new Places(options.transactions)
    const { schema, translate, place } = dialectOf(options.schema)
    this.schema = schema
    this.#translate = translate
    this.#place = place
  }

  /** A text of ours with the schema in it. */
  text(sql: string): string {
    return this.#place(sql)
  }

  call(statement: HotStatement, values: readonly unknown[]): Promise<readonly Row[]> {
    return this.callOn("reads", statement, values)
  }

  async callOn(lane: Lane, statement: HotStatement, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      const { rows } = await this.pool(lane).query(this.#toQuery(statement, values))
      return rows as Row[]
    } catch (error) {
      throw toStoreError(error)
    }
  }

  /** Writes, and says how many rows that changed. */
  async count(lane: Lane, statement: HotStatement, values: readonly unknown[]): Promise<number> {
    try {
      const { rowCount } = await this.pool(lane).query(this.#toQuery(statement, values))
      return rowCount ?? 0
    } catch (error) {
      throw toStoreError(error)
    }
  }

  /** Runs a program that only reads, statement by statement, over any connections. */
  run<T>(program: Program<T>, lane: Lane = "reads"): Promise<T> {
    return runProgram(program, (sql, values) =>
      this.#insist(() => this.pool(lane).query(this.#translate(sql), values as unknown[])),
    )
  }

  /** What only reads is asked again where a connection broke: after a failover all that were idle are dead. */
  async #insist<T>(read: () => Promise<T>): Promise<T> {
    for (let pauseMs = 0; ; pauseMs = pauseMs * 2 + 50) {
      try {
        return await read()
      } catch (error) {
        const failure = toStoreError(error)
        if (!isUnavailable(failure) || pauseMs > LONGEST_PAUSE_MS || this.#closed) throw failure
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }

  /**
   * One transaction. A process that freezes in the middle is cut off by the server, so that what it holds
   * is held for seconds at most.
   */
  async transaction<T>(lane: Lane, work: (session: TransactionSession) => Promise<T>): Promise<T> {
    const session = await this.begin(lane)
    try {
      await session.query(`SET LOCAL idle_in_transaction_session_timeout = '${IDLE_LIMIT}'`)
      const result = await work(session)
      await session.end("COMMIT")
      return result
    } catch (error) {
      await session.end("ROLLBACK").catch(() => session.destroy()) // the server rolls back what lost its connection
      throw toStoreError(error)
    }
  }

  begin(lane: Lane): Promise<TransactionSession> {
    return this.#begin(lane, "BEGIN ISOLATION LEVEL READ COMMITTED")
  }

  /** A handler's transaction: it waits for a free connection as long as the handler may run. */
  async beginFor(longestMs: number): Promise<TransactionSession> {
    const idle = Math.max(1, Math.ceil(longestMs))
    const leave = await this.#places.enter(longestMs)
    try {
      const session = await this.#begin(
        "transactions",
        `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${idle}; ${WHO}`,
      )
      session.onEnd(leave)
      return session
    } catch (error) {
      leave()
      throw error
    }
  }

  async #begin(lane: Lane, text: string): Promise<TransactionSession> {
    let client: PoolClient
    try {
      client = await this.pool(lane).connect()
    } catch (error) {
      throw toStoreError(error)
    }
    const session = new TransactionSession(client, this.#translate, (statement, values) =>
      this.#toQuery(statement, values),
    )
    try {
      await session.begin(text)
      return session
    } catch (error) {
      session.destroy()
      throw toStoreError(error)
    }
  }

  pool(lane: Lane): PgPool {
    let pool = this.#pools.get(lane)
    if (pool === undefined) {
      pool = new this.#pg.Pool(this.#config(lane))
      pool.on("error", ignore) // an idle connection broke: the next query opens another
      this.#pools.set(lane, pool)
    }
    return pool
  }

  /** Those that were asked for so far. */
  pools(): PoolState[] {
    return [...this.#pools].map(([lane, { totalCount, idleCount, waitingCount }]) => ({
      lane,
      total: totalCount,
      idle: idleCount,
      waiting: waitingCount,
    }))
  }

  /** What a client of our own, outside of the pools, connects with. */
  clientConfig(): PoolConfig {
    const { url, answerTimeoutMs, applicationName, pooler } = this.options
    return {
      connectionString: url,
      application_name: applicationName,
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: {
        getTypeParser: (oid: number, format?: "text" | "binary") => this.#parserOf(oid, format),
      } as never,
      // A pooler would refuse what it does not know, or hand it to the next one's session.
      ...(pooler ? {} : { options: "-c default_transaction_isolation=read\\ committed -c jit=off" }),
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()))
  }

  #config(lane: Lane): PoolConfig {
    const { readers, transactions } = this.options
    const config = { ...this.clientConfig(), allowExitOnIdle: false }
    switch (lane) {
      case "commits":
        return { ...config, max: 2, idleTimeoutMillis: 0 }
      case "leases":
        return { ...config, max: 3, idleTimeoutMillis: 0 } // a look asks for two things at once, and a heartbeat never waits
      case "reads":
        return { ...config, max: readers, idleTimeoutMillis: IDLE_READER_MS }
      case "transactions": {
        // Handlers see this one: values come as the driver gives them, and statements take their time.
        const { types: _, query_timeout: __, ...plain } = config
        return { ...plain, max: transactions, idleTimeoutMillis: IDLE_READER_MS }
      }
    }
  }

  #toQuery({ name, sql }: HotStatement, values: readonly unknown[]) {
    const text = this.#place(sql)
    return this.options.pooler
      ? { text, values: values as unknown[] }
      : { name, text, values: values as unknown[] }
  }

  /** Whole numbers and sums are numbers here: none of ours grows beyond what a double holds. */
  #parserOf(oid: number, format: "text" | "binary" | undefined): unknown {
    if (oid === INT8 || oid === NUMERIC) return Number
    return this.#pg.types.getTypeParser(oid, format as "text")
  }
}

/** About three seconds in all. */
const LONGEST_PAUSE_MS = 1_000

const INT8 = 20
const NUMERIC = 1700
const WHO = "SELECT pg_backend_pid() AS pid"
const IDLE_LIMIT = "5s"
const IDLE_READER_MS = 10_000

/** One connection inside one transaction. */
export class TransactionSession implements Session {
  readonly client: PoolClient
  readonly #translate: (sql: string) => string
  readonly #toQuery: (statement: HotStatement, values: readonly unknown[]) => object
  readonly #onEnd: (() => void)[] = []
  #ended = false
  #processId: number | null = null

  constructor(
    client: PoolClient,
    translate: (sql: string) => string,
    toQuery: (statement: HotStatement, values: readonly unknown[]) => object,
  ) {
    this.client = client
    this.#translate = translate
    this.#toQuery = toQuery
    client.on("error", ignore) // the query under way rejects as well
  }

  /** `text` may be several statements: what the last one answers to `WHO` is kept. */
  async begin(text: string): Promise<void> {
    const answers: QueryResult<{ pid?: number }>[] = [await this.query(text)].flat()
    this.#processId = answers.at(-1)?.rows[0]?.pid ?? null
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<QueryResult> {
    return this.client.query(sql, values as unknown[])
  }

  async call(statement: HotStatement, values: readonly unknown[]): Promise<readonly Row[]> {
    const { rows } = await this.client.query(this.#toQuery(statement, values) as never)
    return rows as Row[]
  }

  run<T>(program: Program<T>): Promise<T> {
    return runProgram(program, (sql, values) => this.client.query(this.#translate(sql), values as unknown[]))
  }

  /** Runs some of it so that its failure leaves the rest alone. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.query("SAVEPOINT change")
    try {
      const result = await work()
      await this.query("RELEASE SAVEPOINT change")
      return result
    } catch (error) {
      await this.query("ROLLBACK TO SAVEPOINT change")
      await this.query("RELEASE SAVEPOINT change")
      throw error
    }
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  /** The server's number of this connection, if it was asked for: what a pooler tells the driver is its own. */
  get processId(): number | null {
    return this.#processId
  }

  onEnd(callback: () => void): void {
    this.#onEnd.push(callback)
  }

  async end(how: "COMMIT" | "ROLLBACK"): Promise<void> {
    if (this.#ended) return
    await this.query(how)
    this.#release(false)
  }

  /** Closes the connection; the server rolls back. */
  destroy(): void {
    this.#release(true)
  }

  #release(broken: boolean): void {
    if (this.#ended) return
    this.#ended = true
    if (!broken) this.client.off("error", ignore)
    this.client.release(broken)
    for (const callback of this.#onEnd) callback()
  }
}

async function runProgram<T>(
  program: Program<T>,
  query: (sql: string, values: readonly Value[]) => Promise<QueryResult>,
): Promise<T> {
  let step = program.next({ rows: [], count: 0 })
  while (!step.done) {
    const { rows, rowCount } = await query(step.value.sql, step.value.values)
    step = program.next({ rows: rows as Row[], count: rowCount ?? 0 } satisfies Result)
  }
  return step.value
}

/** `pg` is asked for only where it is needed, and by a clear error where it is missing. */
export async function loadDriver(): Promise<typeof import("pg")> {
  try {
    const loaded = (await import("pg")) as unknown as { default: typeof import("pg") }
    return loaded.default
  } catch (cause) {
    throw new ConfigError(
      "Expected the package `pg` for a `postgres://…` database, but it is not installed. Install it: npm install pg",
      { cause },
    )
  }
}

function ignore(): void {}
