import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InvalidInputError } from "./errors.ts"
import { DEFAULT_SCOPE, INSTALLATION, parseScope, scopeKey, scopeKeys } from "./scope.ts"

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

  it.each([["_carillon"], ["_carillon/master"], ["_carillon/installation2"], ["acme/_carillon"]])(
    "refuses %j: nobody's scope is named like the installation's",
    (scope) => {
      expect(() => scopeKey(scope)).toThrow(InvalidInputError)
    },
  )

  it("hands the installation's on, as an event says it", () => {
    expect(scopeKey(parseScope(INSTALLATION))).toBe(INSTALLATION)
    expect(scopeKey(INSTALLATION)).toBe(INSTALLATION)
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

describe("scopeKeys", () => {
  it("gives each scope once, in its short form", () => {
    expect(scopeKeys(["acme", "acme/master", "default/master", "acme/dev"])).toEqual([
      "acme/master",
      "",
      "acme/dev",
    ])
    expect(scopeKeys([])).toEqual([])
  })

  it("says undefined for every scope", () => {
    expect(scopeKeys("all")).toBeUndefined()
    expect(scopeKeys(undefined)).toBeUndefined()
  })

  it.each(["acme/master", null, 7, {}, [7], ["a/b/c"]])(
    "refuses %j, so that a slip does not mean every scope",
    (scopes) => {
      expect(() => scopeKeys(scopes as never)).toThrow(InvalidInputError)
    },
  )
})
