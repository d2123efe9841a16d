import { expected, InvalidInputError, NotFoundError } from "../core/errors.ts"
import { Passwords } from "./password.ts"
import { type RecordSource, Records } from "./records.ts"

/** Somebody who may log in. */
export interface User {
  readonly id: string // user_…
  readonly email: string
  readonly createdAt: Date
}

export interface Credentials {
  /** Case and surrounding blanks do not count. */
  readonly email: string
  /** From 8 to 256 characters. */
  readonly password: string
}

interface UserRecord {
  readonly id: string
  readonly email: string
  readonly createdAt: number // epoch ms
  readonly hash: string
  readonly generation: number // raised with each new password: tokens of the one before end
}

/** A user as a token knows them. */
export interface KnownUser extends User {
  readonly generation: number
}

export interface UsersOptions {
  readonly source: RecordSource
  readonly now: () => number
  readonly newId: () => string
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

  /** @throws InvalidInputError for an e-mail address or a password that cannot be, or an address that is taken */
  async create({ email, password }: Credentials): Promise<User> {
    const record = await this.#recordOf(checkedEmail(email), checkedPassword(password))
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
      const record = await this.#recordOf(address, checkedPassword(password))
      if (await this.#records.add(address, record)) return userOf(record)
      return this.ensure({ email, password }) // another process was quicker
    }
    if (await this.#passwords.matches(checkedPassword(password), found.hash)) return userOf(found)
    return this.setPassword({ email, password })
  }

  /** Gives a user another password. Tokens that they had end. @throws NotFoundError for an unknown address */
  async setPassword({ email, password }: Credentials): Promise<User> {
    const found = await this.#found(email)
    const hash = await this.#passwords.hash(checkedPassword(password))
    const record = { ...found, hash, generation: found.generation + 1 }
    await this.#records.set(record.email, record)
    return userOf(record)
  }

  /** All users, by their e-mail addresses. */
  async list(): Promise<readonly User[]> {
    const records = await this.#records.all()
    return records.map(userOf).sort((a, b) => (a.email < b.email ? -1 : 1))
  }

  /** Their tokens end at once. @throws NotFoundError for an unknown address */
  async remove(email: string): Promise<User> {
    const found = await this.#found(email)
    await this.#records.remove(found.email)
    return userOf(found)
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

  async #recordOf(email: string, password: string): Promise<UserRecord> {
    const hash = await this.#passwords.hash(password)
    return { id: this.#options.newId(), email, createdAt: this.#options.now(), hash, generation: 1 }
  }

  async #found(email: string): Promise<UserRecord> {
    const record = await this.#records.get(checkedEmail(email))
    if (record !== null) return record
    throw new NotFoundError(
      `Expected the e-mail address of a user, got \`${normalisedEmail(email)}\`, who is none.`,
    )
  }
}

function userOf({ id, email, createdAt }: UserRecord): User {
  return { id, email, createdAt: new Date(createdAt) }
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
