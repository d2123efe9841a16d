import { createHmac, createSecretKey, type KeyObject, sign } from "node:crypto"
import { InvalidInputError } from "../core/errors.ts"
import { type SigningKey, signingKeyOf } from "./secrets.ts"

/** What is signed of a request, by Standard Webhooks. */
export interface Signable {
  readonly id: string
  readonly timestamp: number // when the attempt is made, epoch seconds
  readonly body: Uint8Array
  readonly secrets: readonly string[] // those in force, the newest first
}

/**
 * `webhook-signature`: an entry for each secret, so that a receiver which still has the old one, or already the new
 * one, finds its own. `v1` is HMAC-SHA256, `v1a` ed25519.
 *
 * @throws InvalidInputError where there is no secret: nothing goes out unsigned
 */
export function signatureHeader({ id, timestamp, body, secrets }: Signable): string {
  if (secrets.length === 0)
    throw new InvalidInputError("Expected a secret in force to sign a webhook with, got none.")
  const head = `${id}.${timestamp}.`
  if (secrets.length === 1) return signerOf(secrets[0] as string)(head, body)
  return secrets.map((secret) => signerOf(secret)(head, body)).join(" ")
}

/** `x-magento-signature`: HMAC-SHA256 over the body alone, in lower-case hex; the token's UTF-8 bytes are the key. */
export function legacySignature(body: Uint8Array, token: string): string {
  if (token === "")
    throw new InvalidInputError("Expected a verification token to sign with, got an empty one.")
  return createHmac("sha256", token).update(body).digest("hex")
}

type Signer = (head: string, body: Uint8Array) => string

/** Making a key of a secret takes longer than signing with it, above all of ed25519. */
const signers = new Map<string, Signer>()
const MOST_SIGNERS = 2_000

function signerOf(secret: string): Signer {
  let signer = signers.get(secret)
  if (signer === undefined) {
    signer = makeSigner(signingKeyOf(secret))
    if (signers.size >= MOST_SIGNERS) signers.clear()
    signers.set(secret, signer)
  }
  return signer
}

function makeSigner(signing: SigningKey): Signer {
  return signing.kind === "ed25519" ? ed25519(signing.key) : hmac(createSecretKey(signing.key))
}

function hmac(key: KeyObject): Signer {
  return (head, body) => `v1,${createHmac("sha256", key).update(head).update(body).digest("base64")}`
}

function ed25519(key: KeyObject): Signer {
  return (head, body) => `v1a,${sign(null, Buffer.concat([Buffer.from(head), body]), key).toString("base64")}`
}
