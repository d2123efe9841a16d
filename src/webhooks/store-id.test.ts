import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compileFilter } from "../core/filter.ts"
import { boundToStore, checkedStoreId, unboundFromStore } from "./store-id.ts"

const tests = fc.oneof(
  fc.constant([{ exists: true }]),
  fc.constant([{ exists: false }]),
  fc.uniqueArray(fc.constantFrom("gold", "silver", 1, 2, null), { minLength: 1 }),
)
const fields = fc.dictionary(fc.constantFrom("tier", "total", "customer"), tests, { minKeys: 1 })
const filters = fc.option(
  fc.record({ data: fields, metadata: fields, sender: fc.constant(["till"]) }, { requiredKeys: [] }),
)
const events = fc.record({
  name: fc.constant("order.placed"),
  data: fc.dictionary(fc.constantFrom("tier", "total"), fc.constantFrom("gold", 1, null)),
  metadata: fc.record({ storeId: fc.nat(3), tier: fc.constantFrom("gold", "tin") }, { requiredKeys: [] }),
})
const stores = fc.integer({ min: 1, max: 3 })

describe("a filter that is bound to a store", () => {
  it("is told as it was given", () => {
    fc.assert(
      fc.property(filters, fc.nat(3), (filter, store) => {
        const given = filter !== null && Object.keys(filter).length === 0 ? null : filter

        expect(unboundFromStore(boundToStore(given, store), store)).toEqual(given)
      }),
    )
  })

  it("takes of what the filter takes the events of that store, of store 0, and of none", () => {
    fc.assert(
      fc.property(filters, stores, events, (filter, store, event) => {
        const storeId = event.metadata.storeId ?? 0
        const isWanted = filter === null || compileFilter(filter).matches(event)

        const bound = compileFilter(boundToStore(filter, store))

        expect(bound.matches(event)).toBe(isWanted && [store, 0].includes(storeId))
      }),
    )
  })

  it("is refused where it speaks of stores itself, or of metadata as a whole", () => {
    expect(() => boundToStore({ metadata: { storeId: [1] } }, 2)).toThrow(/storeId/)
    expect(() => boundToStore({ metadata: [{ exists: false }] }, 2)).toThrow(/metadata/)
    expect(boundToStore({ metadata: { storeId: [1] } }, 0)).toEqual({ metadata: { storeId: [1] } })
  })
})

it("a store is a whole number that Magento can have", () => {
  expect([0, 1, 2_147_483_647].map(checkedStoreId)).toEqual([0, 1, 2_147_483_647])
  for (const wrong of [-1, 0.5, "1", null, Number.NaN, 2_147_483_648])
    expect(() => checkedStoreId(wrong)).toThrow(/`storeId`/)
})
