import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InvalidInputError } from "./errors.ts"
import { checkEventName, compileNamePattern, isExactName, nearestName } from "./pattern.ts"

describe("compileNamePattern", () => {
  it.each([
    ["order.placed", "order.placed", true],
    ["order.placed", "order.placed.late", false],
    ["order.placed", "Order.placed", false],
    ["order.*", "order.placed", true],
    ["order.*", "order.line.added", true],
    ["order.*", "order.", true],
    ["order.*", "order", false],
    ["order.*", "orders.placed", false],
    ["*.created", "brand.created", true],
    ["*.created", "created", false],
    ["order.*.failed", "order.payment.card.failed", true],
    ["order.*.failed", "order.failed", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*ab*ab", "ab", false],
    ["*", "anything at all", true],
    ["**", "", true],
    ["order.placed?", "order.placed", false],
    ["order+placed", "orderrplaced", false],
  ])("%s against %s is %s", (pattern, name, fits) => {
    expect(compileNamePattern(pattern)(name)).toBe(fits)
  })

  it("agrees with a regular expression on every pattern and name", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), minLength: 1, maxLength: 8 })
    const name = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 })

    fc.assert(
      fc.property(word, name, (pattern, text) => {
        const oracle = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`)
        expect(compileNamePattern(pattern)(text)).toBe(oracle.test(text))
      }),
      { numRuns: 1_000 },
    )
  })

  it("stays quick on a pattern made to be slow", () => {
    const fits = compileNamePattern(`${"*a".repeat(100)}*b`)

    expect(fits("a".repeat(100_000))).toBe(false)
  })

  it.each([[""], ["a".repeat(256)], ["order\nplaced"], ["order\u0000"], ["order\ud800"], [7], [undefined]])(
    "refuses %j",
    (pattern) => {
      expect(() => compileNamePattern(pattern as string)).toThrow(InvalidInputError)
    },
  )
})

describe("checkEventName", () => {
  it.each(["order.placed", "Symbol(order)", "заказ.создан", "a".repeat(255)])("lets %j pass", (name) => {
    expect(() => checkEventName(name)).not.toThrow()
  })

  it.each([[""], ["a".repeat(256)], ["order.*"], ["order\nplaced"], ["\ud800"], [null], [undefined], [7]])(
    "refuses %j",
    (name) => {
      expect(() => checkEventName(name)).toThrow(InvalidInputError)
    },
  )
})

describe("isExactName", () => {
  it("is true for a name and false for a pattern", () => {
    expect(isExactName("order.placed")).toBe(true)
    expect(isExactName("order.*")).toBe(false)
  })
})

describe("nearestName", () => {
  const names = ["order.placed", "order.cancelled", "brand.created", "brand.deleted"]

  it.each([
    ["order.place", "order.placed"],
    ["oredr.placed", "order.placed"],
    ["order-placed", "order.placed"],
    ["Brand.Created", "brand.created"],
    ["brand.create", "brand.created"],
    ["order.canceled", "order.cancelled"],
    ["invoice.paid", null],
    ["", null],
  ])("finds for %s %s", (name, nearest) => {
    expect(nearestName(name, names)).toBe(nearest)
  })

  it("does not offer the name itself", () => {
    expect(nearestName("order.placed", ["order.placed"])).toBe(null)
  })

  it("always offers a name of which one letter was lost", () => {
    const name = fc.string({ unit: fc.constantFrom(..."abcdefgh."), minLength: 4, maxLength: 40 })

    fc.assert(
      fc.property(name, fc.nat(), (whole, position) => {
        const cut = position % whole.length
        const typed = whole.slice(0, cut) + whole.slice(cut + 1)
        expect(nearestName(typed, ["zzzzzzzzzzzzzzzz", whole])).toBe(whole)
      }),
    )
  })
})
