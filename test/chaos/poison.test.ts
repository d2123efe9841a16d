import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { poison } from "./poison.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test.for(["exit", "memory", "loop"] as const)(
    "makes a dead letter of an event that kills its handler's process (%s), and delivers its neighbours",
    { timeout: 180_000 },
    async (kind) => {
      const book = await poison(kind, { engine })

      console.log(inOneLine(`poison (${kind}, ${engine})`, book))
      expect(book.deadLetters).toEqual([{ n: "ord_499", reason: "crashed worker" }])
      expect(book).toMatchObject({ lost: 0, dead: 1, open: { batches: 0, parts: 0, jobs: 0 } })
      expect(book.crashes).toBeLessThanOrEqual(6)
    },
  )

  test("would notice if nobody took over a dead worker's work", { timeout: 180_000 }, async () => {
    const book = await poison("exit", { engine, recovery: false, limitMs: 3_000 })

    expect(book.dead).toBe(0)
    expect(book.lost).toBeGreaterThan(1)
  })
})
