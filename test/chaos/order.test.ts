import { expect, test } from "vitest"
import { order } from "./order.ts"
import { inOneLine } from "./tally.ts"

test("keeps the order of each key while workers are killed and frozen", { timeout: 60_000 }, async () => {
  const book = await order({ kills: 4 })

  console.log(inOneLine("order", book))
  expect(book.keys).toBeGreaterThan(20)
  expect(book).toMatchObject({ lost: 0, dead: 0, outOfOrder: 0, together: 0 })
  expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  expect(book.duplicates).toBeLessThanOrEqual(book.cap)
})

test("would notice if a dead worker's keys stayed stuck", { timeout: 60_000 }, async () => {
  const book = await order({ recovery: false, kills: 2, fault: "handler.before=kill@10", stillMs: 1_500 })

  expect(book.lost).toBeGreaterThan(0)
})
