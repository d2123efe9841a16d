import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { deploy } from "./deploy.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("delivers exactly what the catalog said at each commit of a rolling deploy", {
    timeout: 180_000,
  }, async () => {
    const book = await deploy({ engine })

    console.log(inOneLine(`deploy (${engine})`, book))
    expect(book.added).toBeGreaterThan(0)
    expect(book.removed).toBeGreaterThan(0)
    expect(book).toMatchObject({ lost: 0, unwanted: 0, late: 0, dead: 0 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  })

  test("would notice if nobody took over a dead worker's work", { timeout: 180_000 }, async () => {
    const { open } = await deploy({ engine, recovery: false, stillMs: 1_500 })

    expect(open.batches + open.parts + open.jobs).toBeGreaterThan(0)
  })
})
