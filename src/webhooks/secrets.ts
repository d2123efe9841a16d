import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { BodyForm, SecretKind } from "./notifier.ts"

export type { SecretKind } from "./notifier.ts"

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme */
const HMAC = "whsec_"
const PRIVATE = "whsk_"
const PUBLIC = "whpk_"
const LEAST_BYTES = 24
const MOST_BYTES = 64
const NEW_BYTES = 32
const SEED_BYTES = 32
const MOST_CHARACTERS = 1_000

/** A secret by chance: 32 bytes as `whsec_…`, or an ed25519 key as `whsk_…`. Every form can be signed with it. */
export function newSecret(kind: SecretKind = "hmac"): string {
  if (kind === "hmac") return HMAC + randomBytes(NEW_BYTES).toString("base64")
  const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })
  return PRIVATE + Buffer.concat([fromJwk(d), fromJwk(x)]).toString("base64")
}

/**
 * The secret as it is kept: whole and with its padding.
 *
 * @throws InvalidInputError for one that a body of this form could not be signed with, or that is too easily guessed
 */
export function checkedSecret(secret: unknown, form: BodyForm): string {
  if (typeof secret !== "string") throw new InvalidInputError(expected("the secret to be text", secret))
  if (form === "legacy") return checkedText(secret)
  const key = signingKeyOf(secret)
  if (key.kind === "text") throw refused("`whsec_…` (HMAC) or `whsk_…` (ed25519)", kindOf(secret))
  return key.secret
}

/** What receivers check with, as `whpk_…`; null = it is shared with them. */
export function publicKeyOf(secret: string): string | null {
  const key = signingKeyOf(secret)
  return key.kind === "ed25519" ? key.publicKey : null
}

export type SigningKey =
  | { readonly kind: "hmac"; readonly secret: string; readonly key: Uint8Array }
  | {
      readonly kind: "ed25519"
      readonly secret: string
      readonly key: KeyObject
      readonly publicKey: string
    }
  /** A token of a receiver in the legacy form: its UTF-8 bytes are the key. */
  | { readonly kind: "text"; readonly secret: string; readonly key: Uint8Array }

/** @throws InvalidInputError for a `whsec_` or `whsk_` that is none */
export function signingKeyOf(secret: string): SigningKey {
  if (secret.startsWith(HMAC)) return hmacKey(secret)
  if (secret.startsWith(PRIVATE)) return ed25519Key(secret)
  return { kind: "text", secret, key: Buffer.from(secret, "utf8") }
}

function hmacKey(secret: string): SigningKey {
  const key = bytesOf(secret.slice(HMAC.length))
  const wish = `\`whsec_\` with ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64`
  if (key === null) throw refused(wish, "something else after `whsec_`")
  if (key.length < LEAST_BYTES || key.length > MOST_BYTES) throw refused(wish, `${key.length}`)
  return { kind: "hmac", secret: HMAC + key.toString("base64"), key }
}

/** The seed, with the public key behind it as Svix writes it, or alone as the reference in Go does. */
function ed25519Key(secret: string): SigningKey {
  const bytes = bytesOf(secret.slice(PRIVATE.length))
  const wish =
    "`whsk_` with the 32 bytes of an ed25519 seed, or these and the 32 of its public key, in base64"
  if (bytes === null) throw refused(wish, "something else after `whsk_`")
  if (bytes.length !== SEED_BYTES && bytes.length !== 2 * SEED_BYTES) throw refused(wish, `${bytes.length}`)
  const seed = bytes.subarray(0, SEED_BYTES)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" })
  const open = fromJwk(createPublicKey(key).export({ format: "jwk" }).x)
  if (bytes.length > SEED_BYTES && !open.equals(bytes.subarray(SEED_BYTES)))
    throw refused(wish, "a seed with the public key of another")
  const whole = PRIVATE + Buffer.concat([seed, open]).toString("base64")
  return { kind: "ed25519", secret: whole, key, publicKey: PUBLIC + open.toString("base64") }
}

/** What stands before an ed25519 seed in PKCS #8: https://www.rfc-editor.org/rfc/rfc8410#section-7 */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex")

function checkedText(secret: string): string {
  const length = secret.length
  if (length < 1 || length > MOST_CHARACTERS)
    throw refused(`1 to ${MOST_CHARACTERS.toLocaleString("en")} characters`, `${length}`)
  if (!secret.isWellFormed()) throw refused("text in Unicode", "half a character")
  if (secret.startsWith(PRIVATE) || secret.startsWith(PUBLIC))
    throw refused("one that both sides have", "a key of ed25519, which the legacy form does not know")
  signingKeyOf(secret)
  return secret
}

/** Null = it is not base64. Padding may be missing. */
function bytesOf(base64: string): Buffer | null {
  const bare = base64.replace(/={0,2}$/, "")
  const bytes = Buffer.from(bare, "base64")
  return /^[A-Za-z0-9+/]+$/.test(bare) && bytes.toString("base64").replace(/=+$/, "") === bare ? bytes : null
}

function fromJwk(part: string | undefined): Buffer {
  return Buffer.from(part ?? "", "base64url")
}

function kindOf(secret: string): string {
  return secret.startsWith(PUBLIC)
    ? "`whpk_…`, which is a public key: it is for those who check"
    : "one without such a beginning"
}

/** No secret enters a message, nor a part of it. */
function refused(wish: string, came: string): InvalidInputError {
  return new InvalidInputError(
    `Expected the secret to be ${wish}, got ${came}. Leave it out, and one is made for you.`,
  )
}
