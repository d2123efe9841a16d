import { describe, expect, it } from "vitest"
import { cursorsOf } from "./cursors.ts"

const old = new Uint8Array(32).fill(1)
const next = new Uint8Array(32).fill(2)
const cursorsWith = (...keys: Uint8Array[]) => cursorsOf(keys, "listEvents", ["acme/master"])

describe("a cursor", () => {
  it("is opened under each key, and sealed under the first", () => {
    const before = cursorsWith(old).seal("7") ?? ""
    const after = cursorsWith(next, old).seal("8") ?? ""

    expect(cursorsWith(next, old).open(before)).toBe("7")
    expect(cursorsWith(next).open(after)).toBe("8")
    expect(() => cursorsWith(next).open(before)).toThrow("a cursor that this list returned")
  })

  it("is good for its list and its scopes, whatever keys there are", () => {
    const cursor = cursorsWith(old).seal("7") ?? ""

    for (const others of [
      cursorsOf([next, old], "listRuns", ["acme/master"]),
      cursorsOf([next, old], "listEvents", ["globex/master"]),
      cursorsOf([next, old], "listEvents", "all"),
    ])
      expect(() => others.open(cursor)).toThrow("a cursor that this list returned")
  })
})
