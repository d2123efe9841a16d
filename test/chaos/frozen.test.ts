import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { frozen } from "./frozen.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  const settling = engine === "sqlite" ? "settle.middle=stop@4" : "commit.after=stop@4"

  test("writes nothing under a lease that ran out while the process was frozen", {
    timeout: 180_000,
  }, async () => {
    const book = await frozen({ engine, freezes: ["commit.before=stop@6", settling, "spill.after=stop@20"] })

    console.log(inOneLine(`frozen (${engine})`, book))
    expect(book).toMatchObject({
      lost: 0,
      stray: 0,
      dead: 0,
      settledTwice: 0,
      open: { batches: 0, parts: 0, jobs: 0 },
    })
    expect(book.handledBySuccessor).toBeGreaterThan(0)
    expect(book.takenOver).toBeGreaterThan(0)
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })

  test("would notice if nobody took over a frozen worker's work", { timeout: 180_000 }, async () => {
    const book = await frozen({ engine, recovery: false, freezes: [settling], stillMs: 1_000 })

    expect(book.takenOver).toBe(0) // though what waits or is handed back finds its way
  })
})
