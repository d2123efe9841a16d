import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { openBench } from "./bench.ts"
import { catalogueOf, measurementsNamed } from "./catalogue.ts"
import { describeMachine } from "./machine.ts"
import type { Measurement } from "./measurement.ts"
import { measureRounds } from "./rounds.ts"
import { DEFAULT_SERVER } from "./server/server.ts"
import { type Sample, summarise } from "./summary.ts"
import { renderTables } from "./table.ts"
import { judge } from "./targets/targets.ts"

const USAGE = `npm run bench -- [options]

Measures Carillon beside its peers and the raw limit of the disk, all in one run: round by round, each measurement in a
process of its own, one round of warm-up first. Leave the machine alone meanwhile.

  --postgres         on PostgreSQL, beside the queues there, instead of SQLite
  --url <server>     which server (${DEFAULT_SERVER});
                     \`own\` = one with stock settings that is started for this run; without --postgres it is for peers alone
  --history <n>      past events to fill a store with (10,000,000)
  --open <n>         open deliveries to fill a store with (1,000,000)
  --pinned <s>       how long a transaction is held open, in seconds (60; quick: 15)
  --quick            3 rounds with a quarter of the events, instead of 5
  --only <names>     only these, separated by commas; a name stands for all that begin with it: direct,raw,bullmq-1;
                     with = for itself alone: =direct-1
  --rounds <n>       another number of rounds
  --scale <n>        another share of the events
  --no-peers         only what needs no installation and no Redis
  --json <file>      write everything measured to a file
  --list             the names of all measurements
`

/** From this share of a core on, others disturb a measurement. */
const BUSY = 0.35

const { values: options } = parseArgs({
  options: {
    postgres: { type: "boolean", default: false },
    url: { type: "string", default: DEFAULT_SERVER },
    history: { type: "string", default: "10000000" },
    open: { type: "string", default: "1000000" },
    pinned: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    scale: { type: "string" },
    "no-peers": { type: "boolean", default: false },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})

const catalogue = catalogueOf(options.postgres ? "postgres" : "sqlite")

if (options.help) console.log(USAGE)
else if (options.list) for (const { name, title } of catalogue) console.log(`${name.padEnd(28)}${title}`)
else await run()

async function run(): Promise<void> {
  const bench = await openBench({
    wanted: withSeconds(
      options.only === undefined ? catalogue : measurementsNamed(catalogue, options.only.split(",")),
    ),
    store: options.postgres ? "postgres" : "sqlite",
    server: options.url,
    peers: !options["no-peers"],
    fill: { open: Number(options.open), history: Number(options.history) },
  })
  const rounds = Number(options.rounds ?? (options.quick ? 3 : 5))
  const scale = Number(options.scale ?? (options.quick ? 0.25 : 1))
  const samples = await measureRounds(bench, rounds, scale).finally(() => bench.close())

  const summaries = bench.measurements.map((measurement) => summarise(measurement, samples))
  const targets = judge(bench.store.name, samples, summaries)
  const machine = { ...describeMachine(bench.store.name), ...bench.described }
  console.log(`\n${renderTables(samples, summaries, targets)}\n`)
  console.log(`Median of ${rounds} rounds, ${scale * 100} % of the events.`)
  for (const [what, value] of Object.entries(machine)) console.log(`  ${what}: ${JSON.stringify(value)}`)
  for (const warning of bench.warnings) console.log(`Mind: ${warning}`)
  warnOfOthers(samples)
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ machine, rounds, scale, targets, summaries, samples }, null, 1)}\n`,
    )
    console.log(`Everything measured is in ${options.json}.`)
  }
}

function withSeconds(measurements: readonly Measurement[]): Measurement[] {
  return measurements.map((one) =>
    one.work === "long" ? { ...one, seconds: Number(options.pinned ?? (options.quick ? 15 : 60)) } : one,
  )
}

/** A figure taken while others worked is not worth much; with Redis in play its server is one of the others. */
function warnOfOthers(samples: readonly Sample[]): void {
  const contenderOf = new Map(catalogue.map(({ name, contender }) => [name, contender]))
  const disturbed = samples.filter(
    ({ name, othersBusy }) =>
      (othersBusy ?? 0) > BUSY &&
      ["raw", "loop", "carillon", "medusa-local", "medusa-in-memory", "dbos", "restate"].includes(
        contenderOf.get(name) ?? "",
      ),
  )
  if (disturbed.length > 0) {
    console.log(
      `Other processes used more than ${BUSY * 100} % of a core during ${disturbed.length} of ${samples.length} measurements: ` +
        "the figures are worth little.",
    )
  }
}
