import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { ConfigError } from "../core/errors.ts"
import { keptSecret } from "./key-file.ts"
import { HOW_TO_MAKE_ONE, KeyRing } from "./key-ring.ts"

/** Where the secret comes from that keys are made of. */
export type SecretOrigin = "option" | "environment" | "file" | "memory"

export interface KeysOptions {
  /** The option `secret`; null = not given. */
  readonly secret: string | null
  /** Where a secret for development is kept; null = the store is in memory, and so is its secret. */
  readonly file: string | null
  readonly env: Readonly<Record<string, string | undefined>>
  readonly warn: (message: string) => void
}

/** The key ring of this process, which is made when it is first needed: who keeps no secret needs none. */
export class Keys {
  readonly #options: KeysOptions
  #opening: Promise<KeyRing> | null = null
  #origin: SecretOrigin | null = null

  constructor(options: KeysOptions) {
    this.#options = options
  }

  /** @throws ConfigError for a secret that is too short, or for none in production */
  ring(): Promise<KeyRing> {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = null // a file that could not be written may be writable the next time
      throw error
    })
    return this.#opening
  }

  /** The ring, where its secret can be had without making one; else null. @throws ConfigError for one too short */
  async existing(): Promise<KeyRing | null> {
    const { secret, file, env } = this.#options
    const isGiven = secret !== null || Boolean(env.CARILLON_SECRET)
    const isKept = env.NODE_ENV !== "production" && file !== null && existsSync(file)
    return this.#opening !== null || isGiven || isKept ? this.ring() : null
  }

  /** Where the secret of the ring was found; null before it is needed. */
  get origin(): SecretOrigin | null {
    return this.#origin
  }

  async #open(): Promise<KeyRing> {
    const { secret, origin } = await this.#found()
    this.#origin = origin
    return new KeyRing(secret, this.#named(origin))
  }

  #named(origin: SecretOrigin): string {
    if (origin === "file") return `${this.#options.file}`
    return origin === "option" ? "the option `secret`" : "`CARILLON_SECRET`"
  }

  async #found(): Promise<{ readonly secret: string; readonly origin: SecretOrigin }> {
    const { secret, file, env, warn } = this.#options
    if (secret !== null) return { secret, origin: "option" }
    if (env.CARILLON_SECRET) return { secret: env.CARILLON_SECRET, origin: "environment" }
    if (env.NODE_ENV === "production") throw noSecret()
    if (file === null) return { secret: randomBytes(32).toString("base64url"), origin: "memory" }
    const { secret: kept, made } = await keptSecret(file)
    if (made)
      warn(
        `No secret was given, so one was made in ${file}, for development. Keep it: what it seals cannot be read without it. In production set CARILLON_SECRET.`,
      )
    return { secret: kept, origin: "file" }
  }
}

function noSecret(): ConfigError {
  return new ConfigError(
    `Expected \`CARILLON_SECRET\` (or the option \`secret\`) in production, got none: log-ins are signed and secrets are sealed with it. ${HOW_TO_MAKE_ONE} All processes on one store need the same.`,
  )
}
