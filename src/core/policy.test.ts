import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InvalidPolicyError } from "./errors.ts"
import { DEFAULT_POLICY, type Policy, resolvePolicy } from "./policy.ts"

describe("resolvePolicy", () => {
  it("fills in every default", () => {
    expect(resolvePolicy()).toEqual(DEFAULT_POLICY)
    expect(resolvePolicy(null)).toEqual(DEFAULT_POLICY)
    expect(resolvePolicy({ retries: 1, timeout: undefined })).toEqual({ ...DEFAULT_POLICY, retries: 1 })
  })

  it("puts the subscription's words above the application's, and those above ours", () => {
    const application = { retries: 9, concurrency: 4 }

    expect(resolvePolicy({ retries: 1 }, application)).toEqual({
      ...DEFAULT_POLICY,
      retries: 1,
      concurrency: 4,
    })
  })

  it("counts a list of delays as its retries", () => {
    const policy = resolvePolicy({ delays: [5_000, 300_000] })

    expect(policy).toMatchObject({ retries: 2, delays: [5_000, 300_000] })
    expect(resolvePolicy({ delays: [] }).retries).toBe(0)
  })

  it("drops an inherited list of delays when the subscription speaks of retries", () => {
    const application = { delays: [5_000, 300_000] }

    expect(resolvePolicy({ concurrency: 2 }, application).delays).toEqual([5_000, 300_000])
    expect(resolvePolicy({ initialBackoffDelay: 50 }, application)).toMatchObject({
      delays: null,
      retries: 2,
    })
    expect(resolvePolicy({ delays: null }, application).delays).toBe(null)
  })

  it("lets an inherited maximum or first value give way", () => {
    expect(resolvePolicy({ timeout: 7_200_000 }).maximumTimeout).toBe(7_200_000)
    expect(resolvePolicy({ maximumTimeout: 10_000 }).timeout).toBe(10_000)
    expect(resolvePolicy({ initialBackoffDelay: 86_400_000 }).maximumBackoffDelay).toBe(86_400_000)
    expect(resolvePolicy({ maximumBackoffDelay: 500 }).initialBackoffDelay).toBe(500)
  })

  it("lets an inherited order and a limit to each key give way to each other", () => {
    const limited = { keyConcurrency: 2 }

    expect(resolvePolicy({ order: "hold" }, limited)).toMatchObject({ order: "hold", keyConcurrency: null })
    expect(resolvePolicy(limited, { order: "skip" })).toMatchObject({ order: null, keyConcurrency: 2 })
    expect(resolvePolicy({ order: null, ...limited }).keyConcurrency).toBe(2)
  })

  it("is frozen down to its lists and keeps none of the caller's objects", () => {
    const delays = [1_000]
    const rateLimit = { limit: 10, per: 1_000 }
    const policy = resolvePolicy({ delays, rateLimit })
    delays.push(2_000)
    rateLimit.limit = 99

    expect(policy).toMatchObject({ delays: [1_000], rateLimit: { limit: 10 } })
    expect([policy, policy.delays, policy.rateLimit].every(Object.isFrozen)).toBe(true)
  })

  it.each<[unknown, string]>([
    [{ concurrency: 0 }, "Expected `concurrency` to be a whole number from 1 to 100000, got `0` (number)."],
    [{ globalConcurrency: 0 }, "`globalConcurrency` to be null or a whole number from 1 to 100000, got `0`"],
    [{ keyConcurrency: "2" }, "`keyConcurrency` to be null or a whole number from 1 to 100000"],
    [{ keyConcurrency: 2, order: "hold" }, "`keyConcurrency` to be left out beside `order`"],
    [{ transactional: 1 }, "`transactional` to be true or false, got `1` (number)."],
    [{ retries: 1.5 }, "Expected `retries` to be a whole number from 0 to 10000, got `1.5` (number)."],
    [{ retries: "3" }, 'Expected `retries` to be a whole number from 0 to 10000, got `"3"` (string).'],
    [{ timeout: 0 }, "`timeout` to be a whole number of milliseconds from 1 to 86400000, got `0`"],
    [{ timeout: Number.POSITIVE_INFINITY }, "`timeout` to be a whole number of milliseconds"],
    [{ jitter: 2 }, "`jitter` to be a number from 0 to 1"],
    [{ jitter: Number.NaN }, "`jitter` to be a number from 0 to 1"],
    [{ exponentialBackoffCoefficient: 0.5 }, "a number from 1 to 1000"],
    [{ delays: [1, -1] }, "`delays` to be null or a list of at most 1000 waits"],
    [{ delays: 5 }, "`delays`"],
    [{ delays: [1, 2], retries: 5 }, "`retries` to be left out beside `delays`"],
    [{ rateLimit: { limit: 0, per: 1 } }, "`rateLimit` to be null or `{ limit, per }`"],
    [{ rateLimit: { limit: 1, per: 1, burst: 3 } }, "`rateLimit`"],
    [{ order: "fifo" }, '`order` to be "hold", "skip" or null'],
    [{ order: null, retrys: 3 }, "A policy has no field `retrys`. Did you mean `retries`?"],
    [
      { backoff: "exponential" },
      "A policy has no field `backoff`. A policy has retries, initialBackoffDelay",
    ],
    [{ timeout: 5_000, maximumTimeout: 1_000 }, "`maximumTimeout` to be at least `timeout` (5000)"],
    [{ initialBackoffDelay: 5, maximumBackoffDelay: 1 }, "to be at least `initialBackoffDelay` (5)"],
    [JSON.parse('{"__proto__": 1}'), "A policy has no field `__proto__`"],
    [[], "Expected the policy to be an object, got an array of 0."],
    [3, "Expected the policy to be an object"],
  ])("refuses %j and says how to mend it", (policy, message) => {
    expect(() => resolvePolicy(policy as Policy)).toThrow(InvalidPolicyError)
    expect(() => resolvePolicy(policy as Policy)).toThrow(message)
    expect(() => resolvePolicy({}, policy as Policy)).toThrow(message)
  })

  const wait = fc.integer({ min: 0, max: 2_592_000_000 })
  const time = fc.integer({ min: 1, max: 86_400_000 })
  const policies: fc.Arbitrary<Policy> = fc.record(
    {
      retries: fc.nat(10_000),
      initialBackoffDelay: wait,
      maximumBackoffDelay: wait,
      timeout: time,
      maximumTimeout: time,
      rateLimit: fc.record({ limit: fc.integer({ min: 1, max: 1_000 }), per: time }),
      order: fc.constantFrom("hold", "skip", null),
      globalConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 })),
      keyConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 })),
      transactional: fc.boolean(),
    },
    { requiredKeys: [] },
  )

  it("gives the same when resolved again, also after JSON", () => {
    fc.assert(
      fc.property(policies, (policy) => {
        fc.pre((policy.timeout ?? 0) <= (policy.maximumTimeout ?? 86_400_000))
        fc.pre(!policy.order || !policy.keyConcurrency)
        fc.pre((policy.initialBackoffDelay ?? 0) <= (policy.maximumBackoffDelay ?? 2_592_000_000))
        const resolved = resolvePolicy(policy)
        expect(resolvePolicy(JSON.parse(JSON.stringify(resolved)))).toEqual(resolved)
        expect(resolvePolicy({}, resolved)).toEqual(resolved)
        expect(resolved.timeout).toBeLessThanOrEqual(resolved.maximumTimeout)
      }),
    )
    const listed = resolvePolicy({ delays: [1, 2, 3] })
    expect(resolvePolicy(listed)).toEqual(listed)
  })
})
