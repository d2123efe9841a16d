import { existsSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"
import type { Clock } from "./core/clock.ts"
import { StoreBehindError, StoreError, StoreTooNewError } from "./core/errors.ts"
import type { Engine } from "./engine/engine.ts"
import type { StoreVersion } from "./engine/maintenance.ts"
import { openPostgres } from "./engines/postgres/engine.ts"
import { openSqlite } from "./engines/sqlite/engine.ts"
import { openingError } from "./opening-error.ts"
import type { ResolvedOptions, ResolvedPostgres } from "./options.ts"
import { systemClock } from "./system-clock.ts"

/** An engine on its store, and the time that goes with it. */
export interface OpenedStore {
  readonly engine: Engine
  readonly clock: Clock
}

/** Opens the store with this code's schema: brings it there, or refuses one that is behind. */
export async function openStore(options: ResolvedOptions): Promise<OpenedStore> {
  if (!options.migrate && isMissingFile(options)) throw behind(options, 0)
  const opened = await openUnmigrated(options)
  try {
    const { maintenance } = opened.engine
    if (options.migrate) await maintenance.migrate()
    else refuseOthers(options, await maintenance.version())
    return opened
  } catch (error) {
    await opened.engine.close()
    throw openingError(options.database, error)
  }
}

/** What a migration did: `from` 0 = there was nothing yet. */
export interface Migrated {
  readonly from: number
  readonly to: number
}

/** Brings the store to this code's schema, and closes it again. */
export async function migrateStore(options: ResolvedOptions): Promise<Migrated> {
  const { engine } = await openUnmigrated(options)
  try {
    return await engine.maintenance.migrate()
  } catch (error) {
    throw openingError(options.database, error)
  } finally {
    await engine.close()
  }
}

/** Which schema the store has; a file that is not there is not made. */
export async function versionOfStore(options: ResolvedOptions): Promise<StoreVersion> {
  const isMissing = isMissingFile(options)
  const { engine } = await openUnmigrated(isMissing ? { ...options, path: ":memory:" } : options)
  try {
    return await engine.maintenance.version()
  } finally {
    await engine.close()
  }
}

async function openUnmigrated(options: ResolvedOptions): Promise<OpenedStore> {
  const { path, postgres, synchronous, storeThread: thread } = options
  if (postgres !== null) return openServer(options, postgres)
  const clock = options.clock ?? systemClock
  if (path !== ":memory:") makeFolder(dirname(path))
  return { engine: await openSqlite({ path, synchronous, thread, clock, migrate: false }), clock }
}

async function openServer(
  { database, group, clock }: ResolvedOptions,
  postgres: ResolvedPostgres,
): Promise<OpenedStore> {
  const applicationName = `carillon ${group}`.slice(0, 63)
  try {
    const { engine, now } = await openPostgres({ ...postgres, applicationName, clock, migrate: false })
    return { engine, clock: clock ?? { ...systemClock, now } }
  } catch (error) {
    throw openingError(database, error)
  }
}

function isMissingFile({ path, postgres }: ResolvedOptions): boolean {
  return postgres === null && path !== ":memory:" && !existsSync(path)
}

function refuseOthers(options: ResolvedOptions, { store, code, works }: StoreVersion): void {
  if (store < code) throw behind(options, store)
  if (!works)
    throw new StoreTooNewError(
      `Expected a store that code at migration ${code} can work with, got one at ${store}: a newer Carillon wrote it. Upgrade this process, or open another database.`,
    )
}

function behind({ database }: ResolvedOptions, store: number): StoreBehindError {
  const found = store === 0 ? "which holds nothing of Carillon's yet" : `which is at migration ${store}`
  return new StoreBehindError(
    `Expected a store with this version's schema, got \`${database}\`, ${found}. Bring it there with \`carillon migrate\`, or let whoever opens it do so (\`migrate: true\`).`,
  )
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new StoreError(
      `Expected \`${folder}\` to be a folder that can be made, got: ${(cause as Error).message}. Check the path of the database.`,
      { cause },
    )
  }
}
