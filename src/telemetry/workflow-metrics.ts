import type { MetricsView } from "./process-view.ts"
import { histogramOf, type MetricDefinition } from "./sample.ts"

/** What became of the runs that one process held. */
export const WORKFLOW_METRICS: readonly MetricDefinition<MetricsView>[] = [
  {
    name: "carillon_runs_total",
    type: "counter",
    help: "Runs that this process started, took up again, or brought to their end: done, reverted, failed.",
    labels: ["group", "workflow", "event"],
    read: ({ group, tallies }) =>
      [...tallies.workflows].flatMap(([workflow, { runs }]) =>
        Object.entries(runs).map(([event, value]) => ({ value, labels: { group, workflow, event } })),
      ),
  },
  {
    name: "carillon_steps_total",
    type: "counter",
    help: "Attempts of steps whose end is written, by what came of them.",
    labels: ["group", "workflow", "outcome"],
    read: ({ group, tallies }) =>
      [...tallies.workflows].flatMap(([workflow, { steps }]) =>
        Object.entries(steps).map(([outcome, value]) => ({ value, labels: { group, workflow, outcome } })),
      ),
  },
  {
    name: "carillon_step_duration_seconds",
    type: "histogram",
    help: "How long attempts of steps ran, compensations too; time in which a step only waits is none.",
    labels: ["group", "workflow"],
    read: ({ group, tallies }) =>
      [...tallies.workflows].flatMap(([workflow, { stepMs }]) =>
        histogramOf("carillon_step_duration_seconds", stepMs, { labels: { group, workflow }, scale: 0.001 }),
      ),
  },
]
