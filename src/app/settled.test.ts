import { afterEach, describe, expect, it } from "vitest"
import { createTestCarillon, type TestCarillon } from "../testing/test-carillon.ts"
import { whenSettled } from "./settled.ts"

let carillon: TestCarillon
afterEach(() => carillon.stop())

async function settle(handler?: () => unknown, retries = 0) {
  carillon = await createTestCarillon()
  if (handler !== undefined)
    carillon.events.subscribe("brand.created", handler, { subscriberId: "sync-cms", policy: { retries } })
  const [receipt] = await carillon.emit({ name: "brand.created" })
  await carillon.drain()
  return whenSettled(carillon, receipt?.id ?? "", { timeoutMs: 0, signal: new AbortController().signal })
}

const refuse = (): never => {
  throw new Error("The CMS answered 503")
}

describe("what became of an event", () => {
  it("is good when each subscriber has it", async () => {
    const { isDelivered, summary } = await settle(() => {})

    expect(isDelivered).toBe(true)
    expect(summary).toMatch(/^brand\.created \(evt_\w+\) was delivered to its subscriber\.$/)
  })

  it("is told with the last error when it is a dead letter", async () => {
    const { isDelivered, summary } = await settle(refuse)

    expect(isDelivered).toBe(false)
    expect(summary).toMatch(/sync-cms@brand\.created is a dead letter: .*The CMS answered 503/)
  })

  it("is told with what it waits for when the time is over", async () => {
    const { isDelivered, summary } = await settle(refuse, 5)

    expect(isDelivered).toBe(false)
    expect(summary).toMatch(/was not delivered.*is waiting for its next attempt: .*The CMS answered 503/)
  })

  it("is bad when nobody listens", async () => {
    const { isDelivered, summary } = await settle()

    expect(isDelivered).toBe(false)
    expect(summary).toMatch(/has no subscriber here/)
  })
})
