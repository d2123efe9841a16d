import type { StoreVersion } from "../../engine/maintenance.ts"
import { migrateStore, versionOfStore } from "../../open.ts"
import type { ResolvedOptions } from "../../options.ts"
import { print, printJson } from "../output.ts"
import { refuseServer } from "../server.ts"
import { resolveShared, type StoreFlags, storeOptions } from "../store.ts"

interface MigrateFlags extends StoreFlags {
  readonly check?: true
}

export async function migrate(flags: MigrateFlags): Promise<void> {
  refuseServer(flags, "migrate")
  const options = resolveShared(storeOptions(flags))
  if (flags.check) return check(options, flags)
  const { database } = options
  const { from, to } = await migrateStore(options)
  if (flags.json) printJson({ database, from, to, created: from === 0 })
  else if (from === 0) print(`${database} is made, at migration ${to}`)
  else if (from < to) print(`${database} is brought from migration ${from} to ${to}`)
  else print(`${database} is up to date, at migration ${to}`)
}

/** Only looks; the exit code says whether there is something to do. */
async function check(options: ResolvedOptions, { json }: MigrateFlags): Promise<void> {
  const { database } = options
  const version = await versionOfStore(options)
  const isReady = version.works && version.store >= version.code
  if (!isReady) process.exitCode = 1
  if (json) printJson({ database, store: version.store, code: version.code, ready: isReady })
  else print(`${database} ${verdictOn(version)}`)
}

function verdictOn({ store, code, works }: StoreVersion): string {
  if (!works) return `is at migration ${store}: a newer Carillon wrote it, which this one cannot work with`
  if (store === 0) return `holds nothing of Carillon's yet; this version needs migration ${code}`
  if (store < code) return `is at migration ${store}; this version needs ${code}`
  return `is up to date, at migration ${store}`
}
