import { StoreError } from "../core/errors.ts"
import { isGone, processIdentity } from "../engine/process.ts"
import { MIGRATIONS } from "../engines/sqlite/migrations.ts"
import type { Row } from "./tables.ts"

type Ask = (sql: string) => readonly Row[]

/** @throws StoreError for a file that is no store, or one of another version */
export function checkVersion(path: string, ask: Ask): void {
  const table = ask("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'")
  if (table.length === 0) throw notOurs(path, null)
  const number = ask("SELECT max(number) AS number FROM migrations")[0]?.number
  if (number === MIGRATIONS.length) return
  throw new StoreError(
    `Expected \`${path}\` to be at migration ${MIGRATIONS.length}, as this version of Carillon is, got one at ${number}. Bring it there with \`carillon migrate --database\`, or copy with the version that wrote it.`,
  )
}

export function notOurs(path: string, cause: unknown): StoreError {
  return new StoreError(
    `Expected \`${path}\` to be a Carillon store, got another file. Name it with --from.`,
    {
      cause,
    },
  )
}

/** @throws StoreError while somebody works on the file: what they would still write would be missing */
export function refuseWorkers(path: string, ask: Ask): void {
  const [now, self] = [Date.now(), processIdentity()]
  const isAlive = ({ expires_at, host, pid, name }: Row): boolean =>
    (expires_at as number) > now &&
    !(host === self.host && isGone({ pid: pid as number, token: name as string }, self))
  const live = ask("SELECT group_name, name, host, pid, seen_at, expires_at FROM workers").filter(isAlive)
  if (live.length === 0) return
  throw new StoreError(
    `Expected \`${path}\` to be at rest, got one with ${live.length === 1 ? "a live worker" : `${live.length} live workers`}: ${live.map((row) => shown(row, now)).join("; ")}. Stop every process that uses the file, then copy.`,
  )
}

function shown({ group_name, host, pid, seen_at }: Row, now: number): string {
  const seconds = Math.max(0, Math.round((now - (seen_at as number)) / 1_000))
  return `group \`${group_name}\`, pid ${pid} on ${String(host).split(" ")[0]}, seen ${seconds} s ago`
}
