import { expect, test } from "vitest"
import { describeCluster } from "../support/describe.ts"
import { exhausted } from "./exhausted.ts"
import { outage } from "./outage.ts"
import { inOneLine } from "./tally.ts"

describeCluster("a server that is away", () => {
  test.for(["fast", "kill", "silence"] as const)(
    "lets emits wait until it is back, and workers work on (%s)",
    {
      timeout: 180_000,
    },
    async (how) => {
      const book = await outage({ awayMs: 2_500, how })

      console.log(inOneLine(`outage (${how})`, book), `waited ${book.waited}`)
      expect(book).toMatchObject({ lost: 0, dead: 0, refusals: [], deaths: [] })
      expect(book.acknowledged).toBe(book.emitted)
      expect(book.waited).toBeGreaterThan(0)
      expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
      expect(book.duplicates).toBeLessThanOrEqual(book.cap)
    },
  )

  test("refuses emits that waited too long by an error that says so", { timeout: 180_000 }, async () => {
    const book = await outage({ awayMs: 2_500, emitTimeoutMs: 800 })

    expect(book.refusals).toEqual(["CARILLON_STORE_UNAVAILABLE"])
    expect(book).toMatchObject({ lost: 0, dead: 0, deaths: [], open: { batches: 0, parts: 0, jobs: 0 } })
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })

  test("waits for a connection when the server has none left, and says so to who comes new", {
    timeout: 180_000,
  }, async () => {
    const book = await exhausted()

    console.log(inOneLine("exhausted", book))
    expect(book.opening.code).toBe("CARILLON_STORE_UNAVAILABLE")
    expect(book.opening.message).toMatch(/too many clients|connection slots/)
    expect(book).toMatchObject({ lost: 0, dead: 0, refusals: [], deaths: [] })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  })
})
