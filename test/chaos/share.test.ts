import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { besideSaturation, share, wakeUp } from "./share.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("wakes a worker in another process within a tenth of a second", { timeout: 90_000 }, async () => {
    const { median } = await wakeUp({ engine })

    expect(median).toBeLessThan(100)
  })

  test("shares a backlog between two processes", { timeout: 180_000 }, async () => {
    const book = await share({ engine })

    console.log(inOneLine(`share (${engine})`, book))
    expect(book).toMatchObject({ lost: 0, duplicates: 0 })
    expect(book.least).toBeGreaterThan(0.2)
  })

  test("lets single emits through beside a process that writes as fast as it can", {
    timeout: 180_000,
  }, async () => {
    const { median, p99, writes } = await besideSaturation({ engine })

    expect(writes).toBeGreaterThan(1_000)
    expect(median).toBeLessThan(200)
    expect(p99).toBeLessThan(1_000) // 200 ms on a machine of its own; tests share theirs
  })
})
