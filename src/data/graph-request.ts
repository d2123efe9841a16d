import { expected, InvalidInputError, UnsupportedError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { Direction } from "./listing.ts"
import type { Source } from "./source.ts"

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

export function checkRequest(request: GraphRequest): void {
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

export function fieldsOf({ name, fields, primaryKey }: Source, wanted: unknown): readonly string[] {
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
export function keysIn(
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
