import { expect, it } from "vitest"
import { shortBytes, shortDuration } from "./amounts.ts"

it("says a time in the unit that fits it", () => {
  expect([820, 12_000, 180_000, 7_200_000, 345_600_000].map(shortDuration)).toEqual([
    "820 ms",
    "12 s",
    "3 min",
    "2 h",
    "4 d",
  ])
})

it("says a size in the unit that fits it", () => {
  expect([0, 999, 1_500, 12_345_000, 3_400_000_000, 2e15].map(shortBytes)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.5 kB",
    "12 MB",
    "3.4 GB",
    "2000 TB",
  ])
})
