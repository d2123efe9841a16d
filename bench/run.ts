import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { catalogue, measurementsNamed, scaled } from "./catalogue.ts"
import { describeMachine, machineCpuMs } from "./machine.ts"
import { measure } from "./measure.ts"
import type { Measurement } from "./measurement.ts"
import { ensurePeers } from "./peers.ts"
import { describeRedis } from "./redis.ts"
import { type Sample, summarise } from "./summary.ts"
import { renderTables } from "./table.ts"
import { judge } from "./targets.ts"

const USAGE = `npm run bench -- [options]

Measures Carillon beside its peers and the raw limit of the disk, all in one run: round by round, each measurement in a
process of its own, one round of warm-up first. Leave the machine alone meanwhile.

  --quick            3 rounds with a quarter of the events, instead of 5 (about 6 minutes instead of 25)
  --only <names>     only these, separated by commas; a name stands for all that begin with it: direct,raw,bullmq-1
  --rounds <n>       another number of rounds
  --no-peers         only what needs no installation and no Redis
  --json <file>      write everything measured to a file
  --list             the names of all measurements
`

/** From this share of a core on, others disturb a measurement. */
const BUSY = 0.35

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    "no-peers": { type: "boolean", default: false },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})

if (options.help) console.log(USAGE)
else if (options.list) for (const { name, title } of catalogue) console.log(`${name.padEnd(24)}${title}`)
else await run()

async function run(): Promise<void> {
  const { measurements, redis } = await available(
    options.only === undefined ? catalogue : measurementsNamed(options.only.split(",")),
  )
  const rounds = Number(options.rounds ?? (options.quick ? 3 : 5))
  const scale = options.quick ? 0.25 : 1
  const samples: Sample[] = []

  await measureRound(measurements, 0, 0.1)
  for (let round = 1; round <= rounds; round += 1) {
    samples.push(...(await measureRound(measurements, round, scale)))
  }

  const summaries = measurements.map((measurement) => summarise(measurement, samples))
  const targets = judge(samples, summaries)
  const machine = { ...describeMachine(), redis }
  console.log(`\n${renderTables(samples, summaries, targets)}\n`)
  console.log(`Median of ${rounds} rounds${options.quick ? ", quick" : ""}.`)
  for (const [what, value] of Object.entries(machine)) console.log(`  ${what}: ${JSON.stringify(value)}`)
  warnOfOthers(samples)
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ machine, rounds, scale, targets, summaries, samples }, null, 1)}\n`,
    )
    console.log(`Everything measured is in ${options.json}.`)
  }
}

/** Leaves out, aloud, what cannot be measured here, and installs the peers where one of them is wanted. */
async function available(wanted: readonly Measurement[]) {
  const isPeer = ({ contender }: Measurement) => contender === "bullmq" || contender.startsWith("medusa")
  const needsRedis = ({ contender }: Measurement) => contender === "bullmq" || contender === "medusa-redis"
  if (options["no-peers"]) return { measurements: wanted.filter((one) => !isPeer(one)), redis: null }

  if (wanted.some(isPeer)) ensurePeers()
  if (!wanted.some(needsRedis)) return { measurements: wanted, redis: null }
  try {
    return { measurements: wanted, redis: await describeRedis() }
  } catch (error) {
    const skipped = wanted.filter(needsRedis).map(({ name }) => name)
    console.log(`Skipped, because no Redis answers (${String(error)}): ${skipped.join(", ")}.`)
    return { measurements: wanted.filter((one) => !needsRedis(one)), redis: null }
  }
}

/**
 * The raw limits first and again at the end, the others between, in alternating order; the disk's own limit also after
 * every eighth of them, so that a ratio has it from near by.
 */
async function measureRound(
  measurements: readonly Measurement[],
  round: number,
  scale: number,
): Promise<Sample[]> {
  const limits = measurements.filter(({ contender }) => contender === "raw")
  const others = measurements.filter(({ contender }) => contender !== "raw")
  const inserts = limits.filter(({ name }) => name === "raw")
  const between = (round % 2 === 0 ? others : others.toReversed()).flatMap((measurement, index) =>
    index % 8 === 7 ? [measurement, ...inserts] : [measurement],
  )
  const order = [...limits, ...between, ...limits]
  const samples: Sample[] = []

  for (const measurement of order) {
    const sample = await measureOnce(measurement, round, scale)
    samples.push(sample)
    console.log(
      `${round === 0 ? "warm-up" : `round ${round}`}  ${measurement.name.padEnd(24)} ${told(sample)}`,
    )
  }
  return samples
}

async function measureOnce(measurement: Measurement, round: number, scale: number): Promise<Sample> {
  const { name } = measurement
  const [startedAt, cpuBefore] = [performance.now(), machineCpuMs()]
  try {
    const result = await measure(scaled(measurement, scale))
    const cpuAfter = machineCpuMs()
    const othersMs =
      cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore - result.processCpuMs
    const othersBusy = othersMs === null ? null : othersMs / (performance.now() - startedAt)
    return { round, name, result, error: null, othersBusy }
  } catch (error) {
    return { round, name, result: null, error: String(error), othersBusy: null }
  }
}

function told({ result, error }: Sample): string {
  if (result === null) return `FAILED: ${error}`
  const { perSecond, latencyMs, lost, duplicates } = result
  const figure = latencyMs
    ? `p50 ${latencyMs.p50.toFixed(2)} ms, p99 ${latencyMs.p99.toFixed(2)} ms`
    : `${Math.round(perSecond ?? 0).toLocaleString("en")} events/s`
  return lost + duplicates === 0 ? figure : `${figure}; ${lost} lost, ${duplicates} handled twice`
}

/** A figure taken while others worked is not worth much; with Redis in play its server is one of the others. */
function warnOfOthers(samples: readonly Sample[]): void {
  const contenderOf = new Map(catalogue.map(({ name, contender }) => [name, contender]))
  const disturbed = samples.filter(
    ({ name, othersBusy }) =>
      (othersBusy ?? 0) > BUSY &&
      ["raw", "loop", "carillon", "medusa-local"].includes(contenderOf.get(name) ?? ""),
  )
  if (disturbed.length > 0) {
    console.log(
      `Other processes used more than ${BUSY * 100} % of a core during ${disturbed.length} of ${samples.length} measurements: ` +
        "the figures are worth little.",
    )
  }
}
