import { pairedRatio, type Sample, type Summary } from "./summary.ts"

/** A number to reach, and what was reached; null where it was not measured. */
export interface Target {
  readonly work: string
  readonly goal: string
  readonly reached: string
  readonly isReached: boolean | null
}

export function judge(samples: readonly Sample[], summaries: readonly Summary[]): Target[] {
  const of = (name: string) => summaries.find(({ measurement }) => measurement.name === name)
  const rate = (above: string, below: string) =>
    pairedRatio(samples, [above, below], (result) => result.perSecond)
  const p50 = (above: string) =>
    pairedRatio(samples, [above, "raw-commit"], (result) => result.latencyMs?.p50)
  const p99 = (above: string) =>
    pairedRatio(samples, [above, "raw-commit"], (result) => result.latencyMs?.p99)

  return [
    ...["direct-1", "direct-3"].map((name) =>
      atLeast(`${name}: emit → handled and settled`, "60 % of raw", rate(name, "raw"), 0.6, asPercent),
    ),
    ...["1", "3"].map((subscribers) =>
      atLeast(
        `direct-${subscribers} against BullMQ's better way`,
        "10 times",
        lower(
          rate(`direct-${subscribers}`, `bullmq-${subscribers}`),
          rate(`direct-${subscribers}`, `bullmq-${subscribers}-bulk`),
        ),
        10,
        asTimes,
      ),
    ),
    // 50,000 deliveries a second where raw was 280,000.
    atLeast("queued-1: deliveries", "18 % of raw", rate("queued-1", "raw"), 50 / 280, asPercent),
    atLeast("queued-3: deliveries", "18 % of raw", times(3, rate("queued-3", "raw")), 50 / 280, asPercent),
    ...["5ms", "50ms"].map((length) =>
      atLeast(
        `handlers of ${length}, 100 at once`,
        "90 % of the bare loop",
        rate(`handler-${length}`, `loop-${length}`),
        0.9,
        asPercent,
      ),
    ),
    atMost("latency: p50 at 100/s", "3 raw commits", p50("latency"), 3, asTimes),
    atMost("latency: p99 at 100/s", "5 raw commits (p99)", p99("latency"), 5, asTimes),
    ...["direct-1", "direct-3"].map((name) =>
      atMost(`${name}: event loop delay, p99`, "30 ms", of(name)?.loopP99?.median ?? null, 30, asMs),
    ),
    atMost(
      "memory: heap growth over eight rounds",
      "8 MB",
      of("memory")?.heapGrowthMb?.median ?? null,
      8,
      asMb,
    ),
  ]
}

type Format = (value: number) => string

function atLeast(work: string, goal: string, value: number | null, least: number, format: Format): Target {
  return target(work, `at least ${goal}`, value, value === null ? null : value >= least, format)
}

function atMost(work: string, goal: string, value: number | null, most: number, format: Format): Target {
  return target(work, `at most ${goal}`, value, value === null ? null : value <= most, format)
}

function target(
  work: string,
  goal: string,
  value: number | null,
  isReached: boolean | null,
  format: Format,
): Target {
  return { work, goal, reached: value === null ? "not measured" : format(value), isReached }
}

function lower(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}

function times(factor: number, value: number | null): number | null {
  return value === null ? null : factor * value
}

const asPercent: Format = (value) => `${Math.round(value * 100)} %`
const asTimes: Format = (value) => `${value.toFixed(1)} times`
const asMs: Format = (value) => `${value.toFixed(1)} ms`
const asMb: Format = (value) => `${value.toFixed(1)} MB`
