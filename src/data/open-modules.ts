import type { CarillonContainer } from "../container.ts"
import type { Clock } from "../core/clock.ts"
import type { ModuleDefinition } from "./module.ts"
import type { Query } from "./query.ts"

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
  // Who keeps no data in modules does not wait for what builds queries.
  const { Opening } = await import("./opening.ts")
  const opening = new Opening(options)
  try {
    return await opening.open()
  } catch (error) {
    await opening.close().catch(ignore) // what went wrong first is what to tell
    throw error
  }
}

function ignore(): void {}
