import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InvalidInputError } from "./errors.ts"
import { DEFAULT_SCOPE, parseScope, scopeKey } from "./scope.ts"

describe("scopeKey", () => {
  it.each([
    [undefined, ""],
    ["", ""],
    [{}, ""],
    [DEFAULT_SCOPE, ""],
    ["default/master", ""],
    [{ account: "acme" }, "acme/master"],
    [{ workspace: "dev" }, "default/dev"],
    [{ account: "acme", workspace: "dev" }, "acme/dev"],
    ["acme/dev", "acme/dev"],
    ["acme", "acme/master"],
  ])("of %j is %j", (scope, key) => {
    expect(scopeKey(scope)).toBe(key)
  })

  it.each([
    ["acme/dev/x"],
    ["acme/"],
    ["/dev"],
    [".."],
    ["acme dev"],
    [{ account: "" }],
    [{ account: "ac/me" }],
    [{ account: 7 }],
    [{ workspace: "a".repeat(65) }],
    [null],
    [7],
  ])("refuses %j", (scope) => {
    expect(() => scopeKey(scope as never)).toThrow(InvalidInputError)
  })

  it("is undone by parseScope", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/)

    fc.assert(
      fc.property(fc.record({ account: name, workspace: name }), (scope) => {
        expect(parseScope(scopeKey(scope))).toEqual(scope)
      }),
    )
    expect(parseScope("")).toEqual({ account: "default", workspace: "master" })
  })
})
