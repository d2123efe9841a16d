import { existsSync } from "node:fs"
import type { HandlerLogger } from "../bus/events.ts"
import { createCarillon } from "../carillon.ts"
import { ConfigError } from "../core/errors.ts"
import { type CarillonOptions, type ResolvedOptions, resolveOptions } from "../options.ts"
import type { Operator } from "./operator.ts"
import { note } from "./output.ts"
import { type ServerFlags, serverUrl } from "./server.ts"

/** What every verb that opens a store can be told. */
export interface StoreFlags extends ServerFlags {
  readonly group?: string
  readonly json?: true
}

/**
 * Opens the store, or the way to the server that was named instead, does the work, leaves. It never joins as a
 * worker, and neither makes nor migrates a store unless told to.
 */
export async function withStore(
  flags: StoreFlags,
  work: (carillon: Operator) => Promise<void>,
  { create = false, warns = false }: { create?: boolean; warns?: boolean } = {},
): Promise<void> {
  const url = serverUrl(flags)
  if (url !== null) return work(await operatorAt(url, flags))
  const logger = warns ? WARNING : false
  const options = { ...storeOptions(flags), migrate: create, logger } as const
  const { path } = resolveShared(options)
  if (!create && path !== "" && !existsSync(path)) throw notThere(path)
  const carillon = await createCarillon(options)
  try {
    await work(carillon)
  } finally {
    await carillon.stop()
  }
}

/** Loaded only when it is asked for: most work on the database. */
export async function operatorAt(url: string, flags: StoreFlags): Promise<Operator> {
  const [{ clientOf }, { remoteOperator }] = await Promise.all([
    import("./client.ts"),
    import("./remote/remote.ts"),
  ])
  return remoteOperator(await clientOf(url, flags))
}

const nothing = (): void => {}
/** Of verbs that may make a secret: somebody has to keep it. */
const WARNING: HandlerLogger = {
  debug: nothing,
  info: nothing,
  warn: (message) => note(`warning: ${message}`),
  error: nothing,
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
