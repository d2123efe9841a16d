import { testClaim } from "./leases-claim.ts"
import { testCrashes } from "./leases-crashes.ts"
import { testLimits } from "./leases-limits.ts"
import { testModel } from "./leases-model.ts"
import { testPeek } from "./leases-peek.ts"
import { testLeasedRuns } from "./leases-runs.ts"
import { testTake } from "./leases-take.ts"
import { testWorkers } from "./leases-workers.ts"
import { testRunsModel } from "./runs-model.ts"
import type { Suite } from "./test-engine.ts"

/** How work is got, and how it is lost. */
export function testLeases(suite: Suite): void {
  suite.describe("workers", () => testWorkers(suite))
  suite.describe("peek", () => testPeek(suite))
  suite.describe("take", () => testTake(suite))
  suite.describe("claim", () => testClaim(suite))
  suite.describe("limits over all workers", () => testLimits(suite))
  suite.describe("crashes", () => testCrashes(suite))
  suite.describe("runs", () => testLeasedRuns(suite))
  suite.describe("any order of runs", () => testRunsModel(suite))
  suite.describe("any order of events", () => testModel(suite))
}
