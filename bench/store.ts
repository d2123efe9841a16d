import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { benchDirectory } from "./directory.ts"
import type { Measurement, Place, StoreName } from "./measurement.ts"
import { needsPostgres } from "./peers.ts"
import { createDatabase, dropDatabase } from "./server/server.ts"

/** What the measurements of a run are made on. */
export interface Store {
  readonly name: StoreName
  /** A place of its own for a measurement; `close` leaves nothing of it. */
  open(measurement: Measurement): Promise<OpenPlace>
}

export interface OpenPlace extends Place {
  close(): Promise<void>
}

/** A file in an empty directory; for peers that want a server, a database on that one. */
export function sqliteStore(server: string | null = null): Store {
  return {
    name: "sqlite",
    open: async (measurement) => {
      if (needsPostgres(measurement)) return postgresStore(wanted(server, measurement)).open(measurement)
      const directory = emptyDirectory(measurement)
      return {
        directory: directory.path,
        database: `file:${join(directory.path, "bench.db")}`,
        close: directory.remove,
      }
    },
  }
}

function wanted(server: string | null, { name }: Measurement): string {
  if (server === null) throw new Error(`Expected a PostgreSQL server for ${name}: give one with --url.`)
  return server
}

/** An empty database on a server, or one that was filled for this burden. */
export function postgresStore(server: string, filled: ReadonlyMap<string, string> = new Map()): Store {
  return {
    name: "postgres",
    open: async (measurement) => {
      const directory = emptyDirectory(measurement)
      const burdened = filled.get(measurement.burden ?? "")
      const database = burdened ?? (await createDatabase(server, measurement.name))
      return {
        directory: directory.path,
        database,
        close: async () => {
          await directory.remove()
          if (burdened === undefined) await dropDatabase(database)
        },
      }
    },
  }
}

function emptyDirectory({ name }: Measurement) {
  const path = mkdtempSync(join(benchDirectory(), `${name}-`))
  return { path, remove: async () => rmSync(path, { recursive: true, force: true }) }
}
