import type { Tally } from "./tally.ts"

/** One number of a metric, with its labels. */
export interface Sample {
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
  readonly metricName?: string // of a histogram's parts
}

/** A metric: what it says, and how its numbers are read from a view of the process and its store. */
export interface MetricDefinition<View> {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly help: string
  readonly labels: readonly string[]
  readonly read: (view: View) => readonly Sample[]
}

/** A tally as the parts of a histogram; `scale` turns what it counted in into the metric's unit. */
export function histogramOf(
  name: string,
  { bounds, counts, sum }: Tally,
  { labels = {}, scale = 1 }: { readonly labels?: Readonly<Record<string, string>>; readonly scale?: number },
): Sample[] {
  let below = 0
  const buckets = [...bounds.map((bound) => String(bound * scale)), "+Inf"].map((le, i) => {
    below += counts[i] as number
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum * scale },
    { metricName: `${name}_count`, labels, value: below },
  ]
}
