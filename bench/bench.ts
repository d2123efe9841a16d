import type { Burden, Measurement, StoreName } from "./measurement.ts"
import { ensurePeers, isPeer, needsPostgres, needsRedis } from "./peers.ts"
import { describeRedis } from "./redis.ts"
import { fillStore } from "./server/fill.ts"
import { type OpenServer, openServer } from "./server/own.ts"
import { describeServer, dropDatabase, warningsOf } from "./server/server.ts"
import { postgresStore, type Store, sqliteStore } from "./store.ts"

export interface BenchWish {
  readonly wanted: readonly Measurement[]
  readonly store: StoreName
  /** A server's URL, or `own`; on SQLite for the peers that want one. */
  readonly server: string
  readonly peers: boolean
  /** How much to fill a store with, by burden. */
  readonly fill: Readonly<Record<Exclude<Burden, "pinned">, number>>
}

/** Everything a run needs around it: what can be measured here, where, and what is to be said about it. */
export interface Bench {
  readonly measurements: readonly Measurement[]
  readonly store: Store
  readonly described: Record<string, unknown>
  readonly warnings: readonly string[]
  /** Fills the stores that some measurements want full; it may take minutes. */
  fill(): Promise<void>
  close(): Promise<void>
}

export async function openBench({ wanted, store, server: url, peers, fill }: BenchWish): Promise<Bench> {
  const asked = peers ? wanted : wanted.filter((one) => !isPeer(one))
  ensurePeers(asked)
  const redis = await found("Redis", asked.filter(needsRedis), describeRedis)
  const server =
    store === "postgres"
      ? await openDescribed(url)
      : await found("PostgreSQL", asked.filter(needsPostgres), () => openDescribed(url))
  const measurements = asked.filter(
    (one) => (redis !== null || !needsRedis(one)) && (server !== null || !needsPostgres(one)),
  )
  const filled = new Map<string, string>()
  const burdens = (["open", "history"] as const).filter((burden) =>
    measurements.some((measurement) => measurement.burden === burden),
  )

  return {
    measurements,
    store:
      store === "postgres" ? postgresStore(server?.url ?? url, filled) : sqliteStore(server?.url ?? null),
    described: {
      ...(redis === null ? {} : { redis }),
      ...(server === null ? {} : { postgres: server.described }),
      ...Object.fromEntries(burdens.map((burden) => [burden, fill[burden]])),
    },
    warnings: server === null ? [] : warningsOf(server.described),
    fill: async () => {
      for (const burden of burdens) {
        console.log(`Filling a store: ${burden}, ${fill[burden].toLocaleString("en")} …`)
        filled.set(burden, await fillStore(server?.url ?? url, burden, fill[burden]))
      }
    },
    close: async () => {
      for (const database of filled.values()) await dropDatabase(database)
      await server?.close()
    },
  }
}

async function openDescribed(url: string): Promise<OpenServer & { described: Record<string, string> }> {
  const server = await openServer(url)
  return { ...server, described: await describeServer(server.url) }
}

/** Something that only some measurements need; null where none of them is asked for, or, aloud, where it is missing. */
async function found<T>(
  what: string,
  needing: readonly Measurement[],
  look: () => Promise<T>,
): Promise<T | null> {
  if (needing.length === 0) return null
  try {
    return await look()
  } catch (error) {
    const skipped = needing.map(({ name }) => name).join(", ")
    console.log(`Skipped, because no ${what} answers (${String(error)}): ${skipped}.`)
    return null
  }
}
