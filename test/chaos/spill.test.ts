import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { spill } from "./spill.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("gives one outcome to a handler that ends while its batch is spilled", {
    timeout: 180_000,
  }, async () => {
    const book = await spill({ engine })

    console.log(inOneLine(`spill (${engine})`, book))
    expect(book.spilled).toBeGreaterThan(0)
    expect(book).toMatchObject({ lost: 0, duplicates: 0, sideBySide: 0, disagreeing: 0, dead: 0 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  })
})
