import { expected, InvalidInputError, WebhookVerificationError } from "../core/errors.ts"
import { type CheckingKey, checkingKey, rawKey, tokenKey, verifies } from "./verify-keys.ts"
import {
  bodyBytes,
  headerOf,
  type ReceivedBody,
  readHeaders,
  readLegacySignature,
  type WebhookHeaders,
} from "./verify-request.ts"

/** A request as a receiver got it. */
export interface ReceivedWebhook {
  /** A `Headers`, or an object such as Node's `request.headers`. */
  readonly headers: WebhookHeaders
  /** Exactly as it came, before anybody parsed it: signatures are over bytes. */
  readonly body: ReceivedBody
  /**
   * What the sender gave you: `whsec_…` (HMAC), or the public key `whpk_…` (ed25519). Several while one is replaced by
   * another.
   */
  readonly secret: string | readonly string[]
  /**
   * By how many seconds the time of sending may differ from yours. A request that somebody caught can be sent again for
   * so long.
   *
   * @defaultValue 300
   */
  readonly toleranceSeconds?: number
  /** @defaultValue the time by this machine's clock; else a date, or epoch milliseconds */
  readonly now?: Date | number
}

/** What is known for certain: all of this was signed. Other headers were not. */
export interface VerifiedWebhook<T = unknown> {
  /** The same however often it is sent: remember it, and do nothing twice. */
  readonly id: string
  /** When this attempt was made. */
  readonly timestamp: Date
  /** The body: of JSON its value, else its text; undefined = it is empty. */
  readonly payload: T
}

/**
 * Checks that a webhook is by its sender and not an old one: Standard Webhooks with `v1` (HMAC-SHA256) and `v1a`
 * (ed25519), under its own header names or those of Svix.
 *
 * It runs wherever there is Web Crypto: Node, Deno, Bun, edge functions. Comparisons take the same time whatever they
 * find.
 *
 * @throws WebhookVerificationError, with a `reason`, for a request not to be trusted
 * @throws InvalidInputError for a secret that is none: nothing can be checked
 *
 * @example
 * ```ts
 * import { verifyWebhook } from "carillon/webhooks"
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const body = await request.arrayBuffer()
 *   const { id, payload } = await verifyWebhook({
 *     headers: request.headers,
 *     body,
 *     secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
 *   })
 *   console.log(id, payload)
 *   return new Response(null, { status: 204 })
 * }
 * ```
 */
export async function verifyWebhook<T = unknown>(request: ReceivedWebhook): Promise<VerifiedWebhook<T>> {
  const { headers, body, secret, toleranceSeconds = 300, now = Date.now() } = request
  const keys = secretsIn(secret, "secret").map(checkingKey)
  const bytes = bodyBytes(body)
  const { id, timestamp } = await checkedSignatures({ headers, bytes, keys, toleranceSeconds, now })
  return { id, timestamp, payload: payloadOf(bytes, headers) as T }
}

/** A request in the form of Magento's async events. */
export interface ReceivedLegacyWebhook {
  readonly headers: WebhookHeaders
  /** Exactly as it came, before anybody parsed it. */
  readonly body: ReceivedBody
  /** The verification token of the subscription; several while one is replaced by another. */
  readonly token: string | readonly string[]
  /**
   * By how many seconds the time of sending may differ from yours. The signature of this form knows no time, so a
   * request that somebody caught can be sent again for ever; Carillon signs id and time beside it, and with a number
   * here these are asked for and checked as well. A Magento shop of its own does not send them.
   *
   * @defaultValue null, the time is not looked at
   */
  readonly toleranceSeconds?: number | null
  /** @defaultValue the time by this machine's clock; else a date, or epoch milliseconds */
  readonly now?: Date | number
}

/** What is known for certain. */
export interface VerifiedLegacyWebhook<T = unknown> {
  readonly id: string | null // null = it was not asked to be signed
  readonly timestamp: Date | null // null = it was not asked to be signed
  /** The body: what a subscription in this form wants to say stands in `data`. */
  readonly payload: { readonly data: T }
}

/**
 * Checks `x-magento-signature`, with which subscriptions of the `legacy` form and Magento's async events are signed.
 *
 * @throws WebhookVerificationError, with a `reason`, for a request not to be trusted
 * @throws InvalidInputError for a token that is none: nothing can be checked
 */
export async function verifyLegacyWebhook<T = unknown>(
  request: ReceivedLegacyWebhook,
): Promise<VerifiedLegacyWebhook<T>> {
  const { headers, body, token, toleranceSeconds = null, now = Date.now() } = request
  const tokens = secretsIn(token, "token")
  const bytes = bodyBytes(body)
  await checkLegacySignature(headers, bytes, tokens)
  const payload = payloadOf(bytes, headers) as { readonly data: T }
  if (toleranceSeconds === null) return { id: null, timestamp: null, payload }
  const keys = tokens.map(tokenKey)
  return { ...(await checkedSignatures({ headers, bytes, keys, toleranceSeconds, now })), payload }
}

interface Check {
  readonly headers: WebhookHeaders
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly keys: readonly CheckingKey[]
  readonly toleranceSeconds: number
  readonly now: Date | number
}

async function checkedSignatures(check: Check): Promise<{ id: string; timestamp: Date }> {
  const { id, timestamp, signatures } = readHeaders(check.headers)
  checkTime(Number(timestamp), check)
  const head = new TextEncoder().encode(`${id}.${timestamp}.`)
  const signed = new Uint8Array(head.length + check.bytes.length)
  signed.set(head)
  signed.set(check.bytes, head.length)
  for (const key of check.keys)
    for (const { version, signature } of signatures)
      if (key.version === version && (await verifies(key, signature, signed)))
        return { id, timestamp: new Date(Number(timestamp) * 1000) }
  throw new WebhookVerificationError(
    "Expected a signature by one of the secrets over this id, time and body, got none. Is the secret the one of this endpoint, and the body as it came, before it was parsed?",
    "no-match",
  )
}

async function checkLegacySignature(
  headers: WebhookHeaders,
  bytes: Uint8Array<ArrayBuffer>,
  tokens: readonly string[],
): Promise<void> {
  const signature = readLegacySignature(headers)
  for (const token of tokens) if (await verifies(rawKey(token), signature, bytes)) return
  throw new WebhookVerificationError(
    "Expected `x-magento-signature` to be by one of the tokens over this body, got another. Is the token the one of this subscription, and the body as it came, before it was parsed?",
    "no-match",
  )
}

function checkTime(timestamp: number, { toleranceSeconds, now }: Check): void {
  const at = Number(now) / 1000
  if (!Number.isFinite(at)) throw new InvalidInputError(expected("`now` to be a date or milliseconds", now))
  if (typeof toleranceSeconds !== "number" || !(toleranceSeconds >= 0))
    throw new InvalidInputError(expected("`toleranceSeconds` to be a number from 0 up", toleranceSeconds))
  const age = Math.floor(at) - timestamp
  const wish = `Expected a webhook that was sent within ${toleranceSeconds} seconds of now`
  if (age > toleranceSeconds)
    throw new WebhookVerificationError(`${wish}, got one of ${age} seconds ago.`, "too-old")
  if (-age > toleranceSeconds)
    throw new WebhookVerificationError(
      `${wish}, got one ${-age} seconds ahead. Is the clock right?`,
      "too-new",
    )
}

/** An empty list or text would be an open door, or a riddle: most often an environment variable is not set. */
function secretsIn(given: unknown, what: string): readonly string[] {
  const all: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (all.length > 0 && all.every((each): each is string => typeof each === "string" && each !== ""))
    return all
  throw new InvalidInputError(
    `Expected \`${what}\` to be text, or an array of one or several, got something that is missing or empty. Is the environment variable set?`,
  )
}

function payloadOf(bytes: Uint8Array, headers: WebhookHeaders): unknown {
  if (bytes.length === 0) return undefined
  const isJson = /^\s*$|[/+]json\s*(;|$)/i.test(headerOf(headers, "content-type") ?? "")
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return isJson ? JSON.parse(text) : text
  } catch (cause) {
    const wish = isJson ? "JSON" : "text in UTF-8"
    const message = `Expected the body to be ${wish}, got something else; its signature is right.`
    throw new WebhookVerificationError(message, "bad-body", { cause })
  }
}
