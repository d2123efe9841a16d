import type { CarillonContainer } from "../container.ts"
import type { Clock } from "../core/clock.ts"
import { UnsupportedError } from "../core/errors.ts"
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
  /** As `createCarillon` takes them. */
  readonly postgres?: { readonly schema?: string; readonly pooler?: boolean }
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
 * @throws ConfigError when two modules have the same name or entity, or a table does not fit its model
 */
export async function openModules(_options: OpenModulesOptions): Promise<OpenedModules> {
  throw new UnsupportedError("Not there yet.")
}
