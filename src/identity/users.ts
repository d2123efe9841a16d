import { expected, ForbiddenError, InvalidInputError, NotFoundError } from "../core/errors.ts"
import type { Scopes } from "../core/scope.ts"
import { type Access, canSeeAll, OWN_PROCESS } from "./access.ts"
import type { Grant, GrantInput, Grants } from "./grants.ts"
import { Passwords } from "./password.ts"
import { type RecordSource, Records } from "./records.ts"

/** Somebody who may log in. */
export interface User {
  readonly id: string // user_…
  readonly email: string
  readonly createdAt: Date
  readonly roles: readonly string[]
  readonly scopes: Scopes // their keys: `""` is the default scope
}

export interface Credentials {
  /** Case and surrounding blanks do not count. */
  readonly email: string
  /** From 8 to 256 characters. */
  readonly password: string
}

export interface NewUser extends Credentials, Pick<GrantInput, "roles" | "scopes"> {}

export interface UserChange extends Pick<GrantInput, "roles" | "scopes"> {
  /** An e-mail address, or an id. */
  readonly user: string
}

interface UserRecord {
  readonly id: string
  readonly email: string
  readonly createdAt: number // epoch ms
  readonly hash: string
  readonly generation: number // raised with each new password: log-ins by the one before end
  readonly roles?: readonly string[] // absent = admin
  readonly scopes?: Scopes // absent = all
}

/** A user as a log-in knows them. */
export interface KnownUser extends User {
  readonly generation: number
}

export interface UsersOptions {
  readonly source: RecordSource
  readonly now: () => number
  readonly newId: () => string
  readonly grants: Grants
  /** Uses up what somebody without users began with. @throws ForbiddenError when it was used before */
  readonly spend: (by: Access) => Promise<void>
  /** Tests take less time. */
  readonly passwords?: Passwords
}

/** Who may log in; kept in the store, so that every process and the command line see the same. */
export class Users {
  readonly #records: Records<UserRecord>
  readonly #options: UsersOptions
  readonly #passwords: Passwords

  constructor(options: UsersOptions) {
    this.#options = options
    this.#records = new Records(options.source, "users")
    this.#passwords = options.passwords ?? new Passwords()
  }

  /**
   * Lets somebody log in: with the role `admin` unless others are named, in the scopes of whoever creates them. Who is
   * bound to scopes cannot: addresses are taken in all of them.
   *
   * @throws InvalidInputError for what cannot be, or an address that is taken; ForbiddenError for more than `by` may do
   */
  async create({ email, password, roles, scopes }: NewUser, by: Access = OWN_PROCESS): Promise<User> {
    const [address, secret] = [checkedEmail(email), checkedPassword(password)]
    if (by.scopes !== "all")
      throw new ForbiddenError(
        "Expected somebody who may see all scopes: e-mail addresses are taken in all of them.",
      )
    const grant = await this.#options.grants.checked({ roles: roles ?? USUAL_ROLES, scopes }, by)
    const record = await this.#recordOf(address, secret, grant)
    await this.#options.spend(by)
    if (await this.#records.add(record.email, record)) return userOf(record)
    throw new InvalidInputError(
      `Expected the e-mail address of a new user, got \`${record.email}\`, which has one. Remove that one first, or give them another password.`,
    )
  }

  /** Creates the user, or gives the one there is this password; nothing changes where it is the same. */
  async ensure({ email, password }: Credentials): Promise<User> {
    const address = checkedEmail(email)
    const found = await this.#records.get(address)
    if (found === null) {
      const record = await this.#recordOf(address, checkedPassword(password), USUAL_GRANT)
      if (await this.#records.add(address, record)) return userOf(record)
      return this.ensure({ email, password }) // another process was quicker
    }
    if (await this.#passwords.matches(checkedPassword(password), found.hash)) return userOf(found)
    return this.setPassword({ email, password })
  }

  /**
   * Gives a user other roles or scopes, from the next request on.
   *
   * @throws NotFoundError for an unknown user; ForbiddenError for who may do more than `by`, or is to
   */
  async update({ user, roles, scopes }: UserChange, by: Access = OWN_PROCESS): Promise<User> {
    const found = await this.#steered(user, by)
    return this.#change(found, by, async (record) => {
      const old = grantOf(record)
      const grant = await this.#options.grants.checked(
        { roles: roles ?? old.roles, scopes: scopes ?? old.scopes },
        by,
      )
      return { ...record, roles: grant.roles, scopes: grant.scopes }
    })
  }

  /**
   * Gives a user, by e-mail address or id, another password. Their log-ins end.
   *
   * @throws NotFoundError for an unknown user; ForbiddenError for who may do more than `by`
   */
  async setPassword({ email, password }: Credentials, by: Access = OWN_PROCESS): Promise<User> {
    const found = await this.#steered(email, by)
    const hash = await this.#passwords.hash(checkedPassword(password))
    return this.#change(found, by, (record) => ({ ...record, hash, generation: record.generation + 1 }))
  }

  /** All users that `by` may see, by their e-mail addresses. */
  async list(by: Access = OWN_PROCESS): Promise<readonly User[]> {
    const users = (await this.#records.all()).map(userOf).filter(({ scopes }) => canSeeAll(by, scopes))
    return users.sort((a, b) => (a.email < b.email ? -1 : 1))
  }

  /** By an e-mail address or an id. @throws NotFoundError */
  async get(user: string, by: Access = OWN_PROCESS): Promise<User> {
    return userOf(await this.#found(user, by))
  }

  /** Their log-ins end at once; tokens that they made do not. @throws NotFoundError; ForbiddenError as `update` */
  async remove(user: string, by: Access = OWN_PROCESS): Promise<User> {
    const found = await this.#steered(user, by)
    await this.#records.remove(found.email)
    return userOf(found)
  }

  /** @internal */
  accessOf(user: User): Promise<Access> {
    const actor = { kind: "user", id: user.id, name: user.email } as const
    return this.#options.grants.accessOf(actor, { ...user, permissions: [] })
  }

  /** The user whose password this is; null takes as long as any. @internal */
  async authenticate(email: string, password: string): Promise<KnownUser | null> {
    const record = await this.#recordAt(email)
    const isTheirs = await this.#passwords.matches(password, record?.hash ?? null)
    return isTheirs && record !== null ? knownUserOf(record) : null
  }

  /** @internal */
  async find(email: string): Promise<KnownUser | null> {
    const record = await this.#recordAt(email)
    return record === null ? null : knownUserOf(record)
  }

  /** What cannot be an address is not even looked for: a store may refuse its letters. */
  async #recordAt(email: string): Promise<UserRecord | null> {
    const address = normalisedEmail(email)
    return isEmail(address) ? this.#records.get(address) : null
  }

  async #recordOf(email: string, password: string, { roles, scopes }: Grant): Promise<UserRecord> {
    const { newId, now } = this.#options
    const hash = await this.#passwords.hash(password)
    return { id: newId(), email, createdAt: now(), hash, generation: 1, roles, scopes }
  }

  /** One that may be changed: nobody changes who may do more, or they could become them. */
  async #steered(user: string, by: Access): Promise<UserRecord> {
    const found = await this.#found(user, by)
    await this.#options.grants.checkReach(by, grantOf(found))
    return found
  }

  async #found(user: string, by: Access): Promise<UserRecord> {
    const isId = typeof user === "string" && user.startsWith("user_") && !user.includes("@")
    const record = isId
      ? ((await this.#records.all()).find((each) => each.id === user) ?? null)
      : await this.#records.get(checkedEmail(user))
    if (record !== null && canSeeAll(by, grantOf(record).scopes)) return record
    const what = isId ? user : normalisedEmail(user)
    throw new NotFoundError(`Expected the e-mail address or id of a user, got \`${what}\`, who is none.`)
  }

  /** What `by` may do with the user is asked again of what is changed: it may be another by now. */
  async #change(
    { email, id }: UserRecord,
    by: Access,
    make: (record: UserRecord) => UserRecord | Promise<UserRecord>,
  ): Promise<User> {
    const changed = await this.#records.change(email, async (record) => {
      if (record.id !== id) return record
      await this.#options.grants.checkReach(by, grantOf(record))
      return make(record)
    })
    if (changed !== null && changed.id === id) return userOf(changed)
    throw new NotFoundError(`Expected the e-mail address or id of a user, got \`${email}\`, who is none.`)
  }
}

const USUAL_ROLES = ["admin"]
const USUAL_GRANT: Grant = { roles: USUAL_ROLES, permissions: [], scopes: "all" }

function grantOf({ roles = USUAL_ROLES, scopes = "all" }: UserRecord): Grant {
  return { roles, permissions: [], scopes }
}

function userOf(record: UserRecord): User {
  const { roles, scopes } = grantOf(record)
  return { id: record.id, email: record.email, createdAt: new Date(record.createdAt), roles, scopes }
}

function knownUserOf(record: UserRecord): KnownUser {
  return { ...userOf(record), generation: record.generation }
}

/** All ways to write an address are one. */
export function normalisedEmail(email: string): string {
  return email.trim().toLowerCase().normalize("NFC")
}

const LONGEST_EMAIL = 254
const SHORTEST_PASSWORD = 8
const LONGEST_PASSWORD = 256

function checkedEmail(email: unknown): string {
  const address = typeof email === "string" ? normalisedEmail(email) : ""
  if (isEmail(address)) return address
  throw new InvalidInputError(expected("an e-mail address such as `admin@shop.example`", email))
}

function isEmail(address: string): boolean {
  const looksRight = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(address) && address.isWellFormed()
  return looksRight && address.length <= LONGEST_EMAIL
}

/** What came is a secret, and is not said. */
function checkedPassword(password: unknown): string {
  const fits =
    typeof password === "string" &&
    password.length >= SHORTEST_PASSWORD &&
    password.length <= LONGEST_PASSWORD &&
    password.isWellFormed()
  if (fits) return password
  const came = typeof password === "string" ? `one of ${password.length}` : typeof password
  throw new InvalidInputError(
    `Expected a password of ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters, got ${came}.`,
  )
}
