import { testAppend } from "./commit-append.ts"
import { testIds } from "./commit-ids.ts"
import { testSettle } from "./commit-settle.ts"
import { testStaged } from "./commit-staged.ts"
import { testSubscriptions } from "./commit-subscriptions.ts"
import { testTwice } from "./commit-twice.ts"
import type { Suite } from "./test-engine.ts"

/** One write verb, by what is written. */
export function testCommit(suite: Suite): void {
  suite.describe("append", () => testAppend(suite))
  suite.describe("ids of callers", () => testIds(suite))
  suite.describe("staged events", () => testStaged(suite))
  suite.describe("settle", () => testSettle(suite))
  suite.describe("subscriptions", () => testSubscriptions(suite))
  suite.describe("sent twice", () => testTwice(suite))
}
