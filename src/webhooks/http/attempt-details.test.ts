import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { attemptDetails, textOf } from "./attempt-details.ts"

const sent = { recipient: "https://shop.example/webhooks", headers: {}, custom: {}, bytes: 12 }

describe("what is kept of an attempt", () => {
  it("has no values of the recipient's query, each name once", () => {
    const recipient = "https://shop.example:8443/a%20b?token=5ecret&token=5ecret2&sku=1&=5ecret"

    expect(attemptDetails({ ...sent, recipient }, null).recipient).toBe(
      "https://shop.example:8443/a%20b?token=***&sku=***&=***",
    )
  })

  it("has no value of a header that may be a secret, sent or received", () => {
    const headers = {
      authorization: "5ecret",
      "x-api-key": "5ecret",
      "x-auth": "5ecret",
      "webhook-signature": "5ecret",
      "x-magento-signature": "5ecret",
      "webhook-id": "evt_1001",
      "x-shop": "5ecret",
    }
    const answered = { "set-cookie": ["id=5ecret", "b=5ecret"], "x-csrf-token": "5ecret", Date: "today" }

    const details = attemptDetails(
      { ...sent, headers, custom: { "x-shop": "5ecret" } },
      answerOf(answered, ""),
    )

    expect(JSON.stringify(details)).not.toContain("5ecret")
    expect(details.request?.headers["webhook-id"]).toBe("evt_1001")
    expect(details.response?.headers).toEqual({ "set-cookie": "***", "x-csrf-token": "***", Date: "today" })
  })

  it("is bounded and can be stored, whatever was answered", () => {
    const texts = fc.string({ unit: "binary", maxLength: 400 })
    const headers = fc.dictionary(texts, fc.oneof(texts, fc.array(texts, { maxLength: 3 })), { maxKeys: 60 })
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 2_000 }), (answered, body) => {
        const { response } = attemptDetails(sent, answerOf(answered, Buffer.from(body)))
        const json = JSON.stringify(response)
        expect(json).not.toContain("\\u0000")
        expect(Object.keys(response?.headers ?? {}).length).toBeLessThanOrEqual(40)
        expect(json.length).toBeLessThan(40 * 1_000 + 6 * 2_000)
      }),
      { numRuns: 50 },
    )
  })
})

describe("what a recipient says", () => {
  it("is told without what it was sent in the subscription's own headers", () => {
    const custom = { authorization: "Bearer 5ecret-token", "x-shop": "main" }
    const body = '{"authorization":"Bearer 5ecret-token","token":"5ecret-token","shop":"main"}'
    const answer = answerOf({ "x-echo": "5ecret-token" }, body)

    const { response } = attemptDetails({ ...sent, custom }, answer)

    expect(response).toMatchObject({
      body: '{"authorization":"***","token":"***","shop":"main"}',
      headers: { "x-echo": "***" },
    })
  })
})

describe("a body as text", () => {
  it.each([
    ["grüße", "grüße"],
    ["", ""],
    ["no\0no", "no\uFFFDno"],
  ])("%j is %j", (body, text) => {
    expect(textOf(Buffer.from(body))).toBe(text)
  })

  it("may end in the middle of a character, or have one of another code", () => {
    expect(textOf(Buffer.from("grüße").subarray(0, 3))).toBe("gr\uFFFD")
    expect(textOf(Buffer.from("Größe", "latin1"))).toBe("Gr\uFFFD\uFFFDe")
  })

  it("is only counted where it is none", () => {
    expect(textOf(Buffer.alloc(100, 0xff))).toBe("(100 bytes that are no text)")
  })
})

function answerOf(headers: Readonly<Record<string, string | string[]>>, body: string | Buffer) {
  return { status: 200, reason: "OK", headers, body: Buffer.from(body), isCut: false }
}
