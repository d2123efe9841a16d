import type { StoreName } from "../measurement.ts"
import type { Sample, Summary } from "../summary.ts"
import { type Findings, findingsOf } from "./findings.ts"
import { postgresTargets } from "./postgres.ts"
import { sqliteTargets } from "./sqlite.ts"
import { asMb, asMs, asPercent, asTimes, atLeast, atMost, type Target, times } from "./target.ts"

export function judge(store: StoreName, samples: readonly Sample[], summaries: readonly Summary[]): Target[] {
  const found = findingsOf(samples, summaries)
  return store === "postgres"
    ? [...common(found, { queuedShare: 20 / 90 }), ...postgresTargets(found)]
    : // 50,000 deliveries a second where raw was 280,000.
      [...common(found, { queuedShare: 50 / 280 }), ...sqliteTargets(found)]
}

/** What every engine is to reach. */
function common(found: Findings, { queuedShare }: { queuedShare: number }): Target[] {
  const share = `${Math.round(queuedShare * 100)} % of raw`
  return [
    ...["direct-1", "direct-3"].map((name) =>
      atLeast(`${name}: emit → handled and settled`, "60 % of raw", found.rate(name, "raw"), 0.6, asPercent),
    ),
    ...[1, 3].map((subscribers) =>
      atLeast(
        `queued-${subscribers}: deliveries`,
        share,
        times(subscribers, found.rate(`queued-${subscribers}`, "raw")),
        queuedShare,
        asPercent,
      ),
    ),
    ...["5ms", "50ms"].map((length) =>
      atLeast(
        `handlers of ${length}, 100 at once`,
        "90 % of the bare loop",
        found.rate(`handler-${length}`, `loop-${length}`),
        0.9,
        asPercent,
      ),
    ),
    atMost("latency: p50 at 100/s", "3 raw commits", found.latency("latency", "p50"), 3, asTimes),
    atMost("latency: p99 at 100/s", "5 raw commits (p99)", found.latency("latency", "p99"), 5, asTimes),
    ...["direct-1", "direct-3"].map((name) =>
      atMost(`${name}: event loop delay, p99`, "30 ms", found.of(name)?.loopP99?.median ?? null, 30, asMs),
    ),
    atMost(
      "memory: heap growth over eight rounds",
      "8 MB",
      found.of("memory")?.heapGrowthMb?.median ?? null,
      8,
      asMb,
    ),
  ]
}
