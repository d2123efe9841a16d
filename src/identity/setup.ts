import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { ForbiddenError } from "../core/errors.ts"
import type { Access } from "./access.ts"
import { type RecordSource, Records } from "./records.ts"

interface SetupRecord {
  readonly hash: string
  readonly expiresAt: number // epoch ms
  readonly spentBy: string | null // null = it was not used yet; else a word of chance that tells who was first
}

export interface SetupOptions {
  readonly source: RecordSource
  readonly now: () => number
  /** Whether there are no users, tokens and applications. */
  readonly isEmpty: () => Promise<boolean>
}

const SECRET_BYTES = 32
const LIFETIME_MS = 24 * 60 * 60 * 1_000
const ID = "token"

/** The way in where nobody can get in yet: one token for one user or token, good for a day. */
export class Setup {
  readonly #options: SetupOptions
  readonly #records: Records<SetupRecord>

  constructor(options: SetupOptions) {
    this.#options = options
    this.#records = new Records(options.source, "setup")
  }

  /** A new token, which ends the one before; null where somebody can get in. */
  async token(): Promise<{ readonly token: string; readonly expiresAt: Date } | null> {
    if (!(await this.#options.isEmpty())) return null
    const secret = randomBytes(SECRET_BYTES).toString("base64url")
    const expiresAt = this.#options.now() + LIFETIME_MS
    await this.#records.set(ID, { hash: hashOf(secret), expiresAt, spentBy: null })
    return { token: `${PREFIX}${secret}`, expiresAt: new Date(expiresAt) }
  }

  /** What its holder may do: make the first user or token, of any power. */
  async authenticate(text: string): Promise<Access | null> {
    const record = await this.#records.get(ID)
    const hash = hashOf(text.slice(PREFIX.length))
    const isTheirs = timingSafeEqual(Buffer.from(hash), Buffer.from(record?.hash ?? NOBODY))
    if (record === null || !isTheirs || !this.#isGood(record)) return null
    if (!(await this.#options.isEmpty())) return null
    return {
      actor: { kind: "setup", id: hash.slice(0, ID_LENGTH), name: "the setup token" },
      permissions: new Set(["CREATE_USERS", "CREATE_TOKENS"]),
      scopes: "all",
    }
  }

  /** Uses it up, where `by` came with it; of many at once only one may go on. @throws ForbiddenError for the others */
  async spend(by: Access): Promise<void> {
    if (by.actor.kind !== "setup") return
    const spender = randomBytes(SECRET_BYTES).toString("base64url")
    const isSame = (record: SetupRecord): boolean => record.hash.startsWith(by.actor.id)
    const spent = await this.#records.change(ID, (record) =>
      isSame(record) && this.#isGood(record) ? { ...record, spentBy: spender } : record,
    )
    if (spent?.spentBy === spender && (await this.#options.isEmpty())) return
    throw new ForbiddenError(
      "Expected a setup token that is good for one user or token, got one that was used.",
    )
  }

  #isGood({ spentBy, expiresAt }: SetupRecord): boolean {
    return spentBy === null && expiresAt > this.#options.now()
  }
}

const PREFIX = "crl_setup_"
const ID_LENGTH = 16
const NOBODY = "0".repeat(64)

export function isSetupToken(text: string): boolean {
  return text.startsWith(PREFIX)
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex")
}
