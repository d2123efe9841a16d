import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { besideSaturation, share, wakeUp } from "./share.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("wakes a worker in another process before it would look by itself", { timeout: 90_000 }, async () => {
    const { begun, worst } = await wakeUp({ engine })

    expect(begun).toBe(20)
    expect(worst).toBeLessThan(10_000)
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
    const { writes, overtaken } = await besideSaturation({ engine })

    expect(writes).toBeGreaterThan(1_000)
    expect(overtaken).toBeLessThan(writes / 5)
  })
})
