import { describe, expect, it } from "vitest"
import { movingClock } from "../testing/moving-clock.ts"
import { Doubts } from "./doubts.ts"

describe("Doubts", () => {
  it("are looked into soon, and once more when a server has certainly ended what it was doing", async () => {
    const clock = movingClock()
    const doubts = new Doubts(clock)
    expect(doubts.isDue(null)).toBe(false)
    doubts.begin()
    await clock.advance("1s")
    expect(doubts.isDue(null)).toBe(false)
    await clock.advance("1s")
    expect(doubts.isDue(null)).toBe(true)

    doubts.resolved()
    expect([doubts.isDue(null), doubts.isOpen]).toEqual([false, true])
    await clock.advance("28s")
    expect(doubts.isDue(null)).toBe(true)
    doubts.resolved()

    expect([doubts.isDue(null), doubts.isOpen]).toEqual([false, false])
  })

  it("begin anew with each answer that is lost", async () => {
    const clock = movingClock()
    const doubts = new Doubts(clock)
    doubts.begin()
    await clock.advance("2s")
    doubts.resolved()

    doubts.begin()
    await clock.advance("2s")

    expect(doubts.isDue(null)).toBe(true)
  })

  it("wait for a commit that has been under way for long: what it leases is no more known than what was lost", async () => {
    const clock = movingClock()
    const doubts = new Doubts(clock)
    doubts.begin()
    await clock.advance("5s")

    expect(doubts.isDue(performance.now() - 1_500)).toBe(false)
    expect(doubts.isDue(performance.now() - 10)).toBe(true)
  })
})
