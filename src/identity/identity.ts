import type { Access } from "./access.ts"
import { ApiTokens } from "./api-tokens.ts"
import { Applications, SEALED_APPLICATIONS } from "./applications.ts"
import { AuditLog } from "./audit.ts"
import { Credentials, type Presented } from "./credentials.ts"
import { Grants } from "./grants.ts"
import type { Keys } from "./keys.ts"
import { LogIns } from "./log-ins.ts"
import type { Passwords } from "./password.ts"
import { type RecordSource, Records } from "./records.ts"
import { Roles } from "./roles.ts"
import { Sealed } from "./sealed.ts"
import { Sessions } from "./sessions.ts"
import { Setup } from "./setup.ts"
import { Users } from "./users.ts"

export interface IdentityOptions {
  readonly source: RecordSource
  readonly keys: Keys
  readonly now: () => number
  readonly monotonic: () => number
  /** A part of an id that is unique and sorts by time: 26 digits and capital letters. */
  readonly newId: () => string
  readonly auditRetentionMs: number
  readonly onError: (error: unknown) => void
  /** Tests take less time. */
  readonly passwords?: Passwords
}

/**
 * Who may do what: users, tokens and applications with their roles and scopes.
 *
 * Its methods take whoever does it as their last argument, who cannot hand on more than they have and does not see
 * what lies outside of their scopes; without one it is the application itself, which may do everything.
 */
export class Identity {
  readonly users: Users
  readonly tokens: ApiTokens
  readonly applications: Applications
  readonly roles: Roles
  readonly audit: AuditLog
  readonly keys: Keys
  readonly sealed: Sealed
  /** @internal */
  readonly sessions: Sessions
  /** @internal */
  readonly logIns: LogIns
  readonly #setup: Setup
  readonly #credentials: Credentials

  constructor(options: IdentityOptions) {
    const { source, keys, now, monotonic, newId, passwords } = options
    const onChanged = (): void => this.#credentials.forget()
    this.roles = new Roles({ source, onChanged, holdersOf: (role) => holdersOf(source, role) })
    this.#setup = new Setup({ source, now, isEmpty: () => isEmpty(source) })
    const shared = {
      source,
      now,
      newId,
      grants: new Grants(this.roles),
      spend: (by: Access) => this.#setup.spend(by),
      onChanged,
    }
    this.audit = new AuditLog({ ...options, retentionMs: options.auditRetentionMs })
    this.keys = keys
    this.sealed = new Sealed(source, keys)
    this.sealed.add(SEALED_APPLICATIONS)
    const ring = () => keys.ring()
    this.users = new Users({ ...shared, newId: () => `user_${newId()}`, passwords })
    this.tokens = new ApiTokens(shared)
    this.applications = new Applications({ ...shared, ring })
    this.sessions = new Sessions({ ring, existingRing: () => keys.existing(), users: this.users, now })
    this.logIns = new LogIns({ users: this.users, sessions: this.sessions, monotonic })
    const { users, tokens, applications, sessions } = this
    this.#credentials = new Credentials({
      users,
      tokens,
      applications,
      sessions,
      setup: this.#setup,
      now,
      monotonic,
    })
  }

  /**
   * Who a request is from, by `Bearer <token>`, `Bearer <what a log-in answered>` or `Basic <client id:secret>`; null
   * for nobody. A token is remembered for four seconds, so one that was revoked in another process is good for at most
   * five more.
   *
   * @throws TooManyAttemptsError when too many wrong ones came from that address
   */
  authenticate(presented: Presented): Promise<Access | null> {
    return this.#credentials.authenticate(presented)
  }

  /**
   * A token to begin with, where there are no users, tokens and applications: good for a day, and for making one user or token
   * of any power. It ends the one before. Null where there is somebody already.
   */
  setupToken(): Promise<{ readonly token: string; readonly expiresAt: Date } | null> {
    return this.#setup.token()
  }
}

async function isEmpty(source: RecordSource): Promise<boolean> {
  for (const collection of ["users", "tokens", "applications"])
    if ((await source.queries.records(collection)).length > 0) return false
  return true
}

/** Ended tokens hold nothing. */
async function holdersOf(source: RecordSource, role: string): Promise<readonly string[]> {
  const holders: string[] = []
  for (const [collection, one] of HOLDERS) {
    const all = await new Records<Holder>(source, collection).all()
    const count = all.filter(({ roles, revokedAt }) => roles?.includes(role) && !revokedAt).length
    if (count > 0) holders.push(count === 1 ? `1 ${one}` : `${count} ${one}s`)
  }
  return holders
}

interface Holder {
  readonly roles?: readonly string[]
  readonly revokedAt?: number | null
}

const HOLDERS = [
  ["users", "user"],
  ["tokens", "token"],
  ["applications", "application"],
] as const
