import { UsageError } from "./output.ts"

/** How a verb is told to ask a server instead of a database. */
export interface ServerFlags {
  readonly database?: string
  readonly url?: string
  readonly token?: string
}

/** The server's address; null = the verb works on the database itself. A flag says more than the environment. */
export function serverUrl(flags: ServerFlags): string | null {
  const url = urlOf(flags)
  if (url === null && flags.token !== undefined)
    throw new UsageError("Expected --url beside --token: say which server it is for.")
  return url
}

function urlOf({ database, url }: ServerFlags): string | null {
  const { CARILLON_URL, CARILLON_DATABASE } = process.env
  if (database !== undefined && url !== undefined) throw both("--database", "--url")
  if (database !== undefined) return null
  if (url !== undefined) return url
  if (!CARILLON_URL) return null
  if (CARILLON_DATABASE) throw both("CARILLON_DATABASE", "CARILLON_URL")
  return CARILLON_URL
}

/** @throws UsageError where the verb makes no sense but on the database itself */
export function refuseServer(flags: ServerFlags, verb: string): void {
  if (serverUrl(flags) === null) return
  throw new UsageError(
    `Expected \`carillon ${verb}\` to be told a database: it works on that itself, not over --url. Name one with --database, where that can be reached.`,
  )
}

function both(one: string, other: string): UsageError {
  return new UsageError(
    `Expected either ${one} or ${other}, got both: say whether the database or the server is meant.`,
  )
}
