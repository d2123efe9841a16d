import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canSee, canSeeAll, covers, hasResource, isAllowed, type Power } from "./access.ts"
import { PERMISSION_NAMES } from "./permissions.ts"

const keys = ["", "acme/master", "acme/test", "globex/master"]
const scopes = fc.oneof(
  fc.constant("all" as const),
  fc.uniqueArray(fc.constantFrom(...keys), { minLength: 1 }),
)
const permissions = fc.oneof(
  fc.constant("all" as const),
  fc.uniqueArray(fc.constantFrom(...PERMISSION_NAMES)).map((names) => new Set(names)),
)
const names = ["Magento_Sales::actions_view", "Magento_Customer::manage"]
const resources = fc.uniqueArray(fc.constantFrom(...names)).map((some) => new Set(some))
const power: fc.Arbitrary<Power> = fc.record(
  { permissions, scopes, resources },
  { requiredKeys: ["permissions", "scopes"] },
)

describe("what somebody may do", () => {
  it("covers another's exactly if the other could do nothing that they could not", () => {
    fc.assert(
      fc.property(power, power, (own, wanted) => {
        const places = [...keys, "initech/master"]
        const has = (what: (who: Power) => boolean): boolean =>
          places.some((key) => {
            const can = (who: Power): boolean => what(who) && canSee(who, key)
            return can(wanted) && !can(own)
          })
        const isMore =
          PERMISSION_NAMES.some((name) => has((who) => isAllowed(who, name))) ||
          names.some((name) => has((who) => hasResource(who, name)))

        if (covers(own, wanted)) expect(isMore).toBe(false)
        // What is refused beyond that: all scopes or permissions that there will ever be, or scopes without a permission.
        if (isMore) expect(covers(own, wanted)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it("covers itself", () => {
    fc.assert(fc.property(power, (own) => covers(own, own)))
  })

  it("in some scopes never reaches what belongs to all", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...keys)), (some) => !canSeeAll({ scopes: some }, "all")),
    )
  })
})
