import { books, cell, factor, markdown, minToMax, ms, tenths, whole } from "./cells.ts"
import { pairedRatio, type Sample, type Summary } from "./summary.ts"

/** Workflows have tables of their own: a run is more than an event, and what is counted are its steps. */
export function workflowTables(samples: readonly Sample[], summaries: readonly Summary[]): string[] {
  return [
    "### Workflows of three steps, runs a second",
    rateTable(samples, summaries),
    "### A workflow of three steps, 20 runs a second: start → result",
    latencyTable(samples, summaries),
  ]
}

export function isWorkflow({ measurement }: Summary): boolean {
  return measurement.work === "workflow" || measurement.work === "workflow-latency"
}

function rateTable(samples: readonly Sample[], summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ measurement }) => measurement.work === "workflow")
    .map((summary) => {
      const { measurement, perSecond } = summary
      const rivals = pairedRatio(
        samples,
        [measurement.name, measurement.rivals],
        (result) => result.perSecond,
      )
      return [
        measurement.name,
        measurement.title,
        perSecond === null ? "failed" : `**${whole(perSecond.median)}**`,
        minToMax(perSecond, whole),
        factor(rivals),
        cell(summary.cpuUsPerEvent, whole),
        cell(summary.serverCpuUsPerEvent, whole),
        cell(summary.walBytesPerEvent, whole),
        cell(summary.commitsPerEvent, (value) => value.toFixed(3)),
        cell(summary.loopP99, tenths),
        cell(summary.peakRssMb, whole),
        books(summary),
      ]
    })
  const head = [
    "name",
    "what",
    "runs/s",
    "min – max",
    "× best peer",
    "CPU µs/run",
    "server µs/run",
    "WAL B/run",
    "commits/run",
    "loop p99 ms",
    "RSS MB",
    "steps lost / twice",
  ]
  return markdown(head, rows)
}

function latencyTable(samples: readonly Sample[], summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ measurement }) => measurement.work === "workflow-latency")
    .map((summary) => {
      const { measurement, p50, p99 } = summary
      const ratio = (share: "p50" | "p99") =>
        pairedRatio(samples, [measurement.name, "raw-commit"], (result) => result.latencyMs?.[share])
      return [
        measurement.name,
        measurement.title,
        cell(p50, ms),
        minToMax(p50, ms),
        cell(p99, ms),
        minToMax(p99, ms),
        `${factor(ratio("p50"))} / ${factor(ratio("p99"))}`,
        books(summary),
      ]
    })
  const head = [
    "name",
    "what",
    "p50 ms",
    "min – max",
    "p99 ms",
    "min – max",
    "× raw commit",
    "steps lost / twice",
  ]
  return markdown(head, rows)
}
