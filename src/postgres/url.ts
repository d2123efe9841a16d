import { ConfigError, expected } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"

/** A database's URL, taken apart into what is the driver's and what is ours. */
export interface PostgresUrl {
  readonly url: string // for the driver, which knows none of ours
  readonly schema: string | undefined
  readonly pooler: boolean | undefined
}

/**
 * Reads `?schema=` and `?pooler=` out of a `postgres://…` URL: so one word says all of it, wherever a
 * database is named.
 */
export function readPostgresUrl(text: string): PostgresUrl {
  const [base, query] = parted(text)
  const ours = new URLSearchParams(query)
  const theirs = query.split("&").filter((each) => each !== "" && !OURS.includes(nameOf(each)))
  for (const each of theirs) refuseUnknown(nameOf(each))
  return {
    url: theirs.length === 0 ? base : `${base}?${theirs.join("&")}`,
    schema: only(ours, "schema"),
    pooler: truth(only(ours, "pooler")),
  }
}

const OURS = ["schema", "pooler"]

/** What the driver and the server's own tools know. A slip among ours would otherwise be nobody's. */
const THEIRS = [
  ..."application_name channel_binding client_encoding connect_timeout dbname fallback_application_name host".split(
    " ",
  ),
  ..."hostaddr idle_in_transaction_session_timeout keepalives keepalives_idle lock_timeout options password".split(
    " ",
  ),
  ..."port query_timeout ssl sslcert sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert".split(" "),
  ..."statement_timeout target_session_attrs user uselibpqcompat".split(" "),
]

function nameOf(parameter: string): string {
  return parameter.split("=")[0] ?? ""
}

function refuseUnknown(name: string): void {
  if (THEIRS.includes(name)) return
  const near = nearestName(name, [...OURS, ...THEIRS])
  const mend = near === null ? "Leave it out." : `Did you mean \`${near}\`?`
  throw new ConfigError(`Expected no parameter \`${name}\` in the database's URL: nobody knows it. ${mend}`)
}

function only(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) throw new ConfigError(`Expected one \`${name}\` in the database's URL, got several.`)
  return values[0]
}

function truth(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (text === "true" || text === "false") return text === "true"
  throw new ConfigError(expected("`pooler` in the database's URL to be true or false", text))
}

export function isPostgresUrl(database: unknown): database is `postgres${string}` {
  return typeof database === "string" && /^postgres(ql)?:\/\//i.test(database)
}

/** A URL as it may be shown: its password is hidden. */
export function withoutPassword(text: string): string {
  const [base, query] = parted(text)
  const shown = base.replace(/^(\w+:\/\/[^:@/]*):.*@/, "$1:***@")
  return query === "" ? shown : `${shown}?${query.replace(/(^|&)(\w*password)=[^&]*/gi, "$1$2=***")}`
}

function parted(text: string): [base: string, query: string] {
  const at = text.indexOf("?")
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]
}
