import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { catalogueOf, measurementNamed, scaled } from "./catalogue.ts"
import { benchDirectory } from "./directory.ts"
import { median } from "./gauges.ts"
import { type ChildOptions, measure } from "./measure.ts"
import type { Measurement, Result } from "./measurement.ts"
import { sqliteStore } from "./store.ts"

const USAGE = `npm run bench:slow-disk -- [--fsync-ms 5] [--rounds 3] [--scale 0.25]

What the store costs the application's event loop, on the main thread and in a worker thread: on this disk, and on one
whose every fsync takes some milliseconds longer (a small library, compiled on the spot, is preloaded).
`

const { values: options } = parseArgs({
  options: {
    "fsync-ms": { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    scale: { type: "string", default: "0.25" },
    help: { type: "boolean", default: false },
  },
})

const CASES = ["latency", "direct-1-p1", "direct-1-p100", "direct-1", "queued-1"]
const THREADS = ["main", "worker"] as const

if (options.help) console.log(USAGE)
else await compare()

async function compare(): Promise<void> {
  const shim = compileShim()
  const disks = [
    { disk: "this disk", child: {} },
    ...(shim === null ? [] : [{ disk: `fsync +${options["fsync-ms"]} ms`, child: slowed(shim) }]),
  ]
  const head = [
    "disk",
    "store on",
    "measurement",
    "events/s",
    "p50 / p99 ms",
    "loop p50 ms",
    "loop p99 ms",
    "loop max ms",
    "loop busy",
  ]
  console.log(`| ${head.join(" | ")} |\n| ${head.map(() => "---").join(" | ")} |`)

  for (const { disk, child } of disks) {
    for (const name of CASES) {
      const results = await measureBoth(measurementFor(name, disk), child)
      for (const thread of THREADS) console.log(row([disk, thread, name], results[thread]))
    }
  }
}

/** Turn by turn, so that a change of the machine's mood meets both. */
async function measureBoth(measurement: Measurement, child: ChildOptions) {
  const results: Record<(typeof THREADS)[number], Result[]> = { main: [], worker: [] }
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const storeThread of THREADS) {
      const settings = { ...measurement.settings, storeThread }
      try {
        results[storeThread].push(await measure({ ...measurement, settings }, sqliteStore(), child))
      } catch (error) {
        console.error(`Failed on the ${storeThread} thread: ${String(error)}`)
      }
    }
  }
  return results
}

/** A lone producer on a slow disk does two hundred events a second: it gets as many as take some seconds. */
function measurementFor(name: string, disk: string): Measurement {
  const measurement = scaled(measurementNamed(catalogueOf("sqlite"), name), Number(options.scale))
  return name.endsWith("-p1") && disk !== "this disk" ? { ...measurement, events: 500 } : measurement
}

function row(labels: readonly string[], results: readonly Result[]): string {
  const middle = (value: (result: Result) => number | null | undefined) =>
    median(results.flatMap((result) => value(result) ?? []))
  if (results.length === 0) return `| ${labels.join(" | ")} | failed |`
  const rate = middle((result) => result.perSecond)
  const cells = [
    ...labels,
    Number.isNaN(rate) ? "–" : Math.round(rate).toLocaleString("en"),
    results.some(({ latencyMs }) => latencyMs !== null)
      ? `${middle((result) => result.latencyMs?.p50).toFixed(2)} / ${middle((result) => result.latencyMs?.p99).toFixed(2)}`
      : "–",
    middle((result) => result.loopDelayMs.p50).toFixed(1),
    middle((result) => result.loopDelayMs.p99).toFixed(1),
    middle((result) => result.loopDelayMs.max).toFixed(1),
    `${Math.round(middle((result) => result.loopBusy) * 100)} %`,
  ]
  return `| ${cells.join(" | ")} |`
}

/** Null, said aloud, where there is no compiler or no way to preload. */
function compileShim(): string | null {
  const shim = join(benchDirectory(), "slow-fsync.so")
  const source = fileURLToPath(new URL("slow-fsync.c", import.meta.url))
  const built = spawnSync("gcc", ["-shared", "-fPIC", "-O2", "-o", shim, source, "-ldl"], {
    encoding: "utf8",
  })
  if (process.platform === "linux" && built.status === 0) return shim

  console.log(`Skipped the slow disk: it needs Linux and gcc. ${built.error?.message ?? built.stderr ?? ""}`)
  return null
}

function slowed(shim: string): ChildOptions {
  return { env: { LD_PRELOAD: shim, SLOW_FSYNC_US: String(Number(options["fsync-ms"]) * 1_000) } }
}
