import type { Findings } from "./findings.ts"
import { asTimes, atLeast, type Target } from "./target.ts"

export function sqliteTargets(found: Findings): Target[] {
  return [1, 3].map((subscribers) =>
    atLeast(
      `direct-${subscribers} against BullMQ's better way`,
      "10 times",
      found.timesRivals(`direct-${subscribers}`),
      10,
      asTimes,
    ),
  )
}
