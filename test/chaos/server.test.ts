import { expect, test } from "vitest"
import { describeCluster } from "../support/describe.ts"
import { GENTLE } from "./disturbances.ts"
import { server } from "./server.ts"
import { inOneLine } from "./tally.ts"

describeCluster("a server and those who use it, disturbed at random", () => {
  test("loses no acknowledged event, whatever happens to processes, connections and the server", {
    timeout: 240_000,
  }, async () => {
    const book = await server({ events: 3_000, leaseMs: 1_500, pauseMs: 400, seed: 1_001, stillMs: 8_000 })

    console.log(inOneLine("server", book), JSON.stringify(book.groups))
    expect(book.acknowledged).toBeGreaterThanOrEqual(3_000)
    expect(book).toMatchObject({ lost: 0, stray: 0, dead: 0, deaths: [] })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
    for (const handled of Object.values(book.groups)) expect(handled).toBeGreaterThan(0.9 * book.acknowledged)
  })

  test("repeats nothing while every process keeps its lease", { timeout: 180_000 }, async () => {
    const book = await server({ events: 1_500, disturbances: GENTLE, leaseMs: 8_000, pauseMs: 300, seed: 7 })

    console.log(inOneLine("server, gently", book))
    expect(book).toMatchObject({ lost: 0, stray: 0, dead: 0, duplicates: 0, deaths: [] })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  })

  test("would notice if nobody took over a dead worker's work", { timeout: 180_000 }, async () => {
    const disturbances = Array.from({ length: 6 }, () => "kill a worker" as const)

    const book = await server({ recovery: false, events: 500, disturbances, pauseMs: 400, stillMs: 2_000 })

    expect(book.lost).toBeGreaterThan(0)
  })
})
