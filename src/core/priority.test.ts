import { describe, expect, it, vi } from "vitest"
import { InvalidInputError } from "./errors.ts"
import { pickOrder, priorityClass } from "./priority.ts"

describe("priorityClass", () => {
  it.each([
    ["high", 0],
    ["normal", 1],
    ["low", 2],
    [undefined, 1],
    [null, 1],
    [10, 0],
    [50, 0],
    [100, 1],
    [499, 1],
    [500, 2],
    [2_097_152, 2],
  ])("of %j is %j", (value, expected) => {
    expect(priorityClass(value)).toBe(expected)
  })

  it.each([["urgent"], [0], [2_097_153], [Number.NaN], [{}]])("refuses %j", (value) => {
    expect(() => priorityClass(value)).toThrow(InvalidInputError)
  })

  it("takes a number out of range as normal where a warning can be given", () => {
    const warn = vi.fn()

    expect(priorityClass(0, warn)).toBe(1)
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("from 1 to 2097152, got `0`"))
    expect(() => priorityClass("urgent", warn)).toThrow(InvalidInputError)
  })
})

describe("pickOrder", () => {
  it("asks high first in seven of ten rounds, normal in two, low in one", () => {
    const first: Record<number, number> = { 0: 0, 1: 0, 2: 0 }
    for (let round = 0; round < 100; round++) {
      const order = pickOrder(round)
      const asked = order[0] ?? 0
      first[asked] = (first[asked] ?? 0) + 1
      expect([...order].sort()).toEqual([0, 1, 2])
    }

    expect(first).toEqual({ 0: 70, 1: 20, 2: 10 })
  })
})
