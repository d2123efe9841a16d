import type { Bench } from "./bench.ts"
import { scaled } from "./catalogue.ts"
import { machineCpuMs } from "./machine.ts"
import { measure } from "./measure.ts"
import type { Measurement } from "./measurement.ts"
import type { Store } from "./store.ts"
import type { Sample } from "./summary.ts"

/** A round of warm-up, which does not count, and so many that do. */
export async function measureRounds(bench: Bench, rounds: number, scale: number): Promise<Sample[]> {
  const samples: Sample[] = []
  await measureRound(bench, 0, Math.min(0.1, scale))
  await bench.fill()
  for (let round = 1; round <= rounds; round += 1) {
    samples.push(...(await measureRound(bench, round, scale)))
  }
  return samples
}

/** Every measurement once, but those that are measured seldom: they come in every other round. */
async function measureRound({ measurements, store }: Bench, round: number, scale: number): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const measurement of inOrder(
    measurements.filter(({ seldom }) => !seldom || round % 2 === 1),
    round,
  )) {
    const sample = await measureOnce(measurement, store, round, scale)
    samples.push(sample)
    console.log(
      `${round === 0 ? "warm-up" : `round ${round}`}  ${measurement.name.padEnd(28)} ${told(measurement, sample)}`,
    )
  }
  return samples
}

/**
 * The raw limits first and again at the end, the others between, in alternating order; the disk's own limit also after
 * every eighth of them, so that a ratio has it from near by.
 */
function inOrder(measurements: readonly Measurement[], round: number): Measurement[] {
  const limits = measurements.filter(({ contender }) => contender === "raw")
  const others = measurements.filter(({ contender }) => contender !== "raw")
  const inserts = limits.filter(({ name }) => name === "raw")
  const between = (round % 2 === 0 ? others : others.toReversed()).flatMap((measurement, index) =>
    index % 8 === 7 ? [measurement, ...inserts] : [measurement],
  )
  return [...limits, ...between, ...limits]
}

async function measureOnce(
  measurement: Measurement,
  store: Store,
  round: number,
  scale: number,
): Promise<Sample> {
  const { name } = measurement
  const [startedAt, cpuBefore] = [performance.now(), machineCpuMs()]
  try {
    const result = await measure(scaled(measurement, scale), store)
    const cpuAfter = machineCpuMs()
    const othersMs = cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore - result.lifeCpuMs
    const othersBusy = othersMs === null ? null : othersMs / (performance.now() - startedAt)
    return { round, name, result, error: null, othersBusy }
  } catch (error) {
    return { round, name, result: null, error: String(error), othersBusy: null }
  }
}

/** A sample in a few words. */
function told({ work }: Measurement, { result, error }: Sample): string {
  if (result === null) return `FAILED: ${error}`
  const { perSecond, latencyMs, settledMs, cpuMs, server, lost, duplicates } = result
  const figure =
    perSecond !== null
      ? `${Math.round(perSecond).toLocaleString("en")} ${work === "workflow" ? "runs" : "events"}/s`
      : latencyMs !== null
        ? `p50 ${latencyMs.p50.toFixed(2)} ms, p99 ${latencyMs.p99.toFixed(2)} ms`
        : `${((cpuMs / (settledMs ?? 1)) * 100).toFixed(2)} % of a core, ${server?.commits?.toFixed(2) ?? "no"} queries/s`
  return lost + duplicates === 0 ? figure : `${figure}; ${lost} lost, ${duplicates} handled twice`
}
