import { describe, expect, it } from "vitest"
import { callArguments, checkArguments, checkResolver } from "./resolver.ts"

const orders = { service: "orders", method: "get" }

describe("the arguments of a service's method", () => {
  it("are one object, or stand in the order of its parameters", () => {
    const args = { id: "ord_1001", locale: "nl" }

    expect(callArguments(orders, args)).toEqual([args])
    expect(callArguments({ ...orders, params: ["locale", "id"] }, args)).toEqual(["nl", "ord_1001"])
  })

  it("may be spelled as elsewhere", () => {
    const call = { ...orders, params: ["orderId", "store_id"] }

    expect(callArguments(call, { order_id: 7, storeId: 2 })).toEqual([7, 2])
    expect(callArguments(call, { orderId: 7, store_id: 2 })).toEqual([7, 2])
  })

  it("are named where they are missing, and null is missing", () => {
    const call = { ...orders, params: ["id", "storeId", "locale?"] }

    expect(() => callArguments(call, { id: null, sku: "A" })).toThrow(
      "Expected the arguments `id`, `storeId`, got `id` (null), `sku`.",
    )
    expect(() => callArguments(call, { id: 1 })).toThrow("Expected the argument `storeId`, got `id`.")
    expect(callArguments(call, { id: 1, storeId: 2 })).toEqual([1, 2, undefined])
  })

  it("are no fields that every object has", () => {
    expect(() => callArguments({ ...orders, params: ["constructor"] }, {})).toThrow("got none")
  })

  it.each([[null], [["id"]], ["id"], [7], [undefined]])("are refused as %j", (args) => {
    expect(() => checkArguments("sales.order.created", args)).toThrow(
      /`sales\.order\.created` to be an object/,
    )
  })
})

describe("a resolver", () => {
  it.each([
    [5],
    [null],
    ["orders"],
    [{ service: "orders" }],
    [{ service: " ", method: "get" }],
    [{ ...orders, params: "id" }],
    [{ ...orders, params: [""] }],
    [{ ...orders, parms: ["id"] }],
  ])("is not %j", (resolver) => {
    expect(() => checkResolver(resolver)).toThrow(/`resolve/)
  })
})
