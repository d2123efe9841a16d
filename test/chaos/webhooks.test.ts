import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { inOneLine } from "./tally.ts"
import { webhooks } from "./webhooks.ts"
import { frozenWebhooks } from "./webhooks-frozen.ts"
import { randomWebhooks } from "./webhooks-random.ts"

const CLOSED = { batches: 0, parts: 0, jobs: 0 }
const RIGHT = { sideBySide: 0, renamed: 0, settledTwice: 0, unrecorded: 0 }
const SOUND = { lost: 0, stray: 0, dead: 0, ...RIGHT, open: CLOSED }

await describeEngines((engine) => {
  test("loses no webhook when a sender is killed at any named point", { timeout: 300_000 }, async () => {
    const book = await webhooks({ engine, randomKills: 1 })

    console.log(inOneLine(`webhooks (${engine})`, book))
    expect(book.acknowledged).toBeGreaterThan(100)
    expect(book).toMatchObject(SOUND)
    expect(book.duplicates).toBeGreaterThan(0)
    expect(book.duplicates).toBeLessThanOrEqual(book.cap)
  })

  test("would notice if nobody took over a dead sender's work", { timeout: 180_000 }, async () => {
    const faults = ["notify.after=kill@20"]
    const book = await webhooks({ engine, recovery: false, faults, randomKills: 0, stillMs: 1_500 })

    expect(book.open.jobs).toBeGreaterThan(0)
  })

  test("counts what a frozen sender has sent once, and nothing that it says when it is thawed", {
    timeout: 240_000,
  }, async () => {
    const book = await frozenWebhooks({ engine })

    console.log(inOneLine(`webhooks frozen (${engine})`, book), `taken over ${book.takenOver}`)
    expect(book).toMatchObject(SOUND)
    expect(book.takenOver).toBeGreaterThan(0)
  })

  test.for([7, 1_003])(
    "sends everything in the end, whatever becomes of endpoints and webhooks meanwhile (seed %i)",
    { timeout: 300_000 },
    async (seed) => {
      const book = await randomWebhooks({ engine, seed, steps: 16 })

      console.log(inOneLine(`webhooks random ${seed} (${engine})`, book), `rests ${book.rests}`)
      expect(book).toMatchObject(SOUND)
    },
  )
})
