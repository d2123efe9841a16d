import { expect, test } from "vitest"
import { describePostgres } from "../support/describe.ts"
import { cut } from "./cut.ts"
import { inOneLine } from "./tally.ts"

await describePostgres("connections that are lost", () => {
  test("doubles and loses nothing when a connection is cut during any kind of commit", {
    timeout: 240_000,
  }, async () => {
    const book = await cut()

    console.log(inOneLine("cut", book), `strikes ${book.strikes}`)
    expect(book).toMatchObject({
      missed: [],
      lost: 0,
      doubled: 0,
      duplicates: 0,
      dead: 0,
      refused: 0,
      deaths: [],
    })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
    expect(book.acknowledged).toBe(book.emitted)
  })
})
