import { describe, expect, it, vi } from "vitest"
import { BusyLog } from "./busy-log.ts"

describe("what the log says of requests that are turned away", () => {
  it("is one line a minute, with how many there were", () => {
    let now = 0
    const quiet = (): void => {}
    const warn = vi.fn()
    const log = new BusyLog({ debug: quiet, info: quiet, warn, error: quiet }, () => now)

    for (now = 0; now < 60_000; now += 1_000) log.turnedAway("Too many bodies.")
    log.turnedAway("Too many bodies.")

    expect(warn.mock.calls.map(([{ count }]) => count)).toEqual([1, 60])
  })
})
