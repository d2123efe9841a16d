import { expect, test } from "vitest"
import { deploy } from "./deploy.ts"
import { inOneLine } from "./tally.ts"

test("delivers exactly what the catalog said at each commit of a rolling deploy", {
  timeout: 60_000,
}, async () => {
  const book = await deploy()

  console.log(inOneLine("deploy", book))
  expect(book.added).toBeGreaterThan(0)
  expect(book.removed).toBeGreaterThan(0)
  expect(book).toMatchObject({ lost: 0, unwanted: 0, late: 0, dead: 0 })
  expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
})

test("would notice if nobody took over a dead worker's work", { timeout: 60_000 }, async () => {
  const { open } = await deploy({ recovery: false, stillMs: 1_500 })

  expect(open.batches + open.parts + open.jobs).toBeGreaterThan(0)
})
