import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { http, inOneLine } from "./http.ts"

await describeEngines((engine) => {
  test("keeps every event that it answered for, and one for each request, when the server is killed", {
    timeout: 180_000,
  }, async () => {
    const tally = await http({ engine, seed: 1_001 })

    console.log(inOneLine(`http (${engine})`, tally))
    expect(tally).toMatchObject({ lost: 0, halves: 0, twice: 0, stray: 0, ended: "well" })
    expect(tally.acknowledged).toBe(tally.requests)
    expect(tally.acknowledged).toBeGreaterThan(100)
    expect(tally.repeated).toBeGreaterThan(0)
  })

  test("would notice events that are there twice", { timeout: 180_000 }, async () => {
    const tally = await http({ engine, keyed: false, faults: ["commit.after=kill@10"], randomKills: 0 })

    expect(tally.twice).toBeGreaterThan(0)
    expect(tally.lost).toBe(0)
  })
})
