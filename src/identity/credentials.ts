import { hash } from "node:crypto"
import { TooManyAttemptsError } from "../core/errors.ts"
import type { Access } from "./access.ts"
import type { ApiTokens } from "./api-tokens.ts"
import type { Applications } from "./applications.ts"
import { CredentialsCache, type Finding } from "./credentials-cache.ts"
import { LoginLimit } from "./login-limit.ts"
import type { Sessions } from "./sessions.ts"
import { isSetupToken, type Setup } from "./setup.ts"
import type { User } from "./users.ts"

/** What a request says of who it is from. */
export interface Presented {
  /** The header of that name; null or undefined = there was none. */
  readonly authorization: string | null | undefined
  /** Where it comes from: too many wrong credentials from one place have to wait. */
  readonly address: string
  /** The same object for all requests of one connection: who says the same again is known sooner. */
  readonly connection?: object | null
}

/** What was said last by a connection, and what that is remembered under. */
interface Said {
  readonly text: string
  readonly key: string
}

export interface CredentialsOptions {
  readonly tokens: ApiTokens
  readonly applications: Applications
  readonly sessions: Sessions
  readonly setup: Setup
  readonly users: { accessOf(user: User): Promise<Access> }
  readonly now: () => number
  readonly monotonic: () => number
}

const LONGEST_HEADER = 8_192

/** Says who a request is from, whichever way it proves that. */
export class Credentials {
  readonly #options: CredentialsOptions
  readonly #limit: LoginLimit
  readonly #cache: CredentialsCache
  /** No longer than its connection, which has the text of the last request in its hands anyway. */
  readonly #said = new WeakMap<object, Said>()

  constructor(options: CredentialsOptions) {
    this.#options = options
    this.#limit = new LoginLimit(options.monotonic)
    this.#cache = new CredentialsCache(options)
  }

  /** Null for what is no credential, or not good. @throws TooManyAttemptsError */
  authenticate(presented: Presented): Promise<Access | null> {
    const { authorization } = presented
    if (!authorization || authorization.length > LONGEST_HEADER) return NO_ACCESS
    const [, scheme = "", text = ""] = /^(\w+) +(\S+) *$/.exec(authorization) ?? []
    switch (scheme.toLowerCase()) {
      case "bearer":
        return this.#bearer(text, presented)
      case "basic":
        return this.#basic(text, presented)
      default:
        return NO_ACCESS
    }
  }

  /** Who may do what has changed. */
  forget(): void {
    this.#cache.forget()
  }

  #bearer(text: string, from: Presented): Promise<Access | null> {
    const { tokens, setup } = this.#options
    if (isSetupToken(text)) return this.#limited(text, from, async () => once(await setup.authenticate(text)))
    if (text.startsWith("crl_"))
      return this.#limited(text, from, async () => (await tokens.authenticate(text)) ?? NOBODY)
    return this.#session(text) // a signature cannot be guessed, and costs the store nothing
  }

  async #session(text: string): Promise<Access | null> {
    const user = await this.#options.sessions.userOf(text)
    return user === null ? null : this.#options.users.accessOf(user)
  }

  #basic(text: string, from: Presented): Promise<Access | null> {
    const [, id = "", secret = ""] =
      /^([^:]+):(.+)$/s.exec(Buffer.from(text, "base64").toString("utf8")) ?? []
    if (id === "") return NO_ACCESS
    const find = async (): Promise<Finding> => ({
      access: await this.#options.applications.authenticate(id, secret),
      until: null,
    })
    return this.#limited(`basic ${id}:${secret}`, from, find)
  }

  /**
   * One that was good goes by the guesses of others; one that is known to be wrong is not counted again. Guesses are
   * counted by where they come from only: a client id is no secret, and nobody is to lock an application out by it.
   */
  #limited(
    text: string,
    { address, connection = null }: Presented,
    find: () => Promise<Finding>,
  ): Promise<Access | null> {
    const key = this.#keyOf(text, connection)
    return this.#cache.get(key, async () => {
      if (this.#cache.wasGood(key)) return find()
      const waitMs = this.#limit.take(null, address)
      if (waitMs > 0) throw tooMany(waitMs)
      const found = await find().catch((error) => {
        this.#limit.giveBack(null, address) // the store failed, not whoever asked
        throw error
      })
      if (found.access !== null) this.#limit.giveBack(null, address)
      return found
    })
  }

  /** What is remembered for longer than a connection is remembered by its hash. */
  #keyOf(text: string, connection: object | null): string {
    const said = connection === null ? undefined : this.#said.get(connection)
    if (said?.text === text) return said.key
    const key = hash("sha256", text, "base64")
    if (connection !== null) this.#said.set(connection, { text, key })
    return key
  }
}

const NO_ACCESS: Promise<null> = Promise.resolve(null)
const NOBODY: Finding = { access: null, until: null }

/** What is good for one time is asked for each time. */
function once(access: Access | null): Finding {
  return { access, until: access === null ? null : 0 }
}

function tooMany(waitMs: number): TooManyAttemptsError {
  const seconds = Math.ceil(waitMs / 1_000)
  return new TooManyAttemptsError(
    `Expected a credential that is good, got too many that are not. Try again in ${seconds} seconds.`,
    waitMs,
  )
}
