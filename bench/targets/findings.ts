import { pairedRatio, type Sample, type Summary } from "../summary.ts"

/** What the targets ask of a run. */
export interface Findings {
  of(name: string): Summary | undefined
  /** How many times the rate of another measurement, or of the best of several. */
  rate(above: string, below: string | readonly string[]): number | null
  /** How many times the best peer that does the same work. */
  timesRivals(name: string): number | null
  /** How many raw commits a latency is long. */
  latency(above: string, share: "p50" | "p99"): number | null
}

export function findingsOf(samples: readonly Sample[], summaries: readonly Summary[]): Findings {
  const of = (name: string) => summaries.find(({ measurement }) => measurement.name === name)
  const rate: Findings["rate"] = (above, below) =>
    pairedRatio(samples, [above, below], (result) => result.perSecond)
  return {
    of,
    rate,
    timesRivals: (name) => rate(name, of(name)?.measurement.rivals ?? []),
    latency: (above, share) =>
      pairedRatio(samples, [above, "raw-commit"], (result) => result.latencyMs?.[share]),
  }
}
