import { userInfo } from "node:os"
import type { Access } from "../identity/access.ts"
import type { Act, Note } from "../identity/audit.ts"
import type { Operator } from "./operator.ts"

/** Whoever has the database in their hands may do everything; the audit log says who it was. */
export function commandLine(): Access {
  const name = osUser()
  return { actor: { kind: "command line", id: name, name }, permissions: "all", scopes: "all" }
}

/** Does what the command line was asked for, and leaves a trace of it; a server leaves its own. */
export function audited<T>(carillon: Operator, act: Act, work: (note: Note) => Promise<T>): Promise<T> {
  return carillon.identity.audit.audited(commandLine(), act, work)
}

/** In a container there may be nobody of that number. */
function osUser(): string {
  try {
    return userInfo().username
  } catch {
    return process.getuid === undefined ? "unknown" : `uid ${process.getuid()}`
  }
}
