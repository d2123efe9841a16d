import { hkdfSync, randomBytes } from "node:crypto"
import { ConfigError } from "../core/errors.ts"
import { type RecordSource, Records } from "./records.ts"

const SHORTEST = 32
const KEY_BYTES = 32

export interface Secret {
  readonly key: Uint8Array
  /** `store` = made by us and kept in the store, where whoever reads the store can read it. */
  readonly from: "environment" | "store"
}

/** The key that signs tokens: from `CARILLON_SECRET`, else made once for all processes on this store. */
export async function tokenSecret(source: RecordSource, given: string | undefined): Promise<Secret> {
  if (given !== undefined && given !== "") return { key: derived(checked(given)), from: "environment" }
  const records = new Records<string>(source, "secrets")
  const kept = await records.get("tokens")
  if (kept !== null) return { key: derived(kept), from: "store" }
  const made = randomBytes(KEY_BYTES).toString("base64url")
  if (await records.add("tokens", made)) return { key: derived(made), from: "store" }
  return tokenSecret(source, given) // another process was quicker
}

function checked(given: string): string {
  if (given.length >= SHORTEST) return given
  throw new ConfigError(
    `Expected \`CARILLON_SECRET\` to have at least ${SHORTEST} characters, got ${given.length}. Make one with \`openssl rand -base64 48\`.`,
  )
}

/** One secret serves several purposes, each with a key of its own. */
function derived(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", "carillon tokens", KEY_BYTES))
}
