import { describe, expect, it } from "vitest"
import { defineEvent } from "../../core/definition.ts"
import { withServices } from "./services.ts"

describe("the shop's classes", () => {
  it("are replaced by the services that stand for them", () => {
    const created = defineEvent("sales.order.created", { resolve: { service: ORDERS, method: "get" } })

    const [mapped] = withServices([created], { [ORDERS]: "orders" })

    expect(mapped).toEqual({
      ...created,
      resolve: { service: "orders", method: "get" },
      create: expect.any(Function),
    })
  })

  it("leave services, functions and definitions without a resolver as they are", () => {
    const definitions = [
      defineEvent("stock.moved", { resolve: { service: "stock", method: "get" } }),
      defineEvent("price.changed", { resolve: () => ({ id: 1 }) }),
      defineEvent("order.placed", {}),
    ]

    expect(withServices(definitions, {})).toEqual(definitions)
  })

  it("are an error where no service stands for them, which names each class and its events", () => {
    const definitions = ["sales.order.created", "sales.order.paid"].map((name) =>
      defineEvent(name, { resolve: { service: `\\${ORDERS}`, method: "get" } }),
    )

    expect(() => withServices(definitions, { constructor: "orders" })).toThrow(
      "got none for `Magento\\Sales\\Api\\OrderRepositoryInterface` (of `sales.order.created`, `sales.order.paid`)",
    )
  })
})

const ORDERS = "Magento\\Sales\\Api\\OrderRepositoryInterface"
