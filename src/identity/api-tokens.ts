import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { expected, InvalidInputError, NotFoundError } from "../core/errors.ts"
import type { Scopes } from "../core/scope.ts"
import { type Access, type Actor, canSeeAll, OWN_PROCESS } from "./access.ts"
import { checkedName } from "./credential-name.ts"
import type { Grant, GrantInput, Grants } from "./grants.ts"
import type { Permission } from "./permissions.ts"
import { type RecordSource, Records } from "./records.ts"
import { TokenUses } from "./token-uses.ts"

/** How a program says who it is. The token itself is shown once, when it is made. */
export interface ApiToken {
  readonly id: string // tok_…
  readonly name: string
  /** What the token begins with: enough to find it, not to use it. */
  readonly prefix: string
  readonly roles: readonly string[]
  readonly permissions: readonly Permission[]
  readonly scopes: Scopes // their keys: `""` is the default scope
  readonly state: "live" | "expired" | "revoked"
  readonly createdAt: Date
  readonly createdBy: Actor
  readonly expiresAt: Date | null // null = never
  readonly lastUsedAt: Date | null // to the minute; null = never
  readonly revokedAt: Date | null // null = it was not
}

export interface NewApiToken extends GrantInput {
  /** 1 to 100 characters, for people: what it is used for. */
  readonly name: string
  /** When it ends; null = never. @defaultValue 90 days from now */
  readonly expiresAt?: Date | number | null
}

/** With the token itself, which nobody can ask for again. */
export interface MadeApiToken extends ApiToken {
  readonly token: string
}

interface TokenRecord extends Grant {
  readonly id: string
  readonly name: string
  readonly hash: string // SHA-256: 256 bits of chance cannot be guessed from it, so it need not be slow
  readonly createdAt: number // epoch ms
  readonly createdBy: Actor
  readonly expiresAt: number | null
  readonly revokedAt: number | null
}

export interface ApiTokensOptions {
  readonly source: RecordSource
  readonly now: () => number
  /** A part of an id that is unique and sorts by time: 26 digits and capital letters. */
  readonly newId: () => string
  readonly grants: Grants
  /** Uses up what somebody without tokens began with. @throws ForbiddenError when it was used before */
  readonly spend: (by: Access) => Promise<void>
  /** What is remembered of anybody's permissions is wrong from now on. */
  readonly onChanged: () => void
}

const DAY_MS = 24 * 60 * 60 * 1_000
const USUAL_LIFETIME_MS = 90 * DAY_MS
const SECRET_BYTES = 32

/** Tokens of programs: `crl_<id>_<secret>`, kept as a hash. */
export class ApiTokens {
  readonly #options: ApiTokensOptions
  readonly #records: Records<TokenRecord>
  readonly #uses: TokenUses

  constructor(options: ApiTokensOptions) {
    this.#options = options
    this.#records = new Records(options.source, "tokens")
    this.#uses = new TokenUses(options)
  }

  /**
   * Makes a token that may do no more, and in no more scopes, than `by`. It outlives whoever made it.
   *
   * @throws InvalidInputError for what cannot be; ForbiddenError for more than `by` may do
   */
  async create({ name, expiresAt, ...wish }: NewApiToken, by: Access = OWN_PROCESS): Promise<MadeApiToken> {
    const { newId, now, grants, spend } = this.#options
    const [part, secret] = [newId(), randomBytes(SECRET_BYTES).toString("base64url")]
    const record: TokenRecord = {
      id: `tok_${part}`,
      name: checkedName(name),
      hash: hashOf(secret),
      ...(await grants.checked(wish, by)),
      createdAt: now(),
      createdBy: by.actor,
      expiresAt: checkedEnd(expiresAt, now()),
      revokedAt: null,
    }
    await spend(by)
    await this.#records.add(record.id, record)
    return { ...tokenOf(record, null, now()), token: `crl_${part}_${secret}` }
  }

  /** All tokens that `by` may see, oldest first, ended ones among them. */
  async list(by: Access = OWN_PROCESS): Promise<readonly ApiToken[]> {
    const [records, uses] = [await this.#records.all(), await this.#uses.all()]
    const now = this.#options.now()
    return records
      .filter(({ scopes }) => canSeeAll(by, scopes))
      .map((record) => tokenOf(record, uses.get(record.id) ?? null, now))
  }

  /** By its id or its prefix. @throws NotFoundError */
  async get(token: string, by: Access = OWN_PROCESS): Promise<ApiToken> {
    const record = await this.#found(token, by)
    return tokenOf(record, await this.#uses.of(record.id), this.#options.now())
  }

  /** Ends a token: here at once, in other processes within five seconds. @throws NotFoundError */
  async revoke(token: string, by: Access = OWN_PROCESS): Promise<ApiToken> {
    const found = await this.#found(token, by)
    const now = this.#options.now()
    const revoked = await this.#records.change(found.id, (record) => ({
      ...record,
      revokedAt: record.revokedAt ?? now,
    }))
    this.#options.onChanged()
    return tokenOf(revoked ?? found, await this.#uses.of(found.id), now)
  }

  /** Whoever holds this token, and until when that is true; null for one that is not good. @internal */
  async authenticate(
    text: string,
  ): Promise<{ readonly access: Access; readonly until: number | null } | null> {
    const parts = partsOf(text)
    if (parts === null) return null
    const record = await this.#records.get(parts.id)
    const isTheirs = timingSafeEqual(Buffer.from(hashOf(parts.secret)), Buffer.from(record?.hash ?? NOBODY))
    if (record === null || !isTheirs || stateOf(record, this.#options.now()) !== "live") return null
    await this.#uses.note(record.id)
    const actor: Actor = { kind: "token", id: record.id, name: record.name }
    return { access: await this.#options.grants.accessOf(actor, record), until: record.expiresAt }
  }

  async #found(token: string, by: Access): Promise<TokenRecord> {
    const id = /^(?:tok|crl)_([0-9A-Z]{26})$/.exec(token)?.[1]
    const record = id === undefined ? null : await this.#records.get(`tok_${id}`)
    if (record !== null && canSeeAll(by, record.scopes)) return record
    // A whole token is a secret, and not to be said.
    const said = id === undefined ? "something else" : `\`${token}\`, which is none`
    throw new NotFoundError(`Expected the id or the prefix of a token, got ${said}.`)
  }
}

/** Compared with where there is no token, so that both take the same time. */
const NOBODY = "0".repeat(64)

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex")
}

function partsOf(text: string): { readonly id: string; readonly secret: string } | null {
  const match = /^crl_([0-9A-Z]{26})_([\w-]{43})$/.exec(text)
  return match === null ? null : { id: `tok_${match[1]}`, secret: match[2] as string }
}

function stateOf({ revokedAt, expiresAt }: TokenRecord, now: number): ApiToken["state"] {
  if (revokedAt !== null) return "revoked"
  return expiresAt !== null && expiresAt <= now ? "expired" : "live"
}

function tokenOf(record: TokenRecord, lastUsedAt: number | null, now: number): ApiToken {
  const { id, name, roles, permissions, scopes, createdBy, createdAt, expiresAt, revokedAt } = record
  const date = (at: number | null): Date | null => (at === null ? null : new Date(at))
  return {
    id,
    name,
    prefix: `crl_${id.slice("tok_".length)}`,
    roles,
    permissions,
    scopes,
    state: stateOf(record, now),
    createdAt: new Date(createdAt),
    createdBy,
    expiresAt: date(expiresAt),
    lastUsedAt: date(lastUsedAt),
    revokedAt: date(revokedAt),
  }
}

function checkedEnd(expiresAt: Date | number | null | undefined, now: number): number | null {
  if (expiresAt === null) return null
  if (expiresAt === undefined) return now + USUAL_LIFETIME_MS
  const time = Number(expiresAt)
  if (Number.isSafeInteger(time) && time > now) return time
  throw new InvalidInputError(expected("`expiresAt` to be a time to come, or null for never", expiresAt))
}
