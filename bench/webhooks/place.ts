import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { benchDirectory } from "../directory.ts"
import type { StoreName } from "../measurement.ts"
import { createDatabase, dropDatabase } from "../server/server.ts"

/** Where the databases of a run are made, each for one measurement. */
export interface StorePlace {
  readonly store: StoreName
  readonly server: string
}

export async function withDatabase<T>(
  { store, server }: StorePlace,
  use: (database: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(benchDirectory(), "webhooks-"))
  const database =
    store === "sqlite" ? `file:${join(folder, "bench.db")}` : await createDatabase(server, "webhooks")
  try {
    return await use(database)
  } finally {
    rmSync(folder, { recursive: true, force: true })
    if (store === "postgres") await dropDatabase(database)
  }
}
