import type { Metric, Registry } from "prom-client"
import { PROCESS_METRICS } from "./process-metrics.ts"
import type { MetricsView } from "./process-view.ts"
import type { MetricDefinition } from "./sample.ts"
import { STORE_METRICS } from "./store-metrics.ts"
import { WORKFLOW_METRICS } from "./workflow-metrics.ts"

/** A registry of prom-client, or whatever prints its metrics in Prometheus' text format. */
export interface MetricsRegistry {
  metrics(): Promise<string>
  /** Whether it has a metric of this name: then ours of the process is left out. */
  getSingleMetric?(name: string): unknown
}

export interface MetricsOptions {
  /** Never rejects. */
  readonly look: () => Promise<MetricsView>
  readonly registry: MetricsRegistry | null // of the application; null = it has none
}

/** Every metric of ours, in the order in which they are printed. */
export const METRICS: readonly MetricDefinition<MetricsView>[] = [
  ...STORE_METRICS,
  ...PROCESS_METRICS,
  ...WORKFLOW_METRICS,
]

/** What to answer a scrape with, as `Content-Type`. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/**
 * Prints the metrics of one Carillon and of its process.
 *
 * Nothing is made before somebody asks: a process that is never scraped has counted some numbers, and that is all.
 */
export class Metrics {
  readonly #options: MetricsOptions

  constructor(options: MetricsOptions) {
    this.#options = options
  }

  async print(): Promise<string> {
    const { look, registry } = this.#options
    const [view, own, ofProcess] = await Promise.all([look(), newRegistry(), processRegistry()])
    for (const definition of METRICS) own.registerMetric(toMetric(definition, view))
    const texts = [
      await own.metrics(),
      await printProcess(ofProcess, registry),
      (await registry?.metrics()) ?? "",
    ]
    return texts.filter((text) => text.trim() !== "").join("\n")
  }
}

/** As prom-client calls its own metrics when it prints them; what it needs more is not asked of these. */
function toMetric({ name, type, help, read }: MetricDefinition<MetricsView>, view: MetricsView): Metric {
  return { name, get: async () => ({ name, type, help, values: read(view) }) } as unknown as Metric
}

async function newRegistry(): Promise<Registry> {
  const { Registry } = await promClient()
  return new Registry()
}

let collecting: Promise<Registry> | null = null

/** Of the process there is one, however many Carillons it has; its observers begin with the first scrape. */
function processRegistry(): Promise<Registry> {
  collecting ??= collect()
  return collecting
}

async function collect(): Promise<Registry> {
  const { collectDefaultMetrics } = await promClient()
  const register = await newRegistry()
  collectDefaultMetrics({ register })
  return register
}

/** A name that is printed twice would spoil the whole scrape. */
async function printProcess(ours: Registry, theirs: MetricsRegistry | null): Promise<string> {
  const names = ours.getMetricsAsArray().map(({ name }: { name: string }) => name)
  const missing = names.filter((name) => !theirs?.getSingleMetric?.(name))
  const texts = await Promise.all(missing.map((name) => ours.getSingleMetricAsString(name)))
  return texts.map((text) => `${text}\n`).join("\n")
}

/** Loaded for the first scrape: nobody else pays for it. */
async function promClient(): Promise<typeof import("prom-client")> {
  const loaded = (await import("prom-client")) as unknown as { default: typeof import("prom-client") }
  return loaded.default
}
