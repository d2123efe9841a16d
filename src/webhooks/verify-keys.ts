import { InvalidInputError } from "../core/errors.ts"
import { bytesOfBase64 } from "./verify-request.ts"

/** What signatures of one kind are checked with. */
export interface CheckingKey {
  readonly version: "v1" | "v1a"
  readonly bytes: Uint8Array<ArrayBuffer>
}

const LEAST_SECRET = 24 // bytes, as the specification has it
const PUBLIC_KEY = 32

/**
 * The key in a secret of Standard Webhooks.
 *
 * @throws InvalidInputError
 */
export function checkingKey(secret: string): CheckingKey {
  if (secret.startsWith("whsec_")) return hmacKey(secret)
  if (secret.startsWith("whpk_")) {
    const bytes = bytesOfBase64(secret.slice("whpk_".length))
    if (bytes.length !== PUBLIC_KEY) throw refused(`\`whpk_\` with ${PUBLIC_KEY} bytes in base64`)
    return { version: "v1a", bytes }
  }
  if (secret.startsWith("whsk_"))
    throw refused("the public key, `whpk_…`: the `whsk_…` is the sender's and should be nowhere else")
  throw refused("`whsec_…` or `whpk_…`; tokens of Magento are for `verifyLegacyWebhook`")
}

function hmacKey(secret: string): CheckingKey {
  const bytes = bytesOfBase64(secret.slice("whsec_".length))
  if (bytes.length < LEAST_SECRET)
    throw refused(
      `\`whsec_\` with at least ${LEAST_SECRET} bytes in base64, for a shorter one can be guessed`,
    )
  return { version: "v1", bytes }
}

/** The key of Standard Webhooks beside the legacy signature. */
export function tokenKey(token: string): CheckingKey {
  return token.startsWith("whsec_") ? hmacKey(token) : rawKey(token)
}

/** The key of the legacy signature: the text itself. */
export function rawKey(token: string): CheckingKey {
  return { version: "v1", bytes: new TextEncoder().encode(token) }
}

/** Web Crypto compares in the same time, whatever it finds. */
export async function verifies(
  { version, bytes }: CheckingKey,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const { subtle } = globalThis.crypto
  const algorithm = version === "v1" ? { name: "HMAC", hash: "SHA-256" } : { name: "Ed25519" }
  const key = await subtle.importKey("raw", bytes, algorithm, false, ["verify"])
  return subtle.verify(algorithm.name, key, signature, signed)
}

/** No secret enters a message, nor a part of it. */
function refused(wish: string): InvalidInputError {
  return new InvalidInputError(`Expected the secret to be ${wish}, got something else.`)
}
