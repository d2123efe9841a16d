import { describe, expect, it } from "vitest"
import { checkedTerms, type GivenTerms } from "./terms.ts"

const given: GivenTerms = {
  events: "order.placed",
  recipient: "https://erp.shop.example/orders",
  form: "standard",
  description: "",
  storeId: 0,
  filter: null,
  sender: null,
  fields: null,
  headers: {},
  options: {},
  credentials: {},
  policy: undefined,
}

describe("what a webhook is to be", () => {
  it("goes to a recipient without the blanks that were copied with it", () => {
    const { record } = checkedTerms({ ...given, recipient: "  https://erp.shop.example/orders " })

    expect(record.recipient).toBe(given.recipient)
  })

  it.each(["headers", "credentials"] as const)(
    "has no %s of a name that would be lost on the way",
    (field) => {
      const texts = JSON.parse('{"x-shop":"1","__proto__":"2"}')

      expect(() => checkedTerms({ ...given, [field]: texts })).toThrow(
        `\`${field}\` without the name \`__proto__\``,
      )
    },
  )
})
