import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { sigkill } from "./sigkill.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("loses no acknowledged event when a process is killed at any named point", {
    timeout: 180_000,
  }, async () => {
    const book = await sigkill({ engine, randomKills: 1 })

    console.log(inOneLine(`sigkill (${engine})`, book))
    expect(book.acknowledged).toBeGreaterThan(100)
    expect(book).toMatchObject({ lost: 0, stray: 0, dead: 0, open: { batches: 0, parts: 0, jobs: 0 } })
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })

  test("would notice if nobody took over a dead worker's work", { timeout: 180_000 }, async () => {
    const book = await sigkill({
      engine,
      recovery: false,
      faults: ["spill.after=kill@3", "spill.after=kill@9"],
      statements: [],
      randomKills: 0,
      stillMs: 1_500,
    })

    expect(book.lost).toBeGreaterThan(0)
  })
})
