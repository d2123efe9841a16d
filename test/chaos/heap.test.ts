import { expect, test } from "vitest"
import { heap } from "./heap.ts"

test("keeps the heap flat while one subscription hangs and one is paused", { timeout: 180_000 }, async () => {
  const { heapMiB, handled, emitted, waiting } = await heap({ rounds: 4 })

  console.log("heap (MiB):", heapMiB.join(", "))
  expect(handled).toBe(emitted)
  expect(waiting).toBe(2 * emitted)
  expect((heapMiB.at(-1) as number) - (heapMiB[0] as number)).toBeLessThan(2)
})
