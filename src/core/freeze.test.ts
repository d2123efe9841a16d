import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { deepFreeze } from "./freeze.ts"

describe("deepFreeze", () => {
  it("freezes every object and array, and gives the same value back", () => {
    const isFrozen = (value: unknown): boolean =>
      typeof value !== "object" ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozen))

    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text)
        expect(deepFreeze(value)).toBe(value)
        expect(isFrozen(value)).toBe(true)
        expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })

  it("goes as deep as JSON does", () => {
    const depth = 100_000
    const value = JSON.parse("[".repeat(depth) + "]".repeat(depth))

    let deepest = deepFreeze(value)
    while (deepest.length > 0) deepest = deepest[0]

    expect(Object.isFrozen(deepest)).toBe(true)
  })

  it("reaches a key called __proto__", () => {
    const value = deepFreeze(JSON.parse('{ "__proto__": { "admin": true } }'))

    expect(Object.isFrozen(Object.getOwnPropertyDescriptor(value, "__proto__")?.value)).toBe(true)
  })
})
