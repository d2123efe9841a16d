import { describe, expect, it } from "vitest"
import { localTime, parseDuration, parseTime } from "./time.ts"

describe("a duration", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    ["1.5h", 5_400_000],
    ["250", 250],
  ])("%s is %i milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(["", "soon", "-5s", "5 parsecs"])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow(/Expected a duration/)
  })
})

describe("a time", () => {
  it("counts back from now when it is a duration", () => {
    expect(Date.now() - parseTime("2h").getTime()).toBeCloseTo(7_200_000, -3)
  })

  it("takes ISO dates with and without a zone", () => {
    expect(parseTime("2026-03-01T12:00:00Z").toISOString()).toBe("2026-03-01T12:00:00.000Z")
    expect(parseTime("2026-03-01T12:00").getHours()).toBe(12)
    expect(parseTime("2026-03-01").getHours()).toBe(0)
  })

  it.each(["yesterday", "12", "2026-13-40", "0x10"])("refuses %j", (text) => {
    expect(() => parseTime(text)).toThrow(/Expected a time/)
  })

  it("is shown in local ISO form that reads back as the same moment", () => {
    const date = new Date("2026-03-01T12:00:00.123Z")

    expect(localTime(date)).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.123[+-]\d{2}:\d{2}$/)
    expect(new Date(localTime(date)).getTime()).toBe(date.getTime())
  })
})
