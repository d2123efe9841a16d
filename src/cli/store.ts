import { existsSync } from "node:fs"
import { type Carillon, createCarillon } from "../carillon.ts"
import { ConfigError } from "../core/errors.ts"
import { type CarillonOptions, type ResolvedOptions, resolveOptions } from "../options.ts"

/** What every verb that opens a store can be told. */
export interface StoreFlags {
  readonly database?: string
  readonly group?: string
  readonly json?: true
}

/**
 * Opens the store, does the work, leaves. It never joins as a worker, and neither makes nor migrates a
 * store unless told to.
 */
export async function withStore(
  flags: StoreFlags,
  work: (carillon: Carillon) => Promise<void>,
  { create = false }: { create?: boolean } = {},
): Promise<void> {
  const options = { ...storeOptions(flags), migrate: create }
  const { path } = resolveShared(options)
  if (!create && path !== "" && !existsSync(path)) throw notThere(path)
  const carillon = await createCarillon(options)
  try {
    await work(carillon)
  } finally {
    await carillon.stop()
  }
}

/** Who only looks for a moment needs neither a log nor a thread. */
export function storeOptions({ database, group }: StoreFlags): CarillonOptions {
  return { database, group, logger: false, storeThread: "main" }
}

/** The options of a store that others can see as well. */
export function resolveShared(options: CarillonOptions): ResolvedOptions {
  const resolved = resolveOptions(options)
  if (resolved.path !== ":memory:") return resolved
  throw new ConfigError(
    "Expected `--database` to be a file or `postgres://…`, got `:memory:`, which no other process can see.",
  )
}

function notThere(path: string): ConfigError {
  return new ConfigError(
    `Expected a database at \`${path}\`, found none. Name another with --database or CARILLON_DATABASE, start the app that makes it, or make it with \`carillon migrate\`.`,
  )
}
