import { expected, InvalidInputError } from "../core/errors.ts"
import type { EntityResolver, ResolveRequest } from "./resolver.ts"
import type { Row, Table } from "./table.ts"

/** Who answers for an entity in `query.graph`. */
export interface Source {
  readonly name: string
  readonly fields: readonly string[] | null // null = not known before
  readonly primaryKey: string
  /** @param withCount - how many rows there are in all is asked for, too */
  find(request: ResolveRequest, withCount: boolean): Promise<Found>
}

export interface Found {
  readonly rows: readonly Row[]
  readonly count: number // what was skipped and not taken counts, too, if it was asked for
}

/** The rows of a data model. */
export function tableSource(table: Table): Source {
  const { name, key, properties } = table.shape
  return {
    name,
    fields: [...properties.keys()],
    primaryKey: key,
    find: async ({ fields, filters, pagination, withDeleted }, withCount) => {
      const config = { ...pagination, select: fields, withDeleted }
      if (!withCount) return { rows: await table.list(filters, config), count: 0 }
      const [rows, count] = await table.listAndCount(filters, config)
      return { rows, count }
    },
  }
}

/** What somebody's own resolver answers; a plain list is all there is, and is ordered and cut here. */
export function resolverSource(name: string, resolver: EntityResolver, service: unknown): Source {
  const { fields = null, primaryKey = "id", resolve } = (resolver ?? {}) as EntityResolver
  if (typeof resolve !== "function")
    throw new InvalidInputError(expected(`the entity \`${name}\` to have a function \`resolve\``, resolve))
  return {
    name,
    fields: fields === null ? null : [...new Set([primaryKey, ...fields])],
    primaryKey,
    find: async (request) => {
      const resolved = await resolve.call(service, request)
      const { rows, count } = isList(resolved)
        ? { rows: partOf(resolved, request.pagination), count: resolved.length }
        : resolved
      if (!isList(rows) || !Number.isSafeInteger(count))
        throw new InvalidInputError(
          expected(`the resolver of \`${name}\` to return a list, or \`{ rows, count }\``, resolved),
        )
      return { rows: rows.map((row) => chosen(row, request.fields)), count }
    },
  }
}

function partOf(
  rows: readonly Row[],
  { skip = 0, take, order = {} }: ResolveRequest["pagination"],
): readonly Row[] {
  const directions = Object.entries(order).map(
    ([name, word]) => [name, word.toUpperCase() === "DESC"] as const,
  )
  const sorted = rows.toSorted((a, b) => {
    for (const [name, isDown] of directions) {
      const order = compare(a[name], b[name])
      if (order !== 0) return isDown ? -order : order
    }
    return 0
  })
  return sorted.slice(skip, take === undefined ? undefined : skip + take)
}

/** As the tables do it: empty values come last going up. */
function compare(a: unknown, b: unknown): number {
  const [isEmptyA, isEmptyB] = [a === null || a === undefined, b === null || b === undefined]
  if (isEmptyA || isEmptyB) return Number(isEmptyA) - Number(isEmptyB)
  const [x, y] = [a, b] as [string, string]
  return x < y ? -1 : x > y ? 1 : 0
}

function chosen(row: Readonly<Row>, fields: readonly string[]): Row {
  if (fields.includes("*")) return { ...row }
  return Object.fromEntries(fields.map((name) => [name, row[name]]))
}

function isList(value: unknown): value is readonly Row[] {
  return Array.isArray(value)
}
