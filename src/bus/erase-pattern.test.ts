import { describe, expect, it } from "vitest"
import { InvalidFilterError, InvalidInputError } from "../core/errors.ts"
import { erasePattern } from "./erase-pattern.ts"

const cart = (customer: string) => ({ name: "fulfil", data: { customer } })

describe("whose data is meant", () => {
  it("is asked of the input of runs as of an event's data", () => {
    const { inputs } = erasePattern({ name: ["order.placed"], data: { customer: ["cus_1"] } })

    expect(inputs?.matches(cart("cus_1"))).toBe(true)
    expect(inputs?.matches(cart("cus_2"))).toBe(false)
  })

  it("is asked of no input where it says nothing of data", () => {
    expect(erasePattern({ key: ["cus_1"] }).inputs).toBe(null)
    expect(erasePattern({ $or: [{ key: ["cus_1"] }, { sender: ["till"] }] }).inputs).toBe(null)
  })

  it("is asked of inputs by those alternatives alone that say something of data", () => {
    const { inputs } = erasePattern({ $or: [{ key: ["cus_1"] }, { data: { customer: ["cus_1"] } }] })

    expect(inputs?.matches(cart("cus_1"))).toBe(true)
    expect(inputs?.matches(cart("cus_2"))).toBe(false)
  })

  it("knows the names that events must have, unless they are patterns or Carillon's own", () => {
    expect(erasePattern({ name: ["order.placed", "order.paid", "order.paid"] }).names).toEqual([
      "order.placed",
      "order.paid",
    ])
    expect(erasePattern({ name: [{ prefix: "order." }] }).names).toBe(null)
    expect(erasePattern({ name: ["carillon.dead_letter"] }).names).toBe(null)
    expect(erasePattern({ data: { customer: ["cus_1"] } }).names).toBe(null)
  })

  it("knows whether the sender is asked for, however deep", () => {
    expect(erasePattern({ $or: [{ key: ["a"] }, { $or: [{ sender: ["a"] }] }] }).asksForSender).toBe(true)
    expect(erasePattern({ data: { sender: ["a"] } }).asksForSender).toBe(false)
  })

  it("is somebody, and said as filters say it", () => {
    expect(() => erasePattern({})).toThrow(InvalidInputError)
    for (const where of [null, [], "cus_1", { customer: ["cus_1"] }, { data: {} }])
      expect(() => erasePattern(where)).toThrow(InvalidFilterError)
  })
})
