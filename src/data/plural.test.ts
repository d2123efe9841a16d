import { expect, expectTypeOf, it } from "vitest"
import { type Plural, pluralOf } from "./plural.ts"

const names = {
  brand: "brands",
  Brand: "Brands",
  productCategory: "productCategories",
  taxDay: "taxDays",
  address: "addresses",
  paymentStatus: "paymentStatuses",
  analysis: "analyses",
  alias: "aliases",
  box: "boxes",
  batch: "batches",
  salesPerson: "salesPeople",
  person: "people",
  orders: "orders",
  Children: "Children",
  ProductInfo: "ProductInfo",
  index: "indices",
  canvas: "canvases",
} as const

it("finds the plural of a name, by the same rules for types and values", () => {
  for (const [one, many] of Object.entries(names)) expect(pluralOf(one), one).toBe(many)
  expectTypeOf<{ [N in keyof typeof names]: Plural<N> }>().toEqualTypeOf<{
    [N in keyof typeof names]: (typeof names)[N]
  }>()
})
