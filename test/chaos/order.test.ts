import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { order } from "./order.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("keeps the order of each key while workers are killed and frozen", { timeout: 180_000 }, async () => {
    const book = await order({ engine, kills: 4 })

    console.log(inOneLine(`order (${engine})`, book))
    expect(book.keys).toBeGreaterThan(20)
    expect(book).toMatchObject({ lost: 0, dead: 0, outOfOrder: 0, together: 0 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })

  test("would notice if a dead worker's keys stayed stuck", { timeout: 180_000 }, async () => {
    const options = { recovery: false, kills: 2, fault: "handler.before=kill@10", stillMs: 1_500 }

    const book = await order({ engine, ...options })

    expect(book.lost).toBeGreaterThan(0)
  })
})
