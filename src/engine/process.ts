import { randomUUID } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

/** Who we are to other processes that look whether we still live. */
export interface ProcessIdentity {
  readonly host: string // one machine, one boot, one space of process numbers
  readonly pid: number
  readonly token: string // tells this process from an earlier one with its number
}

/** One token a process, however many stores it opens. */
export function processIdentity(): ProcessIdentity {
  const shared = globalThis as { [PROCESS_TOKEN]?: string }
  shared[PROCESS_TOKEN] ??= randomUUID()
  return { host: hostIdentity(), pid: process.pid, token: shared[PROCESS_TOKEN] }
}

const PROCESS_TOKEN = Symbol.for("carillon.process")

/** Process numbers mean something only on one machine, in one boot, in one process namespace. */
function hostIdentity(): string {
  const parts = [hostname()]
  for (const read of [
    () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    () => readlinkSync("/proc/self/ns/pid"),
  ]) {
    try {
      parts.push(read())
    } catch {
      // Not on Linux: the host's name has to do.
    }
  }
  return parts.join(" ")
}

/** Is the process of this worker, which once ran on our own host, gone? */
export function isGone(worker: Pick<ProcessIdentity, "pid" | "token">, self: ProcessIdentity): boolean {
  if (worker.pid === self.pid) return worker.token !== self.token
  try {
    process.kill(worker.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"
  }
}
