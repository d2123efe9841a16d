import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { checkedFields, selectFields } from "./fields.ts"

const order = {
  id: "ord_1001",
  total: 40,
  customer: { email: "zoe@example.com", name: "Zoë", address: { city: "Ghent", zip: "9000" } },
  items: [
    { sku: "mug", quantity: 2 },
    { sku: "cup", gift: { note: "Enjoy" } },
  ],
}

describe("selected fields", () => {
  it("are those named, through objects and the elements of arrays", () => {
    const fields = ["id", "customer.address.city", "items.sku", "items.gift.note"]

    expect(selectFields(order, fields)).toEqual({
      id: "ord_1001",
      customer: { address: { city: "Ghent" } },
      items: [{ sku: "mug" }, { sku: "cup", gift: { note: "Enjoy" } }],
    })
  })

  it("are all without a selection", () => {
    expect(selectFields(order, null)).toBe(order)
    expect(selectFields(undefined, null)).toBeUndefined()
  })

  it("leave out what is not there", () => {
    expect(selectFields(order, ["id", "coupon", "customer.phone", "total.net"])).toEqual({
      id: "ord_1001",
      customer: {},
    })
  })

  it("are all of something where it is named as a whole, whatever else is named of it", () => {
    for (const fields of [
      ["customer", "customer.email"],
      ["customer.email", "customer"],
    ])
      expect(selectFields(order, fields)).toEqual({ customer: order.customer })
  })

  it("are taken of each element where the data is an array", () => {
    expect(selectFields([{ id: 1, total: 2 }, { id: 3 }], ["id"])).toEqual([{ id: 1 }, { id: 3 }])
  })

  it.each([["ord_1001"], [42], [null], [undefined]])("of %j, which has none, are null", (data) => {
    expect(selectFields(data, ["id"])).toBeNull()
  })

  it("keep what is empty, false or null", () => {
    const data = { note: null, gift: false, items: [], tags: {} }

    expect(selectFields(data, ["note", "gift", "items", "tags"])).toEqual(data)
  })

  it("are own fields, and never what an object inherits", () => {
    expect(selectFields({ id: 1 }, ["constructor", "toString", "__proto__.id"])).toEqual({})
    const data = JSON.parse('{"__proto__":{"admin":true},"id":1}')
    const selected = selectFields(data, ["__proto__.admin"]) as object

    expect(JSON.stringify(selected)).toBe('{"__proto__":{"admin":true}}')
    expect((selected as { admin?: boolean }).admin).toBeUndefined()
  })

  it("are of what the data says its JSON is", () => {
    const data = { customer: { secret: "x", toJSON: () => ({ email: "zoe@example.com" }) } }

    expect(selectFields(data, ["customer.email"])).toEqual({ customer: { email: "zoe@example.com" } })
    expect(selectFields(data, ["customer.secret"])).toEqual({ customer: {} })
  })

  it("never say anything that was not named", () => {
    const data = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue())
    fc.assert(
      fc.property(data, fc.subarray(["a", "b", "c"], { minLength: 1 }), (given, fields) => {
        const selected = selectFields(given, fields) as Record<string, unknown>
        expect(Object.keys(selected).every((name) => fields.includes(name))).toBe(true)
        for (const name of fields) expect(selected[name]).toEqual(given[name])
      }),
    )
  })
})

describe("fields to be selected", () => {
  it("are paths, each once; none is all of them", () => {
    expect(checkedFields(["id", "customer.email", "id"])).toEqual(["id", "customer.email"])
    expect(checkedFields(undefined)).toBeNull()
    expect(checkedFields(null)).toBeNull()
  })

  it.each([
    [[]],
    ["id"],
    [[""]],
    [["customer..email"]],
    [[".id"]],
    [["id."]],
    [[7]],
    [[null]],
    [Array.from({ length: 101 }, (_, i) => `field${i}`)],
    [[Array.from({ length: 21 }, () => "a").join(".")]],
  ])("are refused as %j", (fields) => {
    expect(() => checkedFields(fields)).toThrow(/^Expected .*`fields` to be/)
  })
})
