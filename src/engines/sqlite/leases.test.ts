import fc from "fast-check"
import { describe, it } from "vitest"
import { type LeaseStep, runLeaseSteps, STEP_NAMES } from "../../testing/conformance/leases-model.ts"
import { Shop } from "../../testing/conformance/shop.ts"
import { movingClock } from "../../testing/moving-clock.ts"
import { openSqlite } from "./engine.ts"

const step = fc.record({ do: fc.constantFrom(...STEP_NAMES), worker: fc.nat(3) }) as fc.Arbitrary<LeaseStep>

async function runOnNewStore(steps: readonly LeaseStep[]): Promise<void> {
  const clock = movingClock()
  const engine = await openSqlite({ path: ":memory:", synchronous: "OFF", thread: "main", clock })
  const { now, advance } = clock
  const store = { engine, now, advance, flush: async () => {}, badEvent: {}, destroy: () => engine.close() }
  try {
    await runLeaseSteps(new Shop(store), steps)
  } finally {
    await engine.close()
  }
}

describe("leases", () => {
  it("settles each lease once and loses nothing, whatever happens in whatever order", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), runOnNewStore), { numRuns: 150 })
  })
})
