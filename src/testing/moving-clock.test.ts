import { describe, expect, it } from "vitest"
import { movingClock } from "./moving-clock.ts"

describe("movingClock", () => {
  it("stands still until it is moved", async () => {
    const clock = movingClock({ start: new Date("2026-03-01T12:00:00Z") })

    await clock.advance("1.5s")

    expect(new Date(clock.now()).toISOString()).toBe("2026-03-01T12:00:01.500Z")
    expect(clock.monotonic()).toBe(1_500)
  })

  it("fires timers in the order of their times, each at its own time", async () => {
    const clock = movingClock()
    const fired: [string, number][] = []
    clock.setTimeout(() => fired.push(["late", clock.monotonic()]), 200)
    clock.setTimeout(() => fired.push(["early", clock.monotonic()]), 100)
    clock.setTimeout(() => fired.push(["also early", clock.monotonic()]), 100)
    clock.clearTimeout(clock.setTimeout(() => fired.push(["cleared", 0]), 50))

    await clock.advance(199)
    expect(fired).toEqual([
      ["early", 100],
      ["also early", 100],
    ])
    await clock.advance(1)

    expect(fired.at(-1)).toEqual(["late", 200])
  })

  it("fires timers that timers set, after their promises have come to rest", async () => {
    const clock = movingClock()
    const fired: number[] = []
    const again = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve))
      fired.push(clock.monotonic())
      clock.setTimeout(() => void again(), 10)
    }
    clock.setTimeout(() => void again(), 10)

    await clock.advance("35ms")

    expect(fired).toEqual([10, 20, 30])
  })

  it("jumps without any time passing", async () => {
    const clock = movingClock()
    let fired = false
    clock.setTimeout(() => {
      fired = true
    }, 10)

    clock.set(new Date("2030-01-01"))
    await clock.settle()

    expect(fired).toBe(false)
    expect(clock.monotonic()).toBe(0)
    expect(clock.now()).toBe(Date.parse("2030-01-01"))
  })

  it("refuses a time that is none", () => {
    expect(() => movingClock().advance("soon" as never)).toThrow('got `"soon"` (string)')
    expect(() => movingClock().advance(-1)).toThrow("Expected a time to advance by")
  })
})
