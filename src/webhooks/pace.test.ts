import { expect, it } from "vitest"
import { Pace } from "./pace.ts"

function succeed(pace: Pace, times: number, { running = Number.POSITIVE_INFINITY, most = 100 } = {}): number {
  for (let i = 0; i < times; i++) pace.succeeded(Math.min(running, pace.slots), most)
  return pace.slots
}

it("begins with one attempt at a time, and has one more with each that succeeds", () => {
  const pace = new Pace()

  expect(pace.slots).toBe(1)
  expect(succeed(pace, 7)).toBe(8)
  expect(succeed(pace, 200, { most: 10 })).toBe(10)
})

it("has no more while it does not use what it has", () => {
  const pace = new Pace()
  succeed(pace, 3)

  expect(succeed(pace, 50, { running: 3 })).toBe(4)
})

it("has half as many when its endpoint is overloaded, and then one more with each round", () => {
  const pace = new Pace()
  succeed(pace, 15)

  pace.overloaded()
  expect(pace.slots).toBe(8)
  expect(succeed(pace, 8)).toBe(8)
  expect(succeed(pace, 1)).toBe(9)
})

it("never has less than one", () => {
  const pace = new Pace()
  for (let i = 0; i < 20; i++) pace.overloaded()

  expect(pace.slots).toBe(1)
  expect(succeed(pace, 1)).toBe(2)
})
