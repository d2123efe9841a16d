import { expected, InvalidInputError, UnsupportedError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { Direction } from "./listing.ts"
import { keysOf, snakeCase } from "./names.ts"
import type { EntityResolver, ResolveRequest } from "./resolver.ts"
import { resolverSource, type Source } from "./source.ts"
import { notFound } from "./table.ts"

/** What `query.graph` is asked for. */
export interface GraphRequest {
  /** A data model's name, or its plural; or the name of an entity with a resolver of its own. */
  readonly entity: string
  /** Names of properties; `*` = all. */
  readonly fields: readonly string[]
  /** As the generated `list…` methods take them. */
  readonly filters?: Readonly<Record<string, unknown>>
  readonly pagination?: {
    readonly skip?: number
    readonly take?: number
    readonly order?: Readonly<Record<string, Direction>>
  }
  /** For resolvers of one's own. */
  readonly context?: unknown
  /** Rows that were softly deleted, too. @defaultValue false */
  readonly withDeleted?: boolean
}

export interface GraphOptions {
  /** Every value of the primary key in `filters` must be found. @defaultValue false */
  readonly throwIfKeyNotFound?: boolean
  /** `false`: `data` is the first row instead of a list. @defaultValue true */
  readonly isList?: boolean
}

/** How much there is of it, where a part of it was asked for. */
export interface GraphMetadata {
  readonly count: number
  readonly skip: number
  readonly take: number
}

// biome-ignore lint/suspicious/noExplicitAny: an entity is known by its name only, as what `JSON.parse` reads
export type GraphRow = any

/** What `query.graph` found. */
export interface GraphResult<Data> {
  readonly data: Data
  readonly metadata?: GraphMetadata
}

/** Asks for entities of all modules by their names; the container has it as `query`. */
export class Query {
  readonly #sources = new Map<string, Source>() // by each way of writing a name

  /**
   * Finds rows of an entity.
   *
   * @throws InvalidInputError when the entity or a field does not exist
   * @throws NotFoundError when `throwIfKeyNotFound` is set and a key is not found
   */
  graph<Row = GraphRow>(
    request: GraphRequest,
    options: GraphOptions & { readonly isList: false },
  ): Promise<GraphResult<Row | undefined>>
  graph<Row = GraphRow>(request: GraphRequest, options?: GraphOptions): Promise<GraphResult<Row[]>>
  async graph(
    request: GraphRequest,
    { throwIfKeyNotFound = false, isList = true }: GraphOptions = {},
  ): Promise<GraphResult<unknown>> {
    checkRequest(request)
    const source = this.#sourceOf(request.entity)
    const { filters = {}, pagination = {}, context, withDeleted = false } = request
    const fields = fieldsOf(source, request.fields)
    const asked = { fields, filters, pagination, context, withDeleted }
    const keys = throwIfKeyNotFound ? keysIn(source, filters) : []
    const isPart = pagination.skip !== undefined || pagination.take !== undefined
    const { rows, count } = await source.find(asked, isPart)
    if (keys.length > 0) await refuseMissing(source, asked, keys, isPart ? null : rows)
    const data = isList ? rows : rows[0]
    if (!isPart) return { data }
    return { data, metadata: { count, skip: pagination.skip ?? 0, take: pagination.take ?? count } }
  }

  /**
   * Answers for an entity that is no table of a module's.
   *
   * @example
   * ```ts
   * import type { Query } from "carillon"
   *
   * function registerStores(query: Query) {
   *   query.register("store", { fields: ["id", "city"], resolve: () => [{ id: "store_1", city: "Ulm" }] })
   * }
   * ```
   *
   * @throws InvalidInputError when there is an entity of that name
   */
  register(name: string, resolver: EntityResolver): void {
    this.add(resolverSource(name, resolver, resolver))
  }

  /** @internal */
  add(source: Source): void {
    if (typeof source.name !== "string" || source.name === "")
      throw new InvalidInputError(expected("the name of an entity to be a text", source.name))
    const keys = keysOf(source.name)
    const other = keys.map((key) => this.#sources.get(key)).find((each) => each !== undefined)
    if (other !== undefined)
      throw new InvalidInputError(
        `Expected \`${source.name}\` to be the name of one entity, but \`${other.name}\` is there already. Give one of them another name.`,
      )
    for (const key of keys) this.#sources.set(key, source)
  }

  #sourceOf(name: unknown): Source {
    const source = typeof name === "string" ? this.#sources.get(snakeCase(name)) : undefined
    if (source !== undefined) return source
    const names = [...new Set([...this.#sources.values()].map((each) => each.name))]
    const near = nearestName(String(name), names)
    const mend = near === null ? "Is its module opened?" : `Did you mean \`${near}\`?`
    const there = names.length === 0 ? "there is none yet" : names.join(", ")
    throw new InvalidInputError(`${expected(`an entity (${there})`, name)} ${mend}`)
  }
}

function checkRequest(request: GraphRequest): void {
  if (typeof request !== "object" || request === null)
    throw new InvalidInputError(expected("`query.graph` to get an object", request))
  for (const name of Object.keys(request))
    if (!PARTS.includes(name))
      throw new InvalidInputError(`Expected parts of a query (${PARTS.join(", ")}), got \`${name}\`.`)
  const { skip, take } = request.pagination ?? {}
  for (const [name, value] of Object.entries({ skip, take }))
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw new InvalidInputError(expected(`\`pagination.${name}\` to be a whole number from 0 up`, value))
}

const PARTS = ["entity", "fields", "filters", "pagination", "context", "withDeleted"]

function fieldsOf({ name, fields, primaryKey }: Source, wanted: unknown): readonly string[] {
  if (!Array.isArray(wanted) || wanted.length === 0)
    throw new InvalidInputError(
      expected(`\`fields\` of \`${name}\` to be a list of names, or \`["*"]\` for all`, wanted),
    )
  for (const field of wanted) {
    if (field === "*" || (fields === null && !String(field).includes("."))) continue
    if (typeof field === "string" && /^\*.|\./.test(field))
      throw new UnsupportedError(
        `Expected fields of \`${name}\` itself, got \`${field}\`: entities have no relations yet. Ask for the other entity by its ids.`,
      )
    if (fields?.includes(field)) continue
    const near = nearestName(String(field), fields ?? [primaryKey])
    const mend = near === null ? "" : ` Did you mean \`${near}\`?`
    throw new InvalidInputError(
      `${expected(`fields of \`${name}\` (${fields?.join(", ")}, or \`*\`)`, field)}${mend}`,
    )
  }
  return wanted
}

/** The keys that a query names: each of them must be found. */
function keysIn(
  { name, primaryKey }: Source,
  filters: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const value = filters[primaryKey]
  const { $in, $eq } = (typeof value === "object" && value !== null ? value : {}) as {
    readonly $in?: unknown
    readonly $eq?: unknown
  }
  const keys = $in ?? $eq ?? value
  if (Array.isArray(keys)) return keys
  if (typeof keys === "string" || typeof keys === "number") return [keys]
  throw new InvalidInputError(
    expected(
      `\`filters.${primaryKey}\` of \`${name}\` for \`throwIfKeyNotFound\` to be a key or a list of keys`,
      keys,
    ),
  )
}

/** @param rows - what was found of all that was asked for; `null` = only a part */
async function refuseMissing(
  source: Source,
  asked: ResolveRequest,
  keys: readonly unknown[],
  rows: readonly Readonly<Record<string, unknown>>[] | null,
): Promise<void> {
  const { primaryKey, name } = source
  const isThere = asked.fields.includes("*") || asked.fields.includes(primaryKey)
  const found =
    rows !== null && isThere
      ? rows
      : (await source.find({ ...asked, fields: [primaryKey], pagination: {} }, false)).rows
  const there = new Set(found.map((row) => row[primaryKey]))
  const missing = [...new Set(keys)].filter((key) => !there.has(key))
  if (missing.length > 0) throw notFound(name, primaryKey, missing)
}

declare module "../container.ts" {
  interface CarillonCradle {
    readonly query: Query
  }
}
