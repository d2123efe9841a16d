import { describe, expect, it } from "vitest"
import { erasedExtra, erasedHistory, isErased } from "./erasure.ts"
import type { AttemptRecord } from "./job.ts"

const AT = { at: 1_772_366_400_000, to: [3, 4] }

describe("the mark of an erased event", () => {
  it("keeps what caused an event and how it was to go, and drops its metadata", () => {
    const extra = JSON.stringify({ metadata: { by: "cus_1" }, causationId: "evt_1", priority: 0 })

    expect(JSON.parse(erasedExtra(extra, AT))).toEqual({ causationId: "evt_1", priority: 0, erased: AT })
    expect(JSON.parse(erasedExtra(null, AT))).toEqual({ erased: AT })
  })

  it("is told from metadata that looks like it", () => {
    expect(isErased({ extra: erasedExtra(null, AT) })).toBe(true)
    expect(isErased({ extra: JSON.stringify({ metadata: { erased: {} } }) })).toBe(false)
    expect(isErased({ extra: JSON.stringify({ causationId: "evt_1" }) })).toBe(false)
    expect(isErased({ extra: null })).toBe(false)
  })
})

it("keeps of attempts that they failed, and not how", () => {
  const attempt: AttemptRecord = { attempt: 1, at: 1, ms: 5, outcome: "retry", error: "No cus_1", worker: 7 }
  const { error: _, ...good } = { ...attempt, attempt: 2, outcome: "delivered" as const }

  expect(erasedHistory([attempt, good])).toEqual([{ ...attempt, error: "erased" }, good])
})

it("keeps of attempts to send with which status they ended, and nothing that was sent or came back", () => {
  const response = { headers: { "x-customer": "cus_1" }, body: "cus_1 is unknown", isCut: false }
  const request = { headers: { "webhook-id": "evt_1" }, bytes: 40 }
  const details = { notifier: "http", recipient: "https://shop.example/", status: 422, request, response }
  const attempt: AttemptRecord = { attempt: 1, at: 1, ms: 5, outcome: "delivered", worker: 7, details }

  expect(erasedHistory([attempt])).toEqual([
    { ...attempt, details: { ...details, request: null, response: null } },
  ])
})
