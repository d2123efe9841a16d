import type { Burden, Measurement } from "./measurement.ts"
import { ensurePeers, isPeer } from "./peers.ts"
import { describeRedis } from "./redis.ts"
import { fillStore } from "./server/fill.ts"
import { openServer } from "./server/own.ts"
import { describeServer, dropDatabase, warningsOf } from "./server/server.ts"
import { postgresStore, type Store, sqliteStore } from "./store.ts"

export interface BenchWish {
  readonly wanted: readonly Measurement[]
  /** A server's URL, or `own`; null for SQLite. */
  readonly server: string | null
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

export async function openBench({ wanted, server: url, peers, fill }: BenchWish): Promise<Bench> {
  const opened = url === null ? null : await openServer(url)
  const server = opened?.url ?? null
  const postgres = server === null ? null : await describeServer(server)
  const { measurements, redis } = await available(wanted, peers)
  const filled = new Map<string, string>()
  const burdens = (["open", "history"] as const).filter((burden) =>
    measurements.some((measurement) => measurement.burden === burden),
  )

  return {
    measurements,
    store: server === null ? sqliteStore : postgresStore(server, filled),
    described: {
      ...(redis === null ? {} : { redis }),
      ...(postgres === null ? {} : { postgres }),
      ...Object.fromEntries(burdens.map((burden) => [burden, fill[burden]])),
    },
    warnings: postgres === null ? [] : warningsOf(postgres),
    fill: async () => {
      for (const burden of burdens) {
        console.log(`Filling a store: ${burden}, ${fill[burden].toLocaleString("en")} …`)
        filled.set(burden, await fillStore(server ?? "", burden, fill[burden]))
      }
    },
    close: async () => {
      for (const database of filled.values()) await dropDatabase(database)
      await opened?.close()
    },
  }
}

/** Leaves out, aloud, what cannot be measured here, and installs the peers where one of them is wanted. */
async function available(wanted: readonly Measurement[], peers: boolean) {
  const needsRedis = ({ contender }: Measurement) => contender === "bullmq" || contender === "medusa-redis"
  if (!peers) return { measurements: wanted.filter((one) => !isPeer(one)), redis: null }

  ensurePeers(wanted)
  if (!wanted.some(needsRedis)) return { measurements: wanted, redis: null }
  try {
    return { measurements: wanted, redis: await describeRedis() }
  } catch (error) {
    const skipped = wanted.filter(needsRedis).map(({ name }) => name)
    console.log(`Skipped, because no Redis answers (${String(error)}): ${skipped.join(", ")}.`)
    return { measurements: wanted.filter((one) => !needsRedis(one)), redis: null }
  }
}
