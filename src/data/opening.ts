import { registerValues } from "../container.ts"
import { ConfigError, expected } from "../core/errors.ts"
import { commitIds } from "../core/ids.ts"
import { systemClock } from "../system-clock.ts"
import type { DataStore } from "./data-store.ts"
import type { Entity } from "./entity.ts"
import { openDataStore } from "./location.ts"
import { isModule, type ModuleDefinition } from "./module.ts"
import { bindTables, modelsOf } from "./module-service.ts"
import type { ConfiguredModule, OpenedModules, OpenModulesOptions } from "./open-modules.ts"
import { Query } from "./query.ts"
import { shapeOf } from "./shape.ts"
import { resolverSource, tableSource } from "./source.ts"
import { synchronise } from "./synchronise.ts"
import { Table } from "./table.ts"

/** Modules on their way to work. */
export class Opening {
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
