import { books, cell, factor, markdown, minToMax, ms, percent, share, tenths, whole } from "./cells.ts"
import type { Measurement } from "./measurement.ts"
import { pairedRatio, type Sample, type Summary } from "./summary.ts"
import { isWorkflow, workflowTables } from "./table-workflows.ts"
import type { Target } from "./targets/target.ts"

/** Everything measured, as markdown: rates, latencies, memory, idleness, and the targets. */
export function renderTables(
  samples: readonly Sample[],
  summaries: readonly Summary[],
  targets: readonly Target[],
): string {
  return [
    "### Events a second",
    rateTable(samples, summaries),
    "### Latency at 100 emits a second: emit call → handler entry",
    latencyTable(samples, summaries),
    ...(summaries.some(isWorkflow) ? workflowTables(samples, summaries) : []),
    "### Memory at full speed",
    memoryTable(summaries),
    ...(summaries.some(isIdle) ? ["### With nothing to do", idleTable(summaries)] : []),
    "### Numbers to reach",
    targetTable(targets),
  ].join("\n\n")
}

function rateTable(samples: readonly Sample[], summaries: readonly Summary[]): string {
  const told = summaries.filter(
    (summary) =>
      !isLatency(summary.measurement) &&
      !isIdle(summary) &&
      !isWorkflow(summary) &&
      (summary.perSecond !== null || summary.errors.length > 0),
  )
  const hasServer = told.some(({ walBytesPerEvent }) => walBytesPerEvent !== null)
  const rows = told.map((summary) => {
    const { measurement, perSecond, cpuUsPerEvent, loopP99, peakRssMb } = summary
    // A slow handler has the bare loop to be compared with, among the numbers to reach.
    const isCompared = measurement.handlerMs === 0
    const ratioTo = (others: string | readonly string[]) =>
      pairedRatio(samples, [measurement.name, others], (result) => result.perSecond)
    return [
      measurement.name,
      measurement.title,
      String(measurement.subscribers),
      perSecond === null ? "failed" : `**${whole(perSecond.median)}**`,
      minToMax(perSecond, whole),
      share(isCompared ? ratioTo(rawFor(measurement)) : null),
      factor(ratioTo(measurement.rivals)),
      cell(cpuUsPerEvent, tenths),
      ...(hasServer ? serverCells(summary) : []),
      cell(loopP99, tenths),
      cell(peakRssMb, whole),
      books(summary),
    ]
  })
  const head = [
    "name",
    "what",
    "subs",
    "events/s",
    "min – max",
    "of raw",
    "× best peer",
    "CPU µs/ev",
    ...(hasServer ? ["server µs/ev", "WAL B/ev", "commits/ev"] : []),
    "loop p99 ms",
    "RSS MB",
    "lost / twice",
  ]
  return markdown(head, rows)
}

function serverCells({ serverCpuUsPerEvent, walBytesPerEvent, commitsPerEvent }: Summary): string[] {
  return [
    cell(serverCpuUsPerEvent, tenths),
    cell(walBytesPerEvent, whole),
    cell(commitsPerEvent, (value) => value.toFixed(3)),
  ]
}

function latencyTable(samples: readonly Sample[], summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ measurement }) => isLatency(measurement))
    .map((summary) => {
      const { measurement, p50, p99, loopP99 } = summary
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
        cell(loopP99, tenths),
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
    "loop p99 ms",
    "lost / twice",
  ]
  return markdown(head, rows)
}

function memoryTable(summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ measurement }) => measurement.work === "memory")
    .map(({ measurement, perSecond, heapGrowthMb, peakRssMb }) => [
      measurement.name,
      measurement.title,
      cell(perSecond, whole),
      cell(heapGrowthMb, tenths),
      minToMax(heapGrowthMb, tenths),
      cell(peakRssMb, whole),
    ])
  return markdown(["name", "what", "events/s", "heap growth MB", "min – max", "peak RSS MB"], rows)
}

function idleTable(summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(isIdle)
    .map(({ measurement, idle }) => [
      measurement.name,
      measurement.title,
      cell(idle.queriesPerSecond, (value) => value.toFixed(2)),
      cell(idle.busy, percent),
      cell(idle.serverBusy, percent),
    ])
  return markdown(["name", "what", "queries/s", "process, of a core", "server, of a core"], rows)
}

function targetTable(targets: readonly Target[]): string {
  const verdict = ({ isReached }: Target) =>
    isReached === null ? "–" : isReached ? "reached" : "**not reached**"
  return markdown(
    ["work", "to reach", "measured", ""],
    targets.map((target) => [target.work, target.goal, target.reached, verdict(target)]),
  )
}

function rawFor({ payload }: Measurement): string {
  return payload === "github" ? "raw-github" : "raw"
}

function isLatency({ work }: Measurement): boolean {
  return work === "latency" || work === "latency-across" || work === "commit"
}

function isIdle({ measurement }: Summary): boolean {
  return measurement.work === "idle"
}
