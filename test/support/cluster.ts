import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import { Client } from "pg"
import { Lodging } from "./lodging.ts"
import { freePort, HOW_TO_GET_POSTGRES, postgresFolder, until } from "./programs.ts"

export interface ClusterOptions {
  /** Settings of the server beside a stock server's. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/**
 * A PostgreSQL server of the tests' own, on a free port of 127.0.0.1, with a stock server's settings
 * (fsync on). It can be stopped, restarted and killed; nothing of it is left behind.
 */
export class Cluster {
  readonly port: number
  readonly #lodging: Lodging
  readonly #programs: string
  readonly #settings: Readonly<Record<string, string | number>>
  #server: ChildProcess | null = null
  #lastWords = ""

  private constructor(port: number, programs: string, settings: Readonly<Record<string, string | number>>) {
    this.port = port
    this.#programs = programs
    this.#settings = settings
    this.#lodging = new Lodging("postgres")
  }

  /** @throws Error when PostgreSQL is not installed here */
  static async start({ settings = {} }: ClusterOptions = {}): Promise<Cluster> {
    const programs = postgresFolder()
    if (programs === null)
      throw new Error(`Expected PostgreSQL's programs, found none: ${HOW_TO_GET_POSTGRES}.`)
    const cluster = new Cluster(await freePort(), programs, settings)
    try {
      const how = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
      cluster.#lodging.run(join(programs, "initdb"), ["-D", cluster.#data, ...how])
      await cluster.start()
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  url(database = "postgres"): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`
  }

  async start(): Promise<void> {
    // After a SIGKILL the old server's backends may hold its shared memory for a moment.
    await until(async () => {
      if (this.#server === null) this.#spawn()
      await this.query("SELECT 1")
      return true
    }).catch((cause) => {
      throw new Error(`The server does not start. ${this.#lastWords}`, { cause })
    })
  }

  /** `fast` ends connections and writes everything out; `immediate` just quits, and has to recover at the start. */
  async stop(mode: "fast" | "immediate" = "fast"): Promise<void> {
    await this.#end(mode === "fast" ? "SIGINT" : "SIGQUIT")
  }

  async restart(mode: "fast" | "immediate" = "fast"): Promise<void> {
    await this.stop(mode)
    await this.start()
  }

  /** SIGKILL to the server's first process: the others notice, and what was not on disk is lost. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL")
  }

  /** Ends connections as an administrator would; says how many. `where` is SQL over `pg_stat_activity`. */
  async terminateBackends(where = "true"): Promise<number> {
    const rows = await this.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND (${where})`,
    )
    return rows.length
  }

  async query<T = Record<string, unknown>>(
    sql: string,
    values: unknown[] = [],
    database?: string,
  ): Promise<T[]> {
    return query<T>(this.url(database), sql, values)
  }

  async close(): Promise<void> {
    await this.#end("SIGQUIT")
    this.#lodging.close()
  }

  get #data(): string {
    return join(this.#lodging.folder, "data")
  }

  #spawn(): void {
    const settings = { listen_addresses: "127.0.0.1", port: this.port, unix_socket_directories: "" }
    const args = Object.entries({ ...settings, ...this.#settings }).flatMap(([name, value]) => [
      "-c",
      `${name}=${value}`,
    ])
    const server = this.#lodging.spawn(join(this.#programs, "postgres"), ["-D", this.#data, ...args])
    this.#server = server
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2_000)
    })
    server.once("exit", () => {
      if (this.#server === server) this.#server = null
    })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#server !== null) await this.#lodging.end(this.#server, signal)
    this.#server = null
  }
}

/** One query on a connection of its own. */
export async function query<T = Record<string, unknown>>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new Client({ connectionString: url, application_name: "carillon-tests" })
  client.on("error", () => {}) // whoever waits for the query is told
  await client.connect()
  try {
    return (await client.query(sql, values)).rows as T[]
  } finally {
    await client.end()
  }
}
