import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { chownSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Who a server runs as: PostgreSQL and PgBouncer refuse to be root. */
export interface Tenant {
  readonly uid?: number
  readonly gid?: number
}

/**
 * A folder for a server of the tests' own, and whom it belongs to.
 *
 * When this process is gone, however it went, what runs in the folder is killed and the folder is
 * removed: a shell that reads from us to the end does it.
 */
export class Lodging {
  readonly folder: string
  readonly tenant: Tenant
  readonly #minder: ChildProcess

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `carillon-${name}-`))
    this.tenant = tenant()
    if (this.tenant.uid !== undefined) chownSync(this.folder, this.tenant.uid, this.tenant.gid ?? 0)
    this.#minder = spawn("/bin/sh", ["-c", MINDER, "minder", this.folder], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true, // what is typed at us in a terminal is not for it
    })
    this.#minder.unref()
    unref(this.#minder.stdin)
  }

  /** Runs a program here to its end; throws what it said when it fails. */
  run(program: string, args: readonly string[]): void {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      ...this.tenant,
      cwd: this.folder,
      encoding: "utf8",
    })
    if (error !== undefined || status !== 0)
      throw new Error(`${program} ended with ${status}: ${stdout}${stderr}`, { cause: error })
  }

  /** Starts a server here, which keeps nobody from ending. */
  spawn(program: string, args: readonly string[]): ChildProcess {
    const server = spawn(program, args, {
      ...this.tenant,
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"],
    })
    server.unref()
    unref(server.stderr)
    return server
  }

  /** Sends a server a signal and waits for its end. */
  async end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once("exit", resolve))
    server.ref()
    server.kill(signal)
    await ended
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    this.#minder.stdin?.end()
  }
}

/** `postmaster.pid` has the number in its first line, and so has PgBouncer's file. */
const MINDER = `
read -r _
for file in "$1"/data/postmaster.pid "$1"/pgbouncer.pid; do
  [ -f "$file" ] && kill -9 "$(head -n 1 "$file")"
done
sleep 1
rm -rf "$1"
`

/** A child's pipes are sockets, whatever their types say. */
function unref(pipe: unknown): void {
  ;(pipe as { unref(): void }).unref()
}

function tenant(): Tenant {
  if (process.getuid?.() !== 0) return {}
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) =>
      Number(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout),
    )
    if (uid !== undefined && uid > 0) return { uid, gid }
  }
  throw new Error("Expected a user `postgres` or `nobody`: PostgreSQL refuses to run as root.")
}
