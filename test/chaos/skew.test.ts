import { expect, test } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { skew } from "./skew.ts"
import { inOneLine } from "./tally.ts"

await describePostgres("clocks that are wrong", () => {
  test.for([
    ["fast", 3_600_000],
    ["slow", -3_600_000],
  ] as const)(
    "neither steals nor starves with a clock that is an hour %s, and puts off to the right time",
    {
      timeout: 180_000,
    },
    async ([, shiftMs]) => {
      const book = await skew({ shiftMs })

      console.log(inOneLine(`skew ${shiftMs}`, book))
      expect(book).toMatchObject({ lost: 0, duplicates: 0, dead: 0, takenOver: 0, early: 0 })
      expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
      expect(book.least).toBeGreaterThan(0.1)
    },
  )
})
