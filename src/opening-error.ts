import { codeOf, StoreError, StoreUnavailableError } from "./core/errors.ts"

/** A store that could not be opened: which it was, what it said, and what most often helps. */
export function openingError(database: string, error: unknown): unknown {
  const code = codeOf(error)
  if (code !== "CARILLON_STORE" && code !== "CARILLON_STORE_UNAVAILABLE") return error
  const { message, cause } = error as Error
  if (message.startsWith("Expected ")) return error // it says all of this already
  const Refused = code === "CARILLON_STORE" ? StoreError : StoreUnavailableError
  return new Refused(`Expected \`${database}\` to be opened, got: ${message}. ${adviceOn(cause, message)}`, {
    cause: error,
  })
}

function adviceOn(cause: unknown, message: string): string {
  if (/startup parameter|prepared statement/.test(message))
    return "A pooler seems to stand between: say so with `?pooler=true` in the URL, or `postgres.pooler`."
  if (message.startsWith("SQLite"))
    return /malformed|not a database/.test(message)
      ? "The file is damaged: stop every process on it, keep a copy, and restore a backup."
      : "Check the file, its disk, and the rights on its folder."
  return (
    ADVICE[codeOf(cause) ?? ""] ?? "Check host and port, and that the server runs and lets this machine in."
  )
}

const ROLE = "Check user and password, and what the server's `pg_hba.conf` lets in."

/** By the server's code. */
const ADVICE: Readonly<Record<string, string>> = {
  "25006": "This server only reads, as a replica does: name the one that writes.",
  "3D000": "Make the database first, with `createdb`.",
  "28P01": ROLE,
  "28000": ROLE,
  "42501": "This role lacks a right: docs/how-to/deploy.md lists what is needed.",
  "53300":
    "The server has no connection left: raise `max_connections`, or use fewer (docs/how-to/tune-postgres.md).",
  "57P03": "The server is starting or stopping: try again in a moment.",
}
