import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"
import { ConfigError, SealError, UnknownKeyError } from "../core/errors.ts"

/** Where a sealed value stands. It opens there and nowhere else. */
export interface SealedPlace {
  readonly collection: string
  readonly id: string
  readonly field: string
}

interface Key {
  readonly id: string
  readonly secret: string
  readonly sealing: Uint8Array
}

const VERSION = "v1"
const SHORTEST_SECRET = 32
const KEY_BYTES = 32
const KEY_ID_BYTES = 8
const NONCE_BYTES = 12 // 96 bits of chance: good for some four thousand million values under one key
const TAG_BYTES = 16

/**
 * Seals what must be kept and not be read: AES-256-GCM, with a key for each secret. The first seals, all open, so that
 * a secret can be changed without a moment at which something cannot be read.
 *
 * A sealed value is `v1.<key id>.<nonce>.<ciphertext and tag>`, the last two in base64url; its place is bound to it
 * as additional data.
 */
export class KeyRing {
  readonly #first: Key
  readonly #keys: ReadonlyMap<string, Key>

  /**
   * One or several secrets, with commas or blanks between, and where they stand.
   *
   * @throws ConfigError for none, or a short one
   */
  constructor(secrets: string, where = "`CARILLON_SECRET`") {
    const keys = secretsIn(secrets, where).map(keyOf)
    this.#first = keys[0] as Key
    this.#keys = new Map(keys.map((key) => [key.id, key]))
  }

  /** The key that seals. */
  get keyId(): string {
    return this.#first.id
  }

  has(keyId: string): boolean {
    return this.#keys.has(keyId)
  }

  seal(place: SealedPlace, text: string): string {
    const { id, sealing } = this.#first
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv("aes-256-gcm", sealing, nonce).setAAD(bound(place, id))
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
    return [VERSION, id, nonce.toString("base64url"), body.toString("base64url")].join(".")
  }

  /** @throws UnknownKeyError when its key is not here; SealError when it was changed, or comes from another place */
  open(place: SealedPlace, sealed: string): string {
    const { keyId, nonce, body } = read(place, sealed)
    const key = this.#keys.get(keyId)
    if (key === undefined) throw unknownKey(place, keyId)
    const decipher = createDecipheriv("aes-256-gcm", key.sealing, nonce).setAAD(bound(place, keyId))
    decipher.setAuthTag(body.subarray(-TAG_BYTES))
    try {
      const text = decipher.update(body.subarray(0, -TAG_BYTES))
      return Buffer.concat([text, decipher.final()]).toString("utf8")
    } catch (cause) {
      throw broken(place, cause)
    }
  }

  /** A key for another purpose than sealing, made of the first secret. */
  derive(purpose: string): { readonly keyId: string; readonly key: Uint8Array } {
    return { keyId: this.#first.id, key: derived(this.#first.secret, purpose) }
  }

  /** The same of every secret, of the first before the others. */
  deriveAll(purpose: string): Uint8Array[] {
    return [...this.#keys.values()].map(({ secret }) => derived(secret, purpose))
  }

  /** The same of the secret with that key id; null where it is not here. */
  deriveFrom(keyId: string, purpose: string): Uint8Array | null {
    const key = this.#keys.get(keyId)
    return key === undefined ? null : derived(key.secret, purpose)
  }
}

/** The key that a value was sealed with; null for what is no sealed value. */
export function keyIdOf(sealed: unknown): string | null {
  if (typeof sealed !== "string") return null
  const [version, keyId, , body] = sealed.split(".")
  return version === VERSION && keyId !== undefined && body !== undefined ? keyId : null
}

function secretsIn(text: string, where: string): string[] {
  const secrets = text.split(/[\s,]+/).filter((each) => each !== "")
  const short = secrets.find((each) => each.length < SHORTEST_SECRET)
  if (secrets.length > 0 && short === undefined) return [...new Set(secrets)]
  throw new ConfigError(
    `Expected each secret in ${where} to have at least ${SHORTEST_SECRET} characters, got ${short === undefined ? "none" : `one of ${short.length}`}. ${HOW_TO_MAKE_ONE}`,
  )
}

export const HOW_TO_MAKE_ONE = "Make one with `openssl rand -base64 48`."

function keyOf(secret: string): Key {
  const id = Buffer.from(derived(secret, "key id", KEY_ID_BYTES)).toString("base64url")
  return { id, secret, sealing: derived(secret, "secrets at rest") }
}

/** One secret serves several purposes, each with a key of its own. */
function derived(secret: string, purpose: string, bytes = KEY_BYTES): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", `carillon ${purpose}`, bytes))
}

function bound({ collection, id, field }: SealedPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([VERSION, keyId, collection, id, field]))
}

function read(
  place: SealedPlace,
  sealed: string,
): { readonly keyId: string; readonly nonce: Buffer; readonly body: Buffer } {
  const [version, keyId = "", nonceText = "", bodyText = "", ...rest] = sealed.split(".")
  const [nonce, body] = [Buffer.from(nonceText, "base64url"), Buffer.from(bodyText, "base64url")]
  // What decodes to the same bytes is not the same value: nobody could tell that it was touched.
  const isExact = nonce.toString("base64url") === nonceText && body.toString("base64url") === bodyText
  const fits =
    version === VERSION && rest.length === 0 && nonce.length === NONCE_BYTES && body.length >= TAG_BYTES
  if (isExact && fits) return { keyId, nonce, body }
  throw broken(place)
}

function unknownKey(place: SealedPlace, keyId: string): UnknownKeyError {
  return new UnknownKeyError(
    `Expected the key \`${keyId}\` on the key ring: ${named(place)} is sealed with it. Put the secret it belongs to behind the present one in \`CARILLON_SECRET\`, with a comma between, and run \`carillon secret reencrypt\`.`,
  )
}

function broken(place: SealedPlace, cause?: unknown): SealError {
  return new SealError(
    `Expected ${named(place)} as it was sealed there, got a value that was changed or comes from another place. Make that secret anew.`,
    { cause },
  )
}

function named({ collection, id, field }: SealedPlace): string {
  return `\`${field}\` of \`${id}\` among the ${collection}`
}
