import { TooManyAttemptsError } from "../core/errors.ts"
import { LoginLimit } from "./login-limit.ts"
import type { Sessions } from "./sessions.ts"
import { type KnownUser, normalisedEmail } from "./users.ts"

export interface LogIn {
  readonly email: string
  readonly password: string
  /** Where it comes from: too many that fail from one place have to wait. */
  readonly address: string
  /** How long the token is good for. */
  readonly lifetimeMs: number
}

export interface LogInsOptions {
  readonly users: { authenticate(email: string, password: string): Promise<KnownUser | null> }
  readonly sessions: Sessions
  readonly monotonic: () => number
}

/** Lets users in by their passwords, and only so many who do not know theirs. */
export class LogIns {
  readonly #options: LogInsOptions
  readonly #limit: LoginLimit

  constructor(options: LogInsOptions) {
    this.#options = options
    this.#limit = new LoginLimit(options.monotonic)
  }

  /** A token; null for another password, or nobody's address. @throws TooManyAttemptsError */
  async tokenFor({ email, password, address, lifetimeMs }: LogIn): Promise<string | null> {
    const { users, sessions } = this.#options
    const known = normalisedEmail(email)
    const waitMs = this.#limit.take(known, address)
    if (waitMs > 0) throw tooMany(waitMs)
    const user = await users.authenticate(known, password)
    if (user === null) return null
    this.#limit.giveBack(known, address)
    return sessions.issue(user, lifetimeMs)
  }
}

function tooMany(waitMs: number): TooManyAttemptsError {
  const seconds = Math.ceil(waitMs / 1_000)
  return new TooManyAttemptsError(`Too many log-ins failed. Try again in ${seconds} seconds.`, waitMs)
}
