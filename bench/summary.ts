import { median } from "./gauges.ts"
import type { Measurement, Result } from "./measurement.ts"

/** One measurement in one round. A failed one has its reason instead of a result. */
export interface Sample {
  readonly round: number
  readonly name: string
  readonly result: Result | null
  readonly error: string | null
  /** Share of one core that other processes used meanwhile; the Redis server counts among them. */
  readonly othersBusy: number | null
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Summary {
  readonly measurement: Measurement
  readonly runs: number
  readonly perSecond: Spread | null
  readonly p50: Spread | null
  readonly p99: Spread | null
  readonly cpuUsPerEvent: Spread | null
  readonly serverCpuUsPerEvent: Spread | null
  readonly walBytesPerEvent: Spread | null
  readonly commitsPerEvent: Spread | null
  /** Share of a core and queries a second of a process that has nothing to do. */
  readonly idle: Record<"busy" | "serverBusy" | "queriesPerSecond", Spread | null>
  readonly loopP99: Spread | null
  readonly peakRssMb: Spread | null
  readonly heapGrowthMb: Spread | null
  readonly lost: number
  readonly duplicates: number
  readonly errors: readonly string[]
}

export function summarise(measurement: Measurement, samples: readonly Sample[]): Summary {
  const mine = samples.filter((sample) => sample.name === measurement.name)
  const results = mine.flatMap(({ result }) => (result === null ? [] : [result]))
  const spread = (value: (result: Result) => number | null | undefined) =>
    spreadOf(results.flatMap((result) => value(result) ?? []))

  return {
    measurement,
    runs: results.length,
    perSecond: spread((result) => result.perSecond),
    p50: spread((result) => result.latencyMs?.p50),
    p99: spread((result) => result.latencyMs?.p99),
    cpuUsPerEvent: spread((result) => (result.cpuMs * 1_000) / result.events),
    serverCpuUsPerEvent: spread(({ server, events }) =>
      server?.cpuMs == null ? null : (server.cpuMs * 1_000) / events,
    ),
    walBytesPerEvent: spread(({ server, events }) =>
      server?.walBytes == null ? null : server.walBytes / events,
    ),
    commitsPerEvent: spread(({ server }) => server?.commits),
    idle: {
      busy: spread(({ cpuMs, settledMs }) => (settledMs === null ? null : cpuMs / settledMs)),
      serverBusy: spread(({ server, settledMs }) =>
        server?.cpuMs == null || settledMs === null ? null : server.cpuMs / settledMs,
      ),
      queriesPerSecond: spread(({ server }) => server?.commits),
    },
    // A raw insert never yields, so its loop has no delay to speak of.
    loopP99: measurement.contender === "raw" ? null : spread((result) => result.loopDelayMs.p99),
    peakRssMb: spread((result) => result.peakRssMb),
    heapGrowthMb: spread((result) => heapGrowth(result)),
    lost: results.reduce((sum, { lost }) => sum + lost, 0),
    duplicates: results.reduce((sum, { duplicates }) => sum + duplicates, 0),
    errors: mine.flatMap(({ error }) => error ?? []),
  }
}

/**
 * How one measurement compares with another, or with the highest of several: the ratio is taken within each round, where
 * all met the same machine, and the median of these is told.
 */
export function pairedRatio(
  samples: readonly Sample[],
  [above, below]: readonly [string, string | readonly string[]],
  value: (result: Result) => number | null | undefined,
): number | null {
  const rounds = new Set(samples.map(({ round }) => round))
  const ratios = [...rounds].flatMap((round) => {
    const taken = (name: string) =>
      // The raw limit is measured before and after the others: its mean is the round's.
      mean(
        samples
          .filter((sample) => sample.round === round && sample.name === name && sample.result !== null)
          .flatMap(({ result }) => (result === null ? [] : (value(result) ?? []))),
      )
    const upper = taken(above)
    const lower = [below].flat().flatMap((name) => taken(name) ?? [])
    return upper === null || lower.length === 0 ? [] : [upper / Math.max(...lower)]
  })
  return ratios.length === 0 ? null : median(ratios)
}

/** From the end of the second round, when caches are warm, to the end of the last. */
function heapGrowth({ rounds }: Result): number | null {
  const [, second] = rounds
  const last = rounds.at(-1)
  return second === undefined || last === undefined ? null : last.heapMb - second.heapMb
}

function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}
