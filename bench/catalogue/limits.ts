import type { Measurement } from "../measurement.ts"
import { GITHUB, LATENCY, measurement, UNBOUNDED } from "./define.ts"

/** What a store and its disk can do at best, and what the timers allow slow handlers. */
export function limits(events: number): Measurement[] {
  return [
    measurement("raw", "raw", "raw inserts, 1,000 to a commit", { work: "insert", events }),
    measurement("raw", "raw-json", "raw inserts, JSON made on the way", { work: "insert-json", events }),
    measurement("raw", "raw-github", "raw inserts, GitHub mix", { ...GITHUB, work: "insert" }),
    measurement("raw", "raw-json-github", "raw inserts, GitHub mix, JSON made on the way", {
      ...GITHUB,
      work: "insert-json",
    }),
    measurement("raw", "raw-commit", "one raw commit", { ...LATENCY, work: "commit" }),
    measurement("loop", "loop-5ms", "bare loop, 5 ms handlers", {
      ...UNBOUNDED,
      handlerMs: 5,
      events: 40_000,
    }),
    measurement("loop", "loop-50ms", "bare loop, 50 ms handlers", {
      ...UNBOUNDED,
      handlerMs: 50,
      events: 6_000,
    }),
  ]
}
