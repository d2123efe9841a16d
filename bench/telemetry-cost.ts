import { fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import type { Carillon, createCarillon } from "../src/index.ts"
import { benchDirectory } from "./directory.ts"

const USAGE = `node scripts/run.cjs bench/telemetry-cost.ts [options]

What telemetry costs on the direct road: the main thread's processor time for an event with one subscriber, in pairs
within each round. \`off\` is without an SDK, \`unsampled\` and \`on\` with one that drops or keeps every span.

  --before <folder>  also the Carillon of that checkout, to which \`off\` is compared
  --only <variants>  of off, unsampled, on
  --rounds <n>       how many (9)
  --events <n>       in each measurement (200,000)
`

const HERE = resolve(import.meta.dirname, "..")

type Variant = "before" | "off" | "unsampled" | "on"

interface Measured {
  readonly microseconds: number // of the main thread, for an event
  readonly perSecond: number
}

const { values: options } = parseArgs({
  options: {
    before: { type: "string" },
    only: { type: "string", default: "off,unsampled,on" },
    rounds: { type: "string", default: "9" },
    events: { type: "string", default: "200000" },
    child: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

if (options.help) console.log(USAGE)
else if (options.child === undefined) await compare()
else process.send?.(await measure(options.child as Variant, Number(options.events)), () => process.exit(0))

async function compare(): Promise<void> {
  const ours = options.only.split(",") as Variant[]
  const variants = options.before ? ["before" as const, ...ours] : ours
  const base = variants[0] as Variant
  const rounds: Map<Variant, Measured>[] = []
  for (let round = 0; round <= Number(options.rounds); round++) {
    const measured = new Map<Variant, Measured>()
    for (const variant of round % 2 === 0 ? variants : variants.toReversed())
      measured.set(variant, await inChild(variant))
    if (round > 0) rounds.push(measured) // the first warms the machine
  }
  for (const variant of variants) {
    const of = (read: (round: Map<Variant, Measured>) => number): number => median(rounds.map(read))
    const each = of((round) => round.get(variant)?.microseconds ?? 0)
    const rate = of((round) => round.get(variant)?.perSecond ?? 0)
    const ratios = rounds.map(
      (round) => (round.get(variant)?.microseconds ?? 0) / (round.get(base)?.microseconds ?? 1),
    )
    const best = (which: Variant): number =>
      Math.min(...rounds.map((round) => round.get(which)?.microseconds ?? 0))
    console.log(
      `${variant.padEnd(10)} ${each.toFixed(3)} µs/event, best ${best(variant).toFixed(3)}  ${Math.round(rate).toLocaleString("en")} events/s  ` +
        `× ${base}: ${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)}–${Math.max(...ratios).toFixed(3)}), best ${(best(variant) / best(base)).toFixed(3)}`,
    )
  }
}

/** Each in a process of its own: what another has compiled and kept is no matter. */
function inChild(variant: Variant): Promise<Measured> {
  const args = [
    "--child",
    variant,
    "--events",
    options.events,
    ...(options.before ? ["--before", options.before] : []),
  ]
  const child = fork(import.meta.filename, args, { stdio: "inherit" })
  return new Promise((done, fail) => {
    child.once("message", done)
    child.once("exit", (code) => fail(new Error(`The measurement of \`${variant}\` ended with ${code}.`)))
  })
}

async function measure(variant: Variant, events: number): Promise<Measured> {
  if (variant === "on" || variant === "unsampled") await setUpTracing(variant)
  const create = await createOf(variant === "before" ? resolve(options.before ?? "") : HERE)
  const folder = mkdtempSync(join(benchDirectory(), "telemetry-"))
  try {
    const database = `file:${join(folder, "shop.db")}`
    const carillon = await create({ database, group: "shop", logger: false, synchronous: "OFF" })
    let handled = 0
    carillon.events.subscribe("order.placed", () => void handled++, { subscriberId: "count" })
    await carillon.start()
    await flood(carillon, events / 4)
    const [startedAt, before] = [performance.now(), process.threadCpuUsage()]
    await flood(carillon, events)
    const { user, system } = process.threadCpuUsage(before)
    const ms = performance.now() - startedAt
    if (handled !== events / 4 + events)
      throw new Error(`Expected ${events} events, ${handled} were handled.`)
    await carillon.stop()
    return { microseconds: (user + system) / events, perSecond: (events / ms) * 1_000 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A thousand emits in each turn of the loop, as the bench's unbounded producers do. */
async function flood(carillon: Carillon, events: number): Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  for (let i = 0; i < events; i++) {
    last = carillon.events.emit({ name: "order.placed", data: { id: i, total: 4_200, currency: "eur" } })
    if (i % 1_000 === 999) await new Promise((resolve) => setImmediate(resolve))
    if (i % 20_000 === 19_999) await last // so that no more waits for the disk than is allowed
  }
  await last
  await carillon.drain()
}

/** All are loaded in the same way, and only what is measured. */
async function createOf(folder: string): Promise<typeof createCarillon> {
  const module = (await import(pathToFileURL(join(folder, "src/index.ts")).href)) as {
    createCarillon: typeof createCarillon
  }
  return module.createCarillon
}

async function setUpTracing(variant: "on" | "unsampled"): Promise<void> {
  const { AlwaysOffSampler, AlwaysOnSampler, BatchSpanProcessor, NodeTracerProvider } = await import(
    "@opentelemetry/sdk-trace-node"
  )
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  }
  const sampler = variant === "on" ? new AlwaysOnSampler() : new AlwaysOffSampler()
  new NodeTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(exporter)] }).register()
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
