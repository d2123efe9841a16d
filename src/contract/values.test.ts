import { expect, it } from "vitest"
import { moment } from "./values.ts"

it.each([
  ["0", "1970-01-01T00:00:00.000Z"],
  ["15", "1970-01-01T00:00:00.015Z"],
  ["2026", "2026-01-01T00:00:00.000Z"],
  ["1772357400000", "2026-03-01T09:30:00.000Z"],
  ["99999999999999", "5138-11-16T09:46:39.999Z"],
  ["2026-03-01", "2026-03-01T00:00:00.000Z"],
  ["2026-03-01T10:30:00+01:00", "2026-03-01T09:30:00.000Z"],
])("takes %s for a moment", (text, at) => {
  expect(moment.parse(text).toISOString()).toBe(at)
})

it.each(["", "-1", "yesterday", "2026-02-30", "2026-03-01T25:00:00Z", "999999999999999"])(
  "takes %j for none",
  (text) => {
    expect(moment.safeParse(text).success).toBe(false)
  },
)
