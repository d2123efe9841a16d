import { readdirSync, readFileSync } from "node:fs"

/**
 * Processor time in milliseconds of the server's processes that work for a database: its backends and those that serve
 * all databases. By process id; null where the system does not tell.
 */
export function serverCpu(postmaster: number, database: string): Map<number, number> | null {
  if (process.platform !== "linux") return null
  return new Map(
    childrenOf(postmaster).flatMap((pid) => {
      try {
        return worksFor(pid, database) ? [[pid, cpuMsOf(pid)] as const] : []
      } catch {
        return [] // It has ended meanwhile.
      }
    }),
  )
}

/** The difference of two looks; a process that came between counts in full, one that went counts nothing. */
export function cpuBetween(
  before: Map<number, number> | null,
  after: Map<number, number> | null,
): number | null {
  if (before === null || after === null) return null
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0)
}

/** Null where `backend` is no process of this machine's PostgreSQL. */
export function postmasterOf(backend: number): number | null {
  try {
    return /postgres/.test(readFileSync(`/proc/${backend}/comm`, "utf8")) ? parentOf(backend) : null
  } catch {
    return null
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)
}

const FOR_ALL = /checkpointer|background writer|walwriter|autovacuum|logical replication|io worker/

/** A backend's title says which database it serves: `postgres: 15/main: user database host(port) state`. */
function worksFor(pid: number, database: string): boolean {
  const title = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
  return FOR_ALL.test(title) || title.includes(` ${database} `)
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in brackets may hold spaces; the parent is the second word behind it.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
  } catch {
    return null // It has ended meanwhile.
  }
}

function cpuMsOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6
}
