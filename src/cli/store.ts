import { existsSync } from "node:fs"
import { type Carillon, createCarillon } from "../carillon.ts"
import { ConfigError } from "../core/errors.ts"
import { resolveOptions } from "../options.ts"

/** What every verb that opens a store can be told. */
export interface StoreFlags {
  readonly database?: string
  readonly group?: string
  readonly json?: true
}

/** Opens the store, does the work, leaves. It never joins as a worker, and makes no database unless told to. */
export async function withStore(
  { database, group }: StoreFlags,
  work: (carillon: Carillon) => Promise<void>,
  { create = false }: { create?: boolean } = {},
): Promise<void> {
  const options = { database, group, logger: false, storeThread: "main" } as const
  const { path } = resolveOptions(options)
  if (path === ":memory:")
    throw new ConfigError(
      "Expected `--database` to be a file, got `:memory:`, which no other process can see.",
    )
  if (!create && !existsSync(path))
    throw new ConfigError(
      `Expected a database at \`${path}\`, found none. Name another with --database or CARILLON_DATABASE, start the app that makes it, or make it with \`carillon migrate\`.`,
    )
  const carillon = await createCarillon(options)
  try {
    await work(carillon)
  } finally {
    await carillon.stop()
  }
}
