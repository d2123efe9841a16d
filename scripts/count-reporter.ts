// Promise: leaves vitest's own count in .tmp/test-count as one line, "N passed, N failed[, N skipped]".
// What fails outside of any test (a file that does not load, an unhandled error) counts as one failure each.

import { mkdirSync, writeFileSync } from "node:fs"
import type { Reporter, SerializedError, TestModule } from "vitest/node"

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      count.failed += module.errors().length
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length
      for (const test of module.children.allTests()) count[test.result().state]++
    }

    // A test that never ended did not pass.
    const line = `${count.passed} passed, ${count.failed + count.pending} failed`
    mkdirSync(".tmp", { recursive: true })
    writeFileSync(".tmp/test-count", count.skipped > 0 ? `${line}, ${count.skipped} skipped\n` : `${line}\n`)
  }
}
