import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { orders, ordersInOneLine } from "./orders.ts"

await describeEngines((engine) => {
  test("does every order wholly or undoes it wholly, whoever is killed or frozen, and announces those that are done", {
    timeout: 240_000,
  }, async () => {
    const book = await orders({ engine, seed: 1_000, orders: 120, kills: 6 })

    console.log(ordersInOneLine(`orders (${engine})`, book))
    expect(book).toMatchObject({ stuck: 0, wrong: [], dead: 0, stray: 0, acknowledged: 120, redriven: 0 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
    expect(Math.min(book.done, book.reverted)).toBeGreaterThan(20)
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })

  test("would notice if nobody took over a dead worker's runs", { timeout: 180_000 }, async () => {
    const book = await orders({ engine, seed: 2_000, orders: 40, kills: 2, recovery: false, stillMs: 1_000 })

    expect(book.stuck).toBeGreaterThan(0)
  })
})
