import fc from "fast-check"
import { expect, it } from "vitest"
import { keyOfLine, lineOf } from "./line.ts"

const key = fc.string({ minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text))
const scope = fc.constantFrom("", "acme/master", "acme/dev", "globex/master")

it("a line is of one scope and one key, and of no other", () => {
  fc.assert(
    fc.property(scope, key, scope, key, (scopeA, keyA, scopeB, keyB) => {
      const isSame = scopeA === scopeB && keyA === keyB

      expect(lineOf(scopeA, keyA) === lineOf(scopeB, keyB)).toBe(isSame)
      expect(keyOfLine(lineOf(scopeA, keyA))).toBe(keyA)
    }),
  )
})
