import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { EndpointSecret } from "./notifier.ts"
import { checkSecrets, rotated, secretsFor } from "./rotation.ts"
import { newSecret } from "./secrets.ts"

const DAY_MS = 86_400_000
const first: readonly EndpointSecret[] = [{ secret: "first", createdAt: 0, expiresAt: null }]
const steps = fc.array(
  fc.record({ after: fc.nat(10 * DAY_MS), overlapMs: fc.integer({ min: 0, max: 7 * DAY_MS }) }),
  { maxLength: 9 },
)

describe("a rotated secret", () => {
  it("is the current one, and no old one lasts longer than it had, nor than the overlap", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let secrets = first
        let now = 0
        for (const [i, { after, overlapMs }] of all.entries()) {
          now += after
          const before = new Map(secrets.map((each) => [each.secret, each.expiresAt]))

          secrets = rotated(secrets, { secret: `secret ${i}`, overlapMs, now })

          const [current, ...old] = secrets
          expect(current).toEqual({ secret: `secret ${i}`, createdAt: now, expiresAt: null })
          for (const { secret, expiresAt } of old) {
            expect(expiresAt).toBeGreaterThan(now)
            expect(expiresAt).toBeLessThanOrEqual(now + overlapMs)
            expect(expiresAt).toBeLessThanOrEqual(before.get(secret) ?? Number.POSITIVE_INFINITY)
          }
        }
      }),
    )
  })

  it("leaves the one before it good for exactly the overlap", () => {
    const secrets = rotated(first, { secret: "second", overlapMs: DAY_MS, now: 1_000 })

    expect(secrets).toEqual([
      { secret: "second", createdAt: 1_000, expiresAt: null },
      { secret: "first", createdAt: 0, expiresAt: 1_000 + DAY_MS },
    ])
  })

  it("that was used before and has ended may come back, and one in use may not", () => {
    const secrets = rotated(first, { secret: "second", overlapMs: 10, now: 0 })

    expect(() => rotated(secrets, { secret: "first", overlapMs: 10, now: 9 })).toThrow(/not in use/)
    expect(rotated(secrets, { secret: "first", overlapMs: 10, now: 10 })[0]?.secret).toBe("first")
  })
})

it("another form is signed with the secrets that are good for it, and asks for another where the current one is none", () => {
  const good = { secret: newSecret(), createdAt: 0, expiresAt: null }
  const old = { secret: "a token", createdAt: 0, expiresAt: 1 }

  expect(secretsFor("standard", [good, old])).toEqual([good])
  expect(secretsFor("legacy", [good, old])).toEqual([good, old])
  expect(() => checkSecrets("standard", [good, old])).not.toThrow()
  expect(() => checkSecrets("standard", [{ ...old, expiresAt: null }])).toThrow(/rotate its secret/)
})
