import { testCommit } from "./commit.ts"
import type { EngineHarness, Expect, Feature, TestRunner } from "./harness.ts"
import { testLeases } from "./leases.ts"
import { testMaintenance } from "./maintenance.ts"
import { testRunMaintenance } from "./maintenance-runs.ts"
import { testQueries } from "./queries.ts"
import { testRunQueries } from "./queries-runs.ts"
import { Shop } from "./shop.ts"
import { testWakeup } from "./wakeup.ts"

/** Declares tests, each with a store of its own. */
export interface Suite {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (finding: string, body: (shop: Shop) => Promise<void>, needs?: Feature) => void
  readonly expect: Expect
}

/**
 * Declares the conformance suite: what every engine promises at its five ports. An engine is right when
 * it is green.
 *
 * @example
 * ```ts
 * import { describe, expect, it } from "vitest"
 * import { type EngineHarness, testEngine } from "carillon/testing"
 *
 * declare const harness: EngineHarness
 * testEngine(harness, { describe, it, expect })
 * ```
 */
export function testEngine(harness: EngineHarness, runner: TestRunner): void {
  const suite = toSuite(harness, runner)
  runner.describe(harness.name, () => {
    runner.describe("commit", () => testCommit(suite))
    runner.describe("leases", () => testLeases(suite))
    runner.describe("queries", () => testQueries(suite))
    runner.describe("queries of runs", () => testRunQueries(suite))
    runner.describe("wakeup", () => testWakeup(suite))
    runner.describe("maintenance", () => testMaintenance(suite))
    runner.describe("maintenance of runs", () => testRunMaintenance(suite))
  })
}

function toSuite(harness: EngineHarness, { describe, it, expect }: TestRunner): Suite {
  return {
    describe,
    expect,
    it: (finding, body, needs) => {
      const reason = needs && harness.missing?.[needs]
      if (reason !== undefined) it.skip(`${finding} (skipped: ${reason})`, async () => {})
      else it(finding, () => withShop(harness, body))
    },
  }
}

async function withShop(harness: EngineHarness, body: (shop: Shop) => Promise<void>): Promise<void> {
  const store = await harness.create()
  try {
    await body(new Shop(store))
  } finally {
    await store.destroy()
  }
}
