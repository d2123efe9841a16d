import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { AttemptDetails } from "../core/job.ts"
import { checkedResult } from "./checked-result.ts"

const failed = { success: false, subscriptionId: "sub_1", responseData: "the shop is closed" }
const details: AttemptDetails = {
  notifier: "sms",
  recipient: "+49 30 1234567",
  status: 200,
  request: { headers: { to: "shop" }, bytes: 20 },
  response: { headers: { from: "shop" }, body: "thank you", isCut: false },
}

describe("what a notifier says", () => {
  it("is taken as it is where it is what it should be", () => {
    for (const result of [
      failed,
      { ...failed, success: true, details },
      { ...failed, retryAfter: new Date(5) },
    ])
      expect(checkedResult(result, "sms")).toBe(result)
  })

  it.each([[undefined], [null], ["ok"], [200], [[]], [{}], [{ success: "yes" }], [{ responseData: "sent" }]])(
    "is refused, with the notifier's name, where it does not say whether it arrived: %j",
    (result) => {
      expect(() => checkedResult(result, "sms")).toThrow(/notifier `sms` .*`success`/)
    },
  )

  it("is text, whatever came back", () => {
    const said = (responseData: unknown) => checkedResult({ ...failed, responseData }, "sms").responseData

    expect(said(undefined)).toBe("")
    expect(said({ code: 7 })).toBe('{"code":7}')
    expect(said(new Error("the line is busy"))).toBe("the line is busy")
    expect(said(7n)).toBe("7")
  })

  it("is kept in part, so that a row of the store has an end and every store can hold it", () => {
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`x-${n}`, "v".repeat(1_000)]))
    const response = { headers, body: `a\0b\ud800${"z".repeat(100_000)}`, isCut: false }
    const kept = checkedResult({ ...failed, details: { ...details, response } }, "sms").details?.response

    expect(kept).toMatchObject({ isCut: true })
    expect(kept?.body.length).toBe(16_384)
    expect(kept?.body.startsWith("a\ufffdb\ufffdz")).toBe(true)
    expect(JSON.stringify(kept?.headers).length).toBeLessThan(20_000)
  })

  it.each([
    ["text", null],
    [{ notifier: 7n }, { notifier: "sms", recipient: "", status: null, request: null, response: null }],
    [{ status: "200" }, { notifier: "sms", recipient: "", status: null, request: null, response: null }],
  ])("has of details that are none what can be kept: %o", (given, kept) => {
    expect(checkedResult({ ...failed, details: given }, "sms").details ?? null).toEqual(kept)
  })

  it("can always be kept as JSON, and is never an error but by what it lacks", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (given) => {
        const result = { ...failed, responseData: given, details: given }
        const { responseData, details: kept } = checkedResult(result, "sms")

        expect(typeof responseData).toBe("string")
        expect(JSON.stringify(kept) ?? "").not.toContain("\\u0000")
      }),
    )
  })
})
