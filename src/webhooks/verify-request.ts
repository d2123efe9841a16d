import { expected, InvalidInputError, WebhookVerificationError } from "../core/errors.ts"

/** A `Headers`, or an object such as Node's `request.headers`; names are in upper or lower case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

export type ReceivedBody = string | Uint8Array | ArrayBuffer

/** The bytes that were signed; of text those of its UTF-8. */
export function bodyBytes(body: ReceivedBody): Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return new TextEncoder().encode(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body)
  if (Object.prototype.toString.call(body) === "[object ArrayBuffer]") return new Uint8Array(body)
  throw new InvalidInputError(
    `${expected("the body as it came, as text or bytes", body)} Read it before anything parses it.`,
  )
}

/** What the headers say of who signed what and when. */
export interface ReadHeaders {
  readonly id: string
  readonly timestamp: string // as it was signed: digits, seconds
  readonly signatures: readonly { readonly version: string; readonly signature: Uint8Array<ArrayBuffer> }[]
}

/** A list of signatures is as long as there are secrets: more is somebody who wants us to be busy. */
const MOST_SIGNATURES = 20

/** By Standard Webhooks; where none of its headers is there, by Svix. */
export function readHeaders(headers: WebhookHeaders): ReadHeaders {
  const isOurs = NAMES.some((name) => headerOf(headers, `webhook-${name}`) !== null)
  const [id, timestamp, signatures] = NAMES.map((name) =>
    single(headers, `${isOurs ? "webhook" : "svix"}-${name}`),
  )
  if (!/^\d{1,12}$/.test(timestamp as string)) throw badHeader("its timestamp in whole seconds")
  const entries = (signatures as string).split(" ", MOST_SIGNATURES).map((entry) => {
    const [version = "", signature = ""] = entry.split(",")
    return { version, signature: bytesOfBase64(signature) }
  })
  return { id: id as string, timestamp: timestamp as string, signatures: entries }
}

const NAMES = ["id", "timestamp", "signature"] as const

export function readLegacySignature(headers: WebhookHeaders): Uint8Array<ArrayBuffer> {
  const hex = single(headers, "x-magento-signature")
  if (!/^[\da-f]{64}$/.test(hex)) throw badHeader("`x-magento-signature` in 64 hexadecimal digits")
  return Uint8Array.from(hex.match(/../g) as string[], (digits) => Number.parseInt(digits, 16))
}

/** Null = it is not there. */
export function headerOf(headers: WebhookHeaders, name: string): string | null {
  if (isHeaders(headers)) return headers.get(name)
  const found = Object.entries(headers).filter(
    ([each, value]) => each.toLowerCase() === name && value !== undefined,
  )
  const values = found.flatMap(([, value]) => value as string | readonly string[])
  return values.length === 0 ? null : values.join(", ")
}

function isHeaders(headers: WebhookHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === "function"
}

function single(headers: WebhookHeaders, name: string): string {
  const value = headerOf(headers, name)
  if (value !== null && value !== "") return value
  throw new WebhookVerificationError(`Expected a header \`${name}\`, got none.`, "missing-header")
}

function badHeader(what: string): WebhookVerificationError {
  return new WebhookVerificationError(`Expected ${what}, got something else.`, "bad-header")
}

/** What is no base64 is no signature either, and fits nothing. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(text)) return new Uint8Array()
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}
