import { type CarillonContainer, registerValues } from "../container.ts"
import type { Clock } from "../core/clock.ts"
import { ConfigError, expected } from "../core/errors.ts"
import { commitIds } from "../core/ids.ts"
import { systemClock } from "../system-clock.ts"
import type { DataStore } from "./data-store.ts"
import type { Entity } from "./entity.ts"
import { openDataStore } from "./location.ts"
import { isModule, type ModuleDefinition } from "./module.ts"
import { bindTables, modelsOf } from "./module-service.ts"
import { Query } from "./query.ts"
import { shapeOf } from "./shape.ts"
import { resolverSource, tableSource } from "./source.ts"
import { synchronise } from "./synchronise.ts"
import { Table } from "./table.ts"

/** A module, and the options that its service is made with. */
export interface ConfiguredModule {
  readonly module: ModuleDefinition
  readonly options?: Readonly<Record<string, unknown>>
}

/** What `openModules` needs. */
export interface OpenModulesOptions {
  /** Gets each service under its module's name, and `query`. */
  readonly container: CarillonContainer
  /** As `createCarillon` takes it: `file:…`, a path, `:memory:` (a database of its own) or `postgres://…`. */
  readonly database: string
  /** As `createCarillon` takes it: the schema that Carillon's tables are in. */
  readonly postgres?: { readonly schema?: string }
  /** Make tables and columns that are missing; with `false` their lack is an error. @defaultValue true */
  readonly migrate?: boolean
  /** Services are made in this order, and disposed of in the reverse. */
  readonly modules: readonly (ModuleDefinition | ConfiguredModule)[]
  /** @defaultValue the machine's time */
  readonly clock?: Clock
}

/** Modules at work. */
export interface OpenedModules {
  readonly query: Query
  /** Disposes of the services (`Symbol.asyncDispose`, `Symbol.dispose`) and closes the connections. */
  close(): Promise<void>
}

/**
 * Makes the services of modules with their tables, and registers them in the container with `query`.
 *
 * Tables and columns that are missing are made; what would lose data is refused. Any number of processes may
 * do so at once.
 *
 * @throws ConfigError when two modules have the same name or table, or a table cannot be brought to its model
 * @throws InvalidInputError when two entities have the same name
 */
export async function openModules(options: OpenModulesOptions): Promise<OpenedModules> {
  const opening = new Opening(options)
  try {
    return await opening.open()
  } catch (error) {
    await opening.close().catch(ignore) // what went wrong first is what to tell
    throw error
  }
}

class Opening {
  readonly #options: OpenModulesOptions
  readonly #query = new Query()
  readonly #services: object[] = []
  #store: DataStore | null = null

  constructor(options: OpenModulesOptions) {
    this.#options = options
  }

  async open(): Promise<OpenedModules> {
    const modules = this.#options.modules.map(checkedModule)
    refuseTwice(
      "the name of one module",
      modules.map(({ module }) => module.name),
    )
    const tables = await this.#tables(
      modules.flatMap(({ module }) => Object.values(modelsOf(module.service))),
    )
    for (const table of tables.values()) this.#query.add(tableSource(table))
    for (const each of modules) this.#makeService(each, tables)
    registerValues(this.#options.container, { query: this.#query })
    return { query: this.#query, close: () => this.close() }
  }

  /** Every service gets its turn; the first failure is thrown afterwards. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const service of this.#services.splice(0).reverse())
      await end(service).catch((error) => failures.push(error))
    await this.#store?.close().catch((error) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }

  async #tables(entities: readonly Entity[]): Promise<ReadonlyMap<Entity, Table>> {
    const shapes = new Map(entities.map((entity) => [entity, shapeOf(entity)]))
    refuseTwice(
      "the table of one data model",
      [...entities].map((entity) => entity.tableName),
    )
    if (entities.length === 0) return new Map()
    const { database, postgres, clock = systemClock, migrate = true } = this.#options
    const store = await openDataStore(database, postgres?.schema)
    this.#store = store
    await synchronise(store, [...shapes.values()], { migrate })
    const now = () => clock.now()
    const newId = commitIds(now, Math.random)
    return new Map([...shapes].map(([entity, shape]) => [entity, new Table({ store, shape, now, newId })]))
  }

  #makeService({ module, options = {} }: ConfiguredModule, tables: ReadonlyMap<Entity, Table>): void {
    const { container } = this.#options
    const service = new (module.service as new (...args: unknown[]) => object)(container.cradle, options)
    bindTables(service, tables)
    this.#services.push(service)
    registerValues(container, { [module.name]: service })
    for (const [name, resolver] of Object.entries(module.entities))
      this.#query.add(resolverSource(name, resolver, service))
  }
}

function checkedModule(given: ModuleDefinition | ConfiguredModule): ConfiguredModule {
  const configured = isModule(given) ? { module: given } : given
  if (isModule(configured?.module)) return configured
  throw new ConfigError(expected("a module, made by `Module(name, { service })`", configured?.module))
}

function refuseTwice(what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new ConfigError(`Expected \`${twice}\` to be ${what}, got it twice. Give one of them another name.`)
}

async function end(service: object): Promise<void> {
  const { [Symbol.asyncDispose]: dispose, [Symbol.dispose]: disposeNow } = service as Partial<
    AsyncDisposable & Disposable
  >
  await (dispose ?? disposeNow)?.call(service)
}

function ignore(): void {}
