import { ConfigError, expected, InvalidInputError } from "../core/errors.ts"
import type { Filters } from "./conditions.ts"
import { isEntity } from "./define.ts"
import type { ChangeInput, CreateInput, Entity, InferTypeOf, UpdateInput } from "./entity.ts"
import type { FindConfig } from "./listing.ts"
import { capitalised } from "./names.ts"
import { type Plural, pluralOf } from "./plural.ts"

/** The data models of a service by the names that its methods have. */
export type Models = Readonly<Record<string, Entity>>

/** Which rows: by id, by ids, or by values that they have. */
export type Selection<E extends Entity> = string | Filters<E> | readonly (string | Filters<E>)[]

/** Changes to all rows that a selector meets. */
export interface SelectedChange<E extends Entity> {
  readonly selector: Filters<E>
  readonly data: ChangeInput<E>
}

interface Create<E extends Entity> {
  (data: CreateInput<E>, sharedContext?: unknown): Promise<InferTypeOf<E>>
  (data: readonly CreateInput<E>[], sharedContext?: unknown): Promise<InferTypeOf<E>[]>
}

interface Update<E extends Entity> {
  (data: UpdateInput<E>, sharedContext?: unknown): Promise<InferTypeOf<E>>
  (
    data: readonly UpdateInput<E>[] | SelectedChange<E> | readonly SelectedChange<E>[],
    sharedContext?: unknown,
  ): Promise<InferTypeOf<E>[]>
}

type Named<M extends Models> = keyof M & string

/** The methods that `ModuleService` makes for each model: `createBrands`, `listBrands`, `retrieveBrand` … */
export type GeneratedService<M extends Models> = {
  [N in Named<M> as `create${Capitalize<Plural<N>>}`]: Create<M[N]>
} & {
  [N in Named<M> as `update${Capitalize<Plural<N>>}`]: Update<M[N]>
} & {
  [N in Named<M> as `list${Capitalize<Plural<N>>}`]: (
    filters?: Filters<M[N]>,
    config?: FindConfig<M[N]>,
    sharedContext?: unknown,
  ) => Promise<InferTypeOf<M[N]>[]>
} & {
  [N in Named<M> as `listAndCount${Capitalize<Plural<N>>}`]: (
    filters?: Filters<M[N]>,
    config?: FindConfig<M[N]>,
    sharedContext?: unknown,
  ) => Promise<[InferTypeOf<M[N]>[], number]>
} & {
  [N in Named<M> as `retrieve${Capitalize<N>}`]: (
    id: string,
    config?: FindConfig<M[N]>,
    sharedContext?: unknown,
  ) => Promise<InferTypeOf<M[N]>>
} & {
  [N in Named<M> as `${"delete" | "softDelete" | "restore"}${Capitalize<Plural<N>>}`]: (
    selection: Selection<M[N]>,
    ...ignored: readonly unknown[]
  ) => Promise<void>
}

/** A class with the generated methods, to be extended. */
export interface GeneratedServiceClass<M extends Models> {
  new (...args: unknown[]): GeneratedService<M>
}

const MODELS = Symbol.for("carillon.models") // an application may load this module twice
const TABLES = Symbol.for("carillon.tables")

/** What the generated methods call; a table of the store. */
export interface Rows {
  create(data: unknown): Promise<unknown>
  update(data: unknown): Promise<unknown>
  list(filters: unknown, config: unknown): Promise<unknown>
  listAndCount(filters: unknown, config: unknown): Promise<unknown>
  retrieve(id: unknown, config: unknown): Promise<unknown>
  delete(selection: unknown): Promise<void>
  softDelete(selection: unknown): Promise<void>
  restore(selection: unknown): Promise<void>
}

/**
 * Makes a class with methods for the rows of data models, to be extended by a module's service.
 *
 * For `{ Brand }` they are `createBrands`, `updateBrands`, `listBrands`, `listAndCountBrands`, `retrieveBrand`,
 * `deleteBrands`, `softDeleteBrands` and `restoreBrands`; they work once the module is opened. Each call is
 * one transaction.
 *
 * @example
 * ```ts
 * import { ModuleService, model } from "carillon"
 *
 * const Brand = model.define("brand", { id: model.id().primaryKey(), name: model.text() })
 *
 * class BrandModuleService extends ModuleService({ Brand }) {
 *   async rename(id: string, name: string) {
 *     return await this.updateBrands({ id, name })
 *   }
 * }
 * ```
 *
 * @throws InvalidInputError when a model is none
 */
export function ModuleService<const M extends Models>(models: M): GeneratedServiceClass<M> {
  const Generated = class {}
  Object.defineProperty(Generated, MODELS, { value: models })
  for (const [name, entity] of Object.entries(models)) {
    if (!isEntity(entity))
      throw new InvalidInputError(expected(`\`${name}\` to be what \`model.define\` returns`, entity))
    for (const [method, call] of methodsOf(name))
      Object.defineProperty(Generated.prototype, method, {
        value: function (this: object, ...given: readonly unknown[]) {
          return call(rowsOf(this, entity), given)
        },
        writable: true,
        configurable: true,
      })
  }
  return Generated as unknown as GeneratedServiceClass<M>
}

/** The data models of a service's class; none for one that does not extend `ModuleService`. */
export function modelsOf(service: object): Models {
  return (service as { readonly [MODELS]?: Models })[MODELS] ?? {}
}

/** Gives a service its tables: from here on its methods work. */
export function bindTables(service: object, tables: ReadonlyMap<Entity, Rows>): void {
  Object.defineProperty(service, TABLES, { value: tables })
}

type Call = (rows: Rows, given: readonly unknown[]) => Promise<unknown>

function methodsOf(name: string): readonly (readonly [string, Call])[] {
  const one = capitalised(name)
  const many = capitalised(pluralOf(name))
  return [
    [`create${many}`, (rows, [data]) => rows.create(data)],
    [`update${many}`, (rows, [data]) => rows.update(data)],
    [`list${many}`, (rows, [filters, config]) => rows.list(filters, config)],
    [`listAndCount${many}`, (rows, [filters, config]) => rows.listAndCount(filters, config)],
    [`retrieve${one}`, (rows, [id, config]) => rows.retrieve(id, config)],
    [`delete${many}`, (rows, [selection]) => rows.delete(selection)],
    [`softDelete${many}`, (rows, [selection]) => rows.softDelete(selection)],
    [`restore${many}`, (rows, [selection]) => rows.restore(selection)],
  ]
}

function rowsOf(service: object, entity: Entity): Rows {
  const tables = (service as { readonly [TABLES]?: ReadonlyMap<Entity, Rows> })[TABLES]
  const rows = tables?.get(entity)
  if (rows !== undefined) return rows
  throw new ConfigError(
    `Expected the module of \`${entity.name}\` to be opened before its methods are called. List it under \`modules\` in carillon.config.ts, or open it with \`openModules\`.`,
  )
}
