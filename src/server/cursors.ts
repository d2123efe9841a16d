import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { InvalidInputError } from "../core/errors.ts"
import type { Scopes } from "../core/scope.ts"

/** The cursors of one list, as one caller may see them. */
export interface Cursors {
  /**
   * What was expected is told in a refusal.
   *
   * @throws InvalidInputError for what this list did not give these scopes
   */
  open(cursor: string | undefined, what?: string): string | undefined
  seal(cursor: string | null): string | null
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * A cursor names rows by numbers which all tenants share: how fast these grow is not for everybody to see. So
 * cursors travel sealed, and are good for the list and the scopes that they were made for. The first key seals, all
 * open: whoever is on their way through a list, or follows the stream, goes on while the secret is changed.
 */
export function cursorsOf(keys: readonly Uint8Array[], list: string, scopes: Scopes): Cursors {
  if (keys.length === 0) return NO_CURSORS
  const bound = Buffer.from(JSON.stringify([list, scopes === "all" ? scopes : [...scopes].sort()]))
  return {
    seal(cursor) {
      if (cursor === null) return null
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv("aes-256-gcm", keys[0] as Uint8Array, nonce).setAAD(bound)
      const parts = [nonce, cipher.update(cursor, "utf8"), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(parts).toString("base64url")
    },
    open(cursor, what = "a cursor that this list returned, with the same filters") {
      if (cursor === undefined) return undefined
      const bytes = Buffer.from(cursor, "base64url")
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) throw notOurs(what)
      for (const key of keys) {
        const text = opened(key, bytes, bound)
        if (text !== null) return text
      }
      throw notOurs(what) // why is not the stranger's business
    },
  }
}

/** Of what is no list. */
const NO_CURSORS: Cursors = {
  seal: () => null,
  open: () => undefined,
}

/** null = it was sealed with another key, or for another list. */
function opened(key: Uint8Array, bytes: Buffer, bound: Buffer): string | null {
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES))
  decipher.setAAD(bound).setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
    return Buffer.concat([text, decipher.final()]).toString("utf8")
  } catch {
    return null
  }
}

function notOurs(what: string): InvalidInputError {
  return new InvalidInputError(`Expected ${what}, got another.`)
}
