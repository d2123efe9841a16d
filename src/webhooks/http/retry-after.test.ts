import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { retryAfterMs } from "./retry-after.ts"

const now = Date.UTC(2026, 2, 1, 12, 0, 0)
const DAY_MS = 24 * 60 * 60 * 1000

describe("Retry-After", () => {
  it.each([
    ["0", 0],
    ["1", 1_000],
    [" 120 ", 120_000],
    ["86400", DAY_MS],
    ["86401", DAY_MS],
    ["999999999999999", DAY_MS],
    ["Sun, 01 Mar 2026 12:00:30 GMT", 30_000],
    ["Sunday, 01-Mar-26 12:00:30 GMT", 30_000],
    ["Sun Mar  1 12:00:30 2026", 30_000],
    ["Sun, 01 Mar 2026 11:59:59 GMT", 0],
    ["Sat, 01 Mar 2036 12:00:30 GMT", DAY_MS],
  ])("of %j is %d ms", (text, ms) => {
    expect(retryAfterMs(text, { now })).toBe(ms)
  })

  it.each([
    undefined,
    "",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x10",
    "soon",
    "1 minute",
    "1, 2",
    "9999999999999999",
    "2026-03-01T12:00:30Z",
    "Sun, 01 Mar 2026 12:00:30",
    "Sun, 01 Mar 2026 12:00:30 +0100",
    "Sun, 31 Feb 2026 12:00:30 GMT",
    "Sun, 01 Mrz 2026 12:00:30 GMT",
    "Sun, 01 Mar 2026 25:00:30 GMT",
  ])("of %j says nothing", (text) => {
    expect(retryAfterMs(text, { now })).toBe(null)
  })

  it("as a date is taken by the clock of whoever wrote it", () => {
    const date = "Sun, 01 Mar 2026 11:30:00 GMT"

    expect(retryAfterMs("Sun, 01 Mar 2026 11:32:00 GMT", { date, now })).toBe(120_000)
    expect(retryAfterMs("Sun, 01 Mar 2026 12:02:00 GMT", { date: "nonsense", now })).toBe(120_000)
  })

  it("is null or a time from now to a day, whatever is written", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), (text, date) => {
        const ms = retryAfterMs(text, { date, now })
        expect(ms === null || (ms >= 0 && ms <= DAY_MS)).toBe(true)
      }),
    )
  })

  it("reads what any clock writes as a date", () => {
    const moments = fc.integer({ min: 0, max: DAY_MS / 1_000 })
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: 4_000_000_000 }), (seconds, base) => {
        const from = base * 1_000
        const text = new Date(from + seconds * 1_000).toUTCString()
        expect(retryAfterMs(text, { now: from })).toBe(seconds * 1_000)
      }),
    )
  })
})
