import type { IncomingHttpHeaders } from "node:http"
import type { AttemptDetails, ReceivedResponse } from "../../core/job.ts"
import type { Answer } from "./exchange.ts"

const MASK = "***"
const MOST_HEADERS = 40
const MOST_VALUE = 300

/** Of headers that these words stand in the names of, nobody needs the values who may read an attempt. */
const SECRET = /auth|cookie|key|password|secret|session|signature|token/

export interface SentParts {
  readonly recipient: string
  /** All that was sent, and the names of those that the subscription added: their values are sealed elsewhere. */
  readonly headers: Readonly<Record<string, string>>
  readonly custom: Readonly<Record<string, string>>
  readonly bytes: number
}

type Answered = AttemptDetails & { readonly response: ReceivedResponse }

/** What is kept of an attempt: enough to see what happened, nothing that would let in whoever reads it. */
export function attemptDetails(sent: SentParts, answer: Answer): Answered
export function attemptDetails(sent: SentParts, answer: Answer | null): AttemptDetails
export function attemptDetails(
  { recipient, headers, custom, bytes }: SentParts,
  answer: Answer | null,
): AttemptDetails {
  const sent: Record<string, string> = {}
  for (const name in headers) sent[name] = name in custom ? MASK : shown(name, headers[name] ?? "")
  return {
    notifier: "http",
    recipient: withoutValues(recipient),
    status: answer?.status ?? null,
    request: { headers: sent, bytes },
    response: answer && received(answer, custom),
  }
}

function received({ headers, body, isCut }: Answer, custom: SentParts["custom"]): ReceivedResponse {
  const masked = withoutValuesOf(custom)
  return { headers: shownHeaders(headers, masked), body: masked(textOf(body)), isCut }
}

// Shorter ones are no secrets, and would be found in every text.
const SHORTEST_SECRET = 6

/** There are recipients that send back what they were sent. */
function withoutValuesOf(custom: SentParts["custom"]): (text: string) => string {
  const values = Object.values(custom).flatMap((value) => [value, value.slice(value.indexOf(" ") + 1)])
  const secrets = values.filter(({ length }) => length >= SHORTEST_SECRET)
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text)
}

/** A store keeps all attempts of a delivery in one row, so that what a recipient sends has an end. */
function shownHeaders(
  headers: IncomingHttpHeaders,
  masked: (text: string) => string,
): Record<string, string> {
  const told: Record<string, string> = {}
  for (const name of Object.keys(headers).slice(0, MOST_HEADERS))
    told[storable(name)] = shown(name, masked(String(headers[name] ?? "")))
  return told
}

function shown(name: string, value: string): string {
  if (isSecret(name)) return MASK
  return storable(value.length > MOST_VALUE ? `${value.slice(0, MOST_VALUE)}…` : value)
}

const MOST_KNOWN = 1_000
const known = new Map<string, boolean>()

/** The same few names come again and again. */
function isSecret(name: string): boolean {
  const before = known.get(name)
  if (before !== undefined) return before
  const is = SECRET.test(name.toLowerCase())
  if (known.size < MOST_KNOWN) known.set(name, is)
  return is
}

/** Tokens like to stand in queries. */
function withoutValues(recipient: string): string {
  if (!/[?#]/.test(recipient)) return recipient
  const url = new URL(recipient)
  const names = [...new Set(url.searchParams.keys())]
  const query = names.map((name) => `${encodeURIComponent(name)}=${MASK}`).join("&")
  return url.origin + url.pathname + (query === "" ? "" : `?${query}`)
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** A body as text; of bytes that are none, how many they are. */
export function textOf(body: Buffer): string {
  const text = storable(decoder.decode(body))
  if (!text.includes("\uFFFD")) return text
  const strange = text.match(/\uFFFD/g)?.length ?? 0
  // The last character may be cut in two, and old pages have a letter here and there in another code.
  return strange > 3 && strange * 10 > text.length ? `(${body.length} bytes that are no text)` : text
}

/** PostgreSQL has no place for a NUL in a text. */
function storable(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text
}
