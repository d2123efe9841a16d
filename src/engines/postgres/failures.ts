import { CarillonError, StoreError, StoreUnavailableError } from "../../core/errors.ts"

/** What goes wrong between us and the server, in the words of the ports. */
export function toStoreError(error: unknown): Error {
  if (error instanceof CarillonError) return error
  if (!(error instanceof Error)) return new StoreError(String(error))
  const code = codeOf(error)
  if (isAway(error, code))
    return new StoreUnavailableError(`PostgreSQL does not answer: ${error.message}${shown(code)}`, {
      cause: error,
    })
  return new StoreError(`PostgreSQL: ${error.message}${shown(code)}`, { cause: error })
}

function shown(code: string | null): string {
  return code === null ? "" : ` (${code})`
}

function codeOf(error: unknown): string | null {
  const cause = error instanceof CarillonError ? error.cause : error
  const code = (cause as { code?: unknown } | null)?.code
  return typeof code === "string" ? code : null
}

/** The transaction met another and nothing of it was done: the same again may well go through. */
export function isCollision(error: unknown): boolean {
  const code = codeOf(error)
  return code === "40001" || code === "40P01" || code === "55P03"
}

/** The row is there already: of a commit that was tried before, and whose answer was lost. */
export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === "23505"
}

/** What is rare in a change that is mostly simple, an id that is taken say: nothing was written, and the slow road knows it. */
export function isUnusual(error: unknown): boolean {
  return codeOf(error) === "CA005"
}

/** There is no partition for the day of this commit yet. */
export function isHomeless(error: unknown): boolean {
  const cause = error instanceof CarillonError ? error.cause : error
  return codeOf(error) === "23514" && String((cause as Error).message).includes("no partition")
}

/** The value itself is at fault, so its neighbours can be written without it. */
export function isBadValue(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code !== null &&
    (code.startsWith("22") || code === "54000" || code === "23502" || code === "23514") &&
    !isHomeless(error)
  )
}

const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ERR_SOCKET_CLOSED",
])

/** Shutting down, starting up, too many clients, cut off, cancelled, out of space or memory: it passes. */
const PASSING = /^(08|53|57P0[1-5]|57014|25P0[34]|58|40001|40P01|55P03)/

const WORDS =
  /Connection terminated|Connection ended|timeout exceeded when trying to connect|Query read timeout|timeout expired|Client has encountered a connection error|Client was closed|server closed the connection|pool after calling end|SSL connection has been closed|pooler error|server_login_retry|query_wait_timeout/i

function isAway(error: Error, code: string | null): boolean {
  if (code !== null && (NETWORK.has(code) || PASSING.test(code))) return true
  return WORDS.test(error.message)
}
