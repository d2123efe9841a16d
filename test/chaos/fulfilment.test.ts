import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { fulfilment, fulfilmentInOneLine } from "./fulfilment.ts"

await describeEngines((engine) => {
  test("ends runs with children, waits and callers who cancel as wholly as others, whoever is killed or frozen", {
    timeout: 240_000,
  }, async () => {
    const book = await fulfilment({ engine, seed: 5_000, orders: 60, kills: 4 })

    console.log(fulfilmentInOneLine(`fulfilment (${engine})`, book))
    expect(book).toMatchObject({ stuck: 0, wrong: [], acknowledged: 60 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
    expect(Math.min(book.done, book.reverted, book.cancelled)).toBeGreaterThan(3)
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })
})
