import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { random } from "./random.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test.for([7, 1_001])(
    "ends a random program as the model says, on both roads (seed %i)",
    {
      timeout: 180_000,
    },
    async (seed) => {
      const fast = await random({ engine, seed, fastPath: true, steps: 14 })
      const jobs = await random({ engine, seed, fastPath: false, steps: 14 })

      console.log(inOneLine(`random ${seed} (fast, ${engine})`, fast))
      console.log(inOneLine(`random ${seed} (jobs, ${engine})`, jobs))
      expect(fast).toMatchObject({ lost: 0, stray: 0, wrong: [], open: { batches: 0, parts: 0, jobs: 0 } })
      expect(jobs).toMatchObject({ lost: 0, stray: 0, wrong: [], open: { batches: 0, parts: 0, jobs: 0 } })
      expect(fast.states).toBe(jobs.states)
    },
  )

  test("would notice if nobody took over a dead worker's work", { timeout: 180_000 }, async () => {
    const book = await random({ engine, seed: 1_003, fastPath: true, recovery: false, stillMs: 1_500 })

    expect(book.kills).toBeGreaterThan(0)
    expect(book.wrong).not.toEqual([])
  })
})
