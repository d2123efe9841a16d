import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import {
  checkRequest,
  fieldsOf,
  type GraphOptions,
  type GraphRequest,
  type GraphResult,
  type GraphRow,
  keysIn,
} from "./graph-request.ts"
import { keysOf, snakeCase } from "./names.ts"
import { notFound } from "./not-found.ts"
import type { EntityResolver, ResolveRequest } from "./resolver.ts"
import { resolverSource, type Source } from "./source.ts"

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
