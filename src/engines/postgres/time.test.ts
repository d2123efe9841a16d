import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { ServerTime } from "./time.ts"

const AHEAD_MS = 3_600_000 // the server's clock, before ours

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "Date"] }))
afterEach(() => void vi.useRealTimers())

/** One call: the server looks at its clock somewhere between the two ways. */
function call(
  time: ServerTime,
  { thereMs, backMs }: { thereMs: number; backMs: number },
  aheadMs = AHEAD_MS,
): void {
  const startedAt = performance.now()
  vi.advanceTimersByTime(thereMs)
  const serverNow = Date.now() + aheadMs
  vi.advanceTimersByTime(backMs)
  time.hear(serverNow, startedAt, performance.now())
}

function errorOf(time: ServerTime, aheadMs = AHEAD_MS): number {
  return Math.abs(time.now() - (Date.now() + aheadMs))
}

describe("the server's time", () => {
  it("is not told worse by a call that took long, and be it the last", () => {
    const time = new ServerTime(null)
    call(time, { thereMs: 1, backMs: 1 })

    call(time, { thereMs: 2, backMs: 900 })

    expect(errorOf(time)).toBeLessThanOrEqual(2)
  })

  it("is told better by each call that was shorter", () => {
    const time = new ServerTime(null)
    call(time, { thereMs: 4_000, backMs: 0 })
    call(time, { thereMs: 0, backMs: 300 })
    call(time, { thereMs: 3, backMs: 0 })

    expect(errorOf(time)).toBeLessThanOrEqual(3)
  })

  it("is believed anew when the server's clock was set, also by a slow call", () => {
    const time = new ServerTime(null)
    call(time, { thereMs: 1, backMs: 0 })

    call(time, { thereMs: 50, backMs: 50 }, AHEAD_MS - 60_000)

    expect(errorOf(time, AHEAD_MS - 60_000)).toBeLessThanOrEqual(51)
  })

  it("is never further off than half of the shortest call, and what clocks may drift since", () => {
    const way = fc.integer({ min: 0, max: 2_000 })
    fc.assert(
      fc.property(
        fc.array(fc.record({ thereMs: way, backMs: way, laterMs: fc.integer({ min: 0, max: 10_000 }) }), {
          minLength: 1,
        }),
        (calls) => {
          const time = new ServerTime(null)
          let least = Number.POSITIVE_INFINITY
          for (const each of calls) {
            call(time, each)
            least = Math.min(least, (each.thereMs + each.backMs) / 2)
            expect(errorOf(time)).toBeLessThanOrEqual(least + DRIFTED_MS + 1)
            vi.advanceTimersByTime(each.laterMs)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

/** In the longest of these programs, ten calls of up to 4 s with up to 10 s between: a thousandth of it. */
const DRIFTED_MS = 140
