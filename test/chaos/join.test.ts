import { expect, test } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { join } from "./join.ts"
import { start } from "./start.ts"
import { inOneLine } from "./tally.ts"

await describePostgres("a fleet", () => {
  test("brings every event to each app once while workers join and leave", { timeout: 180_000 }, async () => {
    const book = await join({ rounds: 4 })

    console.log(inOneLine("join", book), `joined ${book.joined}`)
    expect(book.acknowledged).toBeGreaterThan(100)
    expect(book).toMatchObject({ lost: 0, duplicates: 0, dead: 0, stray: 0 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  })

  test.for(["read committed", "serializable"] as const)(
    "comes up when ten processes start at once on an empty database (%s)",
    { timeout: 180_000 },
    async (isolation) => {
      const book = await start({ isolation })

      console.log(inOneLine(`start (${isolation})`, book))
      expect(book).toMatchObject({ up: 10, subscriptions: 1, acknowledged: 1_000 })
      expect(book).toMatchObject({ lost: 0, duplicates: 0, dead: 0 })
      expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
    },
  )
})
