import { codeOf, isPermanent, retryAfterOf } from "./errors.ts"

/** Why an attempt failed. */
export interface Failure {
  readonly kind: "error" | "timeout" | "permanent" | "retry-after"
  /** What the error says, with what its causes say; at most 2,000 characters. */
  readonly message: string
  /** The first lines of the error's stack, at most 2,000 characters. */
  readonly stack?: string
  /** With `retry-after`: the time that was asked for, in milliseconds since 1970. */
  readonly until?: number
  /** With `retry-after`, instead of `until`: milliseconds from the moment of the decision. */
  readonly after?: number
  /** With `retry-after`: the policy's own wait is kept where it is longer. */
  readonly notSooner?: true
}

/** The failure that a thrown value means. It never throws itself, whatever was thrown. */
export function failureOf(error: unknown): Failure {
  try {
    return readFailure(error)
  } catch {
    // A thrown object may be a proxy or have a getter that throws; that must not hide the failure.
    return { kind: "error", message: "An object that cannot be read was thrown" }
  }
}

function readFailure(error: unknown): Failure {
  const message = shortened(messageOf(error))
  const stack = stackOf(error)
  const what = stack === undefined ? { message } : { message, stack }
  if (isPermanent(error)) return { kind: "permanent", ...what }
  if (codeOf(error) === "CARILLON_TIMEOUT") return { kind: "timeout", ...what }
  const when = retryAfterOf(error)
  if (when === null) return { kind: "error", ...what }
  const least = read(error, "notSooner") === true ? { notSooner: true as const } : undefined
  return typeof when === "number"
    ? { kind: "retry-after", after: when, ...least, ...what }
    : { kind: "retry-after", until: when.getTime(), ...least, ...what }
}

const longestText = 2_000
const stackLines = 12
const deepestCause = 3

/** An error's message, with those of its causes: alone, "fetch failed" tells nobody what to do. */
function messageOf(error: unknown, depth = 0): string {
  const own = ownMessage(error)
  const cause = depth < deepestCause ? causeOf(error) : undefined
  if (cause === undefined) return own
  const why = messageOf(cause, depth + 1)
  return own.includes(why.split("\n", 1)[0] || why) ? own : `${own} (${why})`
}

function ownMessage(error: unknown): string {
  if (typeof error === "string" && error !== "") return shortened(error)
  const message = read(error, "message")
  if (typeof message === "string" && message !== "") return shortened(message)
  const name = read(error, "name")
  if (typeof name === "string" && name !== "") return `${shortened(name)} without a message`
  return `${kindOf(error)} was thrown`
}

/** The cause; of an error that stands for several, as a refused connection may, the first of them. */
function causeOf(error: unknown): unknown {
  const several = read(error, "errors")
  return read(error, "cause") ?? (Array.isArray(several) ? several[0] : undefined)
}

function stackOf(error: unknown): string | undefined {
  const stack = read(error, "stack")
  return typeof stack === "string" ? shortened(stack).split("\n", stackLines).join("\n") : undefined
}

function read(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[field] : undefined
}

function kindOf(value: unknown): string {
  if (value === "") return "An empty string"
  if (typeof value === "object" && value !== null) return "An object without a message"
  return typeof value === "function" ? "A function" : shortened(String(value))
}

// Half a surrogate pair and NUL are not text to every store, and a failure must be storable.
function shortened(text: string): string {
  const cut = text.length <= longestText ? text : `${text.slice(0, longestText - 1)}…`
  return cut.toWellFormed().replaceAll("\0", "\ufffd")
}
