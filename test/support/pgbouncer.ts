import type { ChildProcess } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { query } from "./cluster.ts"
import { Lodging } from "./lodging.ts"
import { freePort, pgbouncerProgram, until } from "./programs.ts"

/** PgBouncer in transaction mode before a server: no session outlives a transaction there. */
export class PgBouncer {
  readonly port: number
  readonly #lodging = new Lodging("pgbouncer")
  #server: ChildProcess | null = null
  #lastWords = ""

  private constructor(port: number) {
    this.port = port
  }

  /** Why it cannot be started here; null = it can. */
  static missing(): string | null {
    if (pgbouncerProgram() !== null) return null
    return "PgBouncer is not installed: Debian has it (apt-get install pgbouncer)"
  }

  /** `target` is the URL of the server; each of its databases can be reached. */
  static async start(target: string, { poolSize = 10 } = {}): Promise<PgBouncer> {
    const program = pgbouncerProgram()
    if (program === null) throw new Error(`Expected PgBouncer. ${PgBouncer.missing()}`)
    const pooler = new PgBouncer(await freePort())
    try {
      await pooler.#start(program, new URL(target), poolSize)
      return pooler
    } catch (error) {
      await pooler.close()
      throw error
    }
  }

  url(database = "postgres"): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`
  }

  async close(): Promise<void> {
    // At once; SIGINT would wait for the clients.
    if (this.#server !== null) await this.#lodging.end(this.#server, "SIGTERM")
    this.#lodging.close()
  }

  async #start(program: string, target: URL, poolSize: number): Promise<void> {
    const { folder } = this.#lodging
    const settings = join(folder, "pgbouncer.ini")
    writeFileSync(settings, this.#settings(target, poolSize))
    const server = this.#lodging.spawn(program, [settings])
    this.#server = server
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2_000)
    })
    server.once("exit", () => {
      this.#server = null
    })
    await until(async () => {
      if (this.#server === null) throw new Error("It ended.")
      return (await query(this.url(target.pathname.slice(1)), "SELECT 1")).length === 1
    }, 5_000).catch((cause) => {
      throw new Error(`PgBouncer does not start. ${this.#lastWords}`, { cause })
    })
  }

  /** After a restart of the server it would wait 15 s before it tries again, which is a worker's lease. */
  #settings(target: URL, poolSize: number): string {
    const { folder } = this.#lodging
    return `
[databases]
* = host=${target.hostname} port=${target.port || 5432} user=${target.username || "postgres"} ${password(target)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${this.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
server_login_retry = 1
pidfile = ${join(folder, "pgbouncer.pid")}
logfile = ${join(folder, "pgbouncer.log")}
`
  }
}

function password({ password: given }: URL): string {
  return given === "" ? "" : `password='${decodeURIComponent(given).replaceAll("'", "''")}'`
}
