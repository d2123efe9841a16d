import fc from "fast-check"
import { expect, it } from "vitest"
import { InvalidInputError } from "../core/errors.ts"
import { commitIdFrom } from "../core/ids.ts"
import { earlierOf, formatPosition, isBehind, laterOf, parsePosition } from "./tail-position.ts"

const place = fc.record({
  commitId: fc.integer({ min: 0, max: 2 ** 45 }).map(commitIdFrom),
  index: fc.integer({ min: 0, max: 32_767 }),
})

it("a position is read as it was written, with the newest of its open events", () => {
  fc.assert(
    fc.property(place, fc.array(place, { maxLength: 40 }), (told, open) => {
      expect(parsePosition(formatPosition({ told, open }))).toEqual({ told, open: open.slice(-32) })
    }),
  )
})

it("a position fits into a header, however many events are open", () => {
  const told = { commitId: commitIdFrom(2 ** 45), index: 32_767 }

  const position = formatPosition({ told, open: new Array(500).fill(told) })

  expect(position.length).toBeLessThan(1_200)
})

it.each(["", "0", 7, null, `${commitIdFrom(1)}`, `${commitIdFrom(1)}.x`, `${commitIdFrom(1)}.1~`, "~"])(
  "what no tail has said is refused: %j",
  (position) => {
    expect(() => parsePosition(position)).toThrow(InvalidInputError)
  },
)

it("of two places one is earlier, and the other later", () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      expect(isBehind(laterOf(a, b), earlierOf(b, a)) || JSON.stringify(a) === JSON.stringify(b)).toBe(true)
    }),
  )
})
