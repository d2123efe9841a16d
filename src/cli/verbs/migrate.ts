import { existsSync } from "node:fs"
import { resolveOptions } from "../../options.ts"
import { print, printJson } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

/** Opening a store brings it to this version's schema; nothing else is needed. */
export async function migrate(flags: StoreFlags): Promise<void> {
  const { path } = resolveOptions({ database: flags.database })
  const created = !existsSync(path)
  await withStore(flags, async () => {}, { create: true })
  if (flags.json) printJson({ database: path, created })
  else print(`${path} is ${created ? "made" : "up to date"}`)
}
