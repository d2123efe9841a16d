import { describe, expect, it } from "vitest"
import { grantOf } from "./grant.ts"

describe("the scopes of a grant", () => {
  it("are all of them by that word, which is no account's name", () => {
    expect(grantOf({ scope: ["all"] }).scopes).toBe("all")
    expect(grantOf({ scope: ["all/master"] }).scopes).toEqual(["all/master"])
    expect(grantOf({}).scopes).toBeUndefined()
  })

  it("are all of them or some", () => {
    expect(() => grantOf({ scope: ["all", "acme/master"] })).toThrow(/or.*`all`/)
  })
})
