import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isTransient, pause, retryAfterOf, waitBeforeNext } from "./retry.ts"

const NOW = Date.parse("2026-03-01T12:00:00Z")
const at = (headers: Record<string, string>) => retryAfterOf(new Headers(headers), NOW)

describe("the wait before the next try", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })

  it("grows to 10 s, is spread over its upper half, and ends with the retries", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 50 }),
        share,
        (tries, retries, random) => {
          const wait = waitBeforeNext({ tries, retries, toldMs: null, random })
          const most = Math.min(10_000, 200 * 2 ** (tries - 1))

          if (tries > retries) expect(wait).toBeNull()
          else {
            expect(wait).toBeGreaterThanOrEqual(Math.floor(most / 2))
            expect(wait).toBeLessThanOrEqual(most)
          }
        },
      ),
    )
  })

  it("is never shorter than what the server said, and none where that is over a minute", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), share, (toldMs, random) => {
        const wait = waitBeforeNext({ tries: 1, retries: 4, toldMs, random })

        if (toldMs > 60_000) expect(wait).toBeNull()
        else {
          expect(wait).toBeGreaterThanOrEqual(toldMs)
          expect(wait).toBeLessThanOrEqual(toldMs + 100)
        }
      }),
    )
  })

  it("ends at once when it is not wanted any more", async () => {
    const stop = new AbortController()
    const waiting = pause(60_000, stop.signal)

    stop.abort(new Error("the page was closed"))

    await expect(waiting).rejects.toThrow("the page was closed")
    await expect(pause(60_000, stop.signal)).rejects.toThrow("the page was closed")
  })
})

describe("Retry-After", () => {
  it("is read as seconds and as a date", () => {
    expect(at({ "retry-after": "3" })).toBe(3_000)
    expect(at({ "retry-after": "Sun, 01 Mar 2026 12:00:07 GMT" })).toBe(7_000)
    expect(at({ "retry-after": "Sun, 01 Mar 2026 11:00:00 GMT" })).toBe(0)
  })

  it("is a date by the clock of the server, where that says what time it is", () => {
    const headers = { "retry-after": "Sun, 01 Mar 2026 15:00:02 GMT", date: "Sun, 01 Mar 2026 15:00:00 GMT" }

    expect(at(headers)).toBe(2_000)
  })

  it.each(["", "soon", "-5", "1.5s", "NaN"])("says nothing as %j", (text) => {
    expect(at({ "retry-after": text })).toBeNull()
  })
})

it("holds for the moment what is too slow, too much or away, and nothing else", () => {
  const statuses = Array.from({ length: 600 }, (_, status) => status).filter(isTransient)

  expect(statuses).toEqual([408, 429, 502, 503, 504])
})
