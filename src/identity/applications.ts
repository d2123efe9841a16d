import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { ForbiddenError, NotFoundError } from "../core/errors.ts"
import type { Scopes } from "../core/scope.ts"
import { type Access, type Actor, canSeeAll, OWN_PROCESS } from "./access.ts"
import { checkedName } from "./credential-name.ts"
import type { Grant, GrantInput, Grants } from "./grants.ts"
import type { KeyRing, SealedPlace } from "./key-ring.ts"
import type { Permission } from "./permissions.ts"
import { type RecordSource, Records } from "./records.ts"

/** A program that is known by name, with keys of its own for the ways in which programs prove who they are. */
export interface Application {
  readonly id: string // app_…, its client id
  readonly name: string
  readonly clientId: string
  readonly consumerKey: string
  readonly roles: readonly string[]
  readonly permissions: readonly Permission[]
  readonly scopes: Scopes // their keys: `""` is the default scope
  readonly createdAt: Date
  readonly createdBy: Actor
}

export interface NewApplication extends GrantInput {
  /** 1 to 100 characters, for people. */
  readonly name: string
}

/** With its secrets, which nobody can ask for again. */
export interface MadeApplication extends Application {
  /** For `Authorization: Basic`, and where a client secret is asked for. */
  readonly clientSecret: string
  /** What an OAuth 1 request is signed with. */
  readonly consumerSecret: string
}

interface ApplicationRecord extends Grant {
  readonly id: string
  readonly name: string
  readonly clientHash: string // SHA-256: it is only compared
  readonly consumerSecret: string // sealed: a signature is checked with the secret itself
  readonly createdAt: number // epoch ms
  readonly createdBy: Actor
}

export interface ApplicationsOptions {
  readonly source: RecordSource
  readonly now: () => number
  /** A part of an id that is unique and sorts by time: 26 digits and capital letters. */
  readonly newId: () => string
  readonly grants: Grants
  readonly ring: () => Promise<KeyRing>
  /** What is remembered of anybody's permissions is wrong from now on. */
  readonly onChanged: () => void
}

/** The collection and the fields of it that are sealed. */
export const SEALED_APPLICATIONS = { collection: "applications", fields: ["consumerSecret"] } as const

export class Applications {
  readonly #options: ApplicationsOptions
  readonly #records: Records<ApplicationRecord>

  constructor(options: ApplicationsOptions) {
    this.#options = options
    this.#records = new Records(options.source, SEALED_APPLICATIONS.collection)
  }

  /** @throws InvalidInputError for what cannot be; ForbiddenError for more than `by` may do */
  async create({ name, ...wish }: NewApplication, by: Access = OWN_PROCESS): Promise<MadeApplication> {
    const { newId, now, grants } = this.#options
    if (by.actor.kind === "setup")
      throw new ForbiddenError("Expected a user or a token to make an application, got the setup token.")
    const id = `app_${newId()}`
    const { kept, shown } = await this.#newSecrets(id)
    const record: ApplicationRecord = {
      id,
      name: checkedName(name),
      ...(await grants.checked(wish, by)),
      ...kept,
      createdAt: now(),
      createdBy: by.actor,
    }
    await this.#records.add(id, record)
    return { ...applicationOf(record), ...shown }
  }

  /** All applications that `by` may see, oldest first. */
  async list(by: Access = OWN_PROCESS): Promise<readonly Application[]> {
    const records = await this.#records.all()
    return records.filter(({ scopes }) => canSeeAll(by, scopes)).map(applicationOf)
  }

  /** By its client id. @throws NotFoundError */
  async get(id: string, by: Access = OWN_PROCESS): Promise<Application> {
    return applicationOf(await this.#found(id, by))
  }

  /** Gives it new secrets. The old ones end: here at once, elsewhere within five seconds. @throws NotFoundError; ForbiddenError */
  async rotate(id: string, by: Access = OWN_PROCESS): Promise<MadeApplication> {
    const found = await this.#found(id, by)
    await this.#options.grants.checkReach(by, found) // whoever has its secrets is it
    const { kept, shown } = await this.#newSecrets(found.id)
    const record = await this.#records.change(found.id, (old) => ({ ...old, ...kept }))
    this.#options.onChanged()
    if (record === null) throw unknown(id)
    return { ...applicationOf(record), ...shown }
  }

  /** @throws NotFoundError */
  async remove(id: string, by: Access = OWN_PROCESS): Promise<Application> {
    const record = await this.#found(id, by)
    await this.#records.remove(record.id)
    this.#options.onChanged()
    return applicationOf(record)
  }

  /** The application whose client secret this is; null for none. @internal */
  async authenticate(clientId: string, clientSecret: string): Promise<Access | null> {
    const record = isClientId(clientId) ? await this.#records.get(clientId) : null
    const isTheirs = timingSafeEqual(
      Buffer.from(hashOf(clientSecret)),
      Buffer.from(record?.clientHash ?? NOBODY),
    )
    return record !== null && isTheirs ? this.#accessOf(record) : null
  }

  /** Who signs with that consumer key, and the secret that the signature is checked with; null for nobody. @internal */
  async consumer(
    consumerKey: string,
  ): Promise<{ readonly access: Access; readonly consumerSecret: string } | null> {
    const clientId = consumerKey.replace(/^con_/, "app_")
    const record = clientId !== consumerKey && isClientId(clientId) ? await this.#records.get(clientId) : null
    if (record === null) return null
    const ring = await this.#options.ring()
    const consumerSecret = ring.open(placeOf(record.id), record.consumerSecret)
    return { access: await this.#accessOf(record), consumerSecret }
  }

  #accessOf(record: ApplicationRecord): Promise<Access> {
    const actor: Actor = { kind: "application", id: record.id, name: record.name }
    return this.#options.grants.accessOf(actor, record)
  }

  async #newSecrets(id: string): Promise<Secrets> {
    const ring = await this.#options.ring()
    const [clientSecret, consumerSecret] = [newSecret(), newSecret()]
    return {
      kept: { clientHash: hashOf(clientSecret), consumerSecret: ring.seal(placeOf(id), consumerSecret) },
      shown: { clientSecret, consumerSecret },
    }
  }

  async #found(id: string, by: Access): Promise<ApplicationRecord> {
    const record = isClientId(id) ? await this.#records.get(id) : null
    if (record !== null && canSeeAll(by, record.scopes)) return record
    throw unknown(id)
  }
}

interface Secrets {
  readonly kept: Pick<ApplicationRecord, "clientHash" | "consumerSecret">
  readonly shown: Pick<MadeApplication, "clientSecret" | "consumerSecret">
}

const SECRET_BYTES = 32

/** Letters and digits only: OAuth 1 and forms would have to escape others. */
function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("hex")
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex")
}

/** Compared with where there is no application, so that both take the same time. */
const NOBODY = "0".repeat(64)

function isClientId(id: unknown): id is string {
  return typeof id === "string" && /^app_[0-9A-Z]{26}$/.test(id)
}

function placeOf(id: string): SealedPlace {
  return { collection: SEALED_APPLICATIONS.collection, id, field: "consumerSecret" }
}

/** One name for it in two spellings, so that either is found without an index. */
function applicationOf(record: ApplicationRecord): Application {
  const { id, name, roles, permissions, scopes, createdBy, createdAt } = record
  const consumerKey = id.replace(/^app_/, "con_")
  return {
    id,
    name,
    clientId: id,
    consumerKey,
    roles,
    permissions,
    scopes,
    createdAt: new Date(createdAt),
    createdBy,
  }
}

function unknown(id: string): NotFoundError {
  const said = isClientId(id) ? `\`${id}\`, which is none` : "something else"
  return new NotFoundError(`Expected the client id of an application, got ${said}.`)
}
