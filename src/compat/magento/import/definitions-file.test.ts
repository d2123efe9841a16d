import { stripTypeScriptTypes } from "node:module"
import { describe, expect, it } from "vitest"
import type { AsyncEvent } from "./async-events.ts"
import { definitionsFile, servicesSkeleton } from "./definitions-file.ts"

describe("a file of definitions", () => {
  it("says of each event which method of which class looks it up", () => {
    const file = definitionsFile(
      [ORDER, { ...ORDER, name: "sales.order.paid", resources: [] }],
      ["etc/async_events.xml"],
    )

    expect(
      file,
    ).toBe(`// Made by \`carillon magento import\` from etc/async_events.xml: import it again rather than change it.

import { defineEvent } from "carillon"

export const salesOrderCreated = defineEvent("sales.order.created", {
  resolve: { service: "Magento\\\\Sales\\\\Api\\\\OrderRepositoryInterface", method: "get" },
  resources: ["Magento_Sales::actions_view"],
})

export const salesOrderPaid = defineEvent("sales.order.paid", {
  resolve: { service: "Magento\\\\Sales\\\\Api\\\\OrderRepositoryInterface", method: "get" },
})
`)
  })

  it("is TypeScript whatever the events are called", () => {
    const names = ["delete", "a.b", "a-b", "a_b", "1st.order", "...", "defineEvent", "A.b", "toString"]
    const file = definitionsFile(
      names.map((name) => ({ ...ORDER, name })),
      ["a\n.xml"],
    )

    const constants = [...file.matchAll(/^export const (\w+) = /gm)].map(([, name]) => name)

    expect(new Set(constants).size).toBe(names.length)
    expect(() => stripTypeScriptTypes(file)).not.toThrow()
  })

  it("comes with the place of each class in the configuration", () => {
    const events = [
      ORDER,
      { ...ORDER, name: "b" },
      { ...ORDER, class: "My\\OrderRepository" },
      { ...ORDER, class: "Stock" },
    ]

    expect(servicesSkeleton(events)).toBe(`  magento: {
    services: {
      "Magento\\\\Sales\\\\Api\\\\OrderRepositoryInterface": "orderRepository",
      "My\\\\OrderRepository": "orderRepository2",
      "Stock": "stock",
    },
  },`)
  })
})

const ORDER: AsyncEvent = {
  name: "sales.order.created",
  class: "Magento\\Sales\\Api\\OrderRepositoryInterface",
  method: "get",
  resources: ["Magento_Sales::actions_view"],
  place: "async_events.xml:3",
}
