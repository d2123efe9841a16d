import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { catalogueOf, measurementNamed, scaled } from "./catalogue.ts"
import { benchDirectory } from "./directory.ts"
import { measure } from "./measure.ts"
import type { Measurement, Result } from "./measurement.ts"
import { ensurePeers } from "./peers.ts"
import { printCpuProfiles } from "./profile/cpu.ts"
import { watchStatements } from "./profile/statements.ts"
import { fillStore } from "./server/fill.ts"
import { openServer } from "./server/own.ts"
import { DEFAULT_SERVER, dropDatabase } from "./server/server.ts"
import { postgresStore, type Store, sqliteStore } from "./store.ts"

const USAGE = `npm run bench:profile -- --case <measurement> [options]

Runs one measurement under the CPU profiler and prints where each of its processes and threads spent its time.

  --postgres         on PostgreSQL; then also what the server did: time by function and statement, what its backends
                     waited for, and the work on tables and indexes
  --url <server>     which server (${DEFAULT_SERVER}); \`own\` = one that is started for this, with every statistic
  --set <name=value> a setting of that server's; may be given several times
  --top <n>          how many lines of each (30)
  --scale <n>        another share of the events
  --open <n>         how many open deliveries (1,000,000) or past events (1,000,000) to fill a store with, for the
  --history <n>      measurements that want one
  --no-cpu           without the CPU profile, which costs a fifth
  --keep <directory> leave the .cpuprofile files there, for the browser's developer tools
`

const { values: options } = parseArgs({
  options: {
    case: { type: "string" },
    postgres: { type: "boolean", default: false },
    url: { type: "string", default: DEFAULT_SERVER },
    set: { type: "string", multiple: true, default: [] },
    top: { type: "string", default: "30" },
    scale: { type: "string", default: "1" },
    open: { type: "string", default: "1000000" },
    history: { type: "string", default: "1000000" },
    "no-cpu": { type: "boolean", default: false },
    keep: { type: "string" },
  },
})

if (options.case === undefined) console.log(USAGE)
else if (options.postgres) await profilePostgres(options.case)
else await profile(options.case, sqliteStore(options.url === "own" ? null : options.url))

async function profilePostgres(name: string): Promise<void> {
  const server = await openServer(options.url, {
    shared_preload_libraries: "pg_stat_statements",
    "pg_stat_statements.track": "all",
    track_functions: "all",
    track_io_timing: "on",
    ...Object.fromEntries(options.set.map((setting) => setting.split("="))),
  })
  const filled = new Map<string, string>()
  try {
    const { burden } = measurementNamed(catalogueOf("postgres"), name)
    if (burden === "open" || burden === "history")
      filled.set(burden, await fillStore(server.url, burden, Number(options[burden])))
    await profile(name, postgresStore(server.url, filled))
  } finally {
    for (const database of filled.values()) await dropDatabase(database)
    await server.close()
  }
}

async function profile(name: string, store: Store): Promise<void> {
  const measurement = scaled(measurementNamed(catalogueOf(store.name), name), Number(options.scale))
  const directory = options.keep ?? mkdtempSync(join(benchDirectory(), "profile-"))
  const server = store.name === "postgres" ? watchStatements(Number(options.top)) : null
  ensurePeers([measurement])

  const result = await measure(measurement, store, {
    // By the environment, because the store's thread takes no flags from its process.
    env: options["no-cpu"] ? {} : { NODE_OPTIONS: cpuProfiler(directory) },
    before: async ({ database }) => server?.begin(database),
    after: async ({ database }, result) => {
      tell(measurement, result)
      await server?.print(database, result.events)
    },
  })
  printCpuProfiles(directory, { events: result.events, unit: unitOf(measurement), top: Number(options.top) })
  if (options.keep === undefined) rmSync(directory, { recursive: true })
  else console.log(`\nThe profiles are in ${directory}.`)
}

function tell(
  measurement: Measurement,
  { events, perSecond, latencyMs, cpuMs, server, phases }: Result,
): void {
  const perEvent = (ms: number | null | undefined) => (ms == null ? "–" : ((ms * 1_000) / events).toFixed(1))
  const unit = unitOf(measurement)
  const rate = perSecond === null ? "" : `, ${Math.round(perSecond).toLocaleString("en")} ${unit}s/s`
  const latency =
    latencyMs === null ? "" : `, p50 ${latencyMs.p50.toFixed(2)} ms, p99 ${latencyMs.p99.toFixed(2)} ms`
  console.log(
    `\n${measurement.name}: ${events.toLocaleString("en")} ${unit}s${rate}${latency} (the profiler's own cost included)`,
  )
  console.log(`processes ${perEvent(cpuMs)} µs/${unit}`)
  for (const { name, ms } of phases)
    console.log(`${name.padEnd(18)} p50 ${ms.p50.toFixed(2)} ms, p99 ${ms.p99.toFixed(2)} ms`)
  if (server !== null) {
    const wal = Math.round((server.walBytes ?? 0) / events).toLocaleString("en")
    const commits = server.commits?.toFixed(3) ?? "–"
    console.log(
      `server ${perEvent(server.cpuMs)} µs/${unit}, ${wal} bytes of WAL/${unit}, ${commits} transactions/${unit}`,
    )
  }
}

function cpuProfiler(directory: string): string {
  return `--cpu-prof --cpu-prof-dir=${JSON.stringify(directory)} --cpu-prof-interval=250`
}

/** One of what a measurement counts. */
function unitOf({ work }: Measurement): "event" | "run" {
  return work === "workflow" || work === "workflow-latency" ? "run" : "event"
}
