import { testAppend } from "./commit-append.ts"
import { testCheckpoints } from "./commit-checkpoints.ts"
import { testErase } from "./commit-erase.ts"
import { testIds } from "./commit-ids.ts"
import { testRunEnds } from "./commit-run-ends.ts"
import { testRunScopes } from "./commit-run-scopes.ts"
import { testRunStarts } from "./commit-run-starts.ts"
import { testSettle } from "./commit-settle.ts"
import { testSignals } from "./commit-signals.ts"
import { testStaged } from "./commit-staged.ts"
import { testSubscriptions } from "./commit-subscriptions.ts"
import { testTwice } from "./commit-twice.ts"
import { testRecords } from "./records.ts"
import { testSchedules } from "./schedules.ts"
import type { Suite } from "./test-engine.ts"

/** One write verb, by what is written. */
export function testCommit(suite: Suite): void {
  suite.describe("append", () => testAppend(suite))
  suite.describe("ids of callers", () => testIds(suite))
  suite.describe("staged events", () => testStaged(suite))
  suite.describe("settle", () => testSettle(suite))
  suite.describe("subscriptions", () => testSubscriptions(suite))
  suite.describe("sent twice", () => testTwice(suite))
  suite.describe("starts of runs", () => testRunStarts(suite))
  suite.describe("scopes of runs", () => testRunScopes(suite))
  suite.describe("checkpoints of runs", () => testCheckpoints(suite))
  suite.describe("ends of runs", () => testRunEnds(suite))
  suite.describe("signals for runs", () => testSignals(suite))
  suite.describe("schedules of runs", () => testSchedules(suite))
  suite.describe("erasures", () => testErase(suite))
  suite.describe("records", () => testRecords(suite))
}
