import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Outcome } from "./outcome.ts"
import { type Policy, type ResolvedPolicy, resolvePolicy } from "./policy.ts"
import { attemptTimeout, decideRetry, type Failure } from "./retry.ts"

const now = 1_795_000_000_000
const broken: Failure = { kind: "error", message: "The CMS is down" }

function decide(policy: Policy, attempt: number, failure: Failure = broken, random = 0): Outcome {
  return decideRetry({ policy: resolvePolicy(policy), attempt, failure, now, random })
}

function waitOf(outcome: Outcome): number {
  if (outcome.kind !== "retry") throw new Error(`Expected a retry, got ${outcome.kind}`)
  return outcome.dueAt - now
}

describe("decideRetry", () => {
  it("doubles the wait from one second up to one hour", () => {
    const waits = [1, 2, 3, 12, 13, 40].map((attempt) => waitOf(decide({ retries: 50 }, attempt)))

    expect(waits).toEqual([1_000, 2_000, 4_000, 2_048_000, 3_600_000, 3_600_000])
  })

  it("adds at most the jitter", () => {
    expect(waitOf(decide({}, 1, broken, 0.5))).toBe(1_100)
    expect(waitOf(decide({}, 1, broken, 0.999999))).toBe(1_199)
    expect(waitOf(decide({ jitter: 0 }, 1, broken, 0.999999))).toBe(1_000)
  })

  it("gives up when no retry is left", () => {
    expect(decide({ retries: 2 }, 2).kind).toBe("retry")
    expect(decide({ retries: 2 }, 3)).toEqual({
      kind: "dead",
      error: "The CMS is down",
      reason: "all 3 attempts failed",
    })
    expect(decide({ retries: 0 }, 1)).toMatchObject({ kind: "dead", reason: "its only attempt failed" })
  })

  it("does not try a permanent error again", () => {
    const outcome = decide({ retries: 5 }, 1, { kind: "permanent", message: "The shop is closed" })

    expect(outcome).toEqual({ kind: "dead", error: "The shop is closed", reason: "the error is permanent" })
  })

  it("treats a timeout like any other failure", () => {
    expect(waitOf(decide({}, 1, { kind: "timeout", message: "Longer than 30000 ms" }))).toBe(1_000)
  })

  it("goes through a list of delays, and no further", () => {
    const policy = { delays: [5_000, 300_000, 0], jitter: 0 }

    expect([1, 2, 3].map((attempt) => waitOf(decide(policy, attempt)))).toEqual([5_000, 300_000, 0])
    expect(decide(policy, 4).kind).toBe("dead")
  })

  describe("when the handler chose the time", () => {
    const at = (until: number): Failure => ({ kind: "retry-after", message: "busy", until })
    const from = (after: number): Failure => ({ kind: "retry-after", message: "busy", after })

    it("keeps it, even beyond the maximum delay", () => {
      expect(waitOf(decide({}, 1, at(now + 90 * 60_000), 0.9))).toBe(90 * 60_000)
      expect(waitOf(decide({}, 1, from(250), 0.9))).toBe(250)
    })

    it("waits 30 days at most", () => {
      const days = 30 * 86_400_000

      expect(waitOf(decide({}, 1, at(now + 2 * days)))).toBe(days)
      expect(waitOf(decide({}, 1, from(Number.POSITIVE_INFINITY)))).toBe(days)
    })

    it("takes a time that has passed as now", () => {
      expect(waitOf(decide({}, 1, at(now - 5_000)))).toBe(0)
      expect(waitOf(decide({}, 1, from(-1)))).toBe(0)
    })

    it("leaves a time that is none to the policy", () => {
      expect(waitOf(decide({}, 1, at(Number.NaN)))).toBe(1_000)
      expect(waitOf(decide({}, 1, { kind: "retry-after", message: "busy" }))).toBe(1_000)
    })

    it("is not sooner than the policy would be, where the handler says so", () => {
      const least = (after: number): Failure => ({ ...from(after), notSooner: true })

      expect(waitOf(decide({}, 1, least(250)))).toBe(1_000)
      expect(waitOf(decide({}, 1, least(90_000)))).toBe(90_000)
    })

    it("uses up an attempt", () => {
      expect(decide({ retries: 1 }, 2, from(10)).kind).toBe("dead")
    })
  })

  const policies = fc
    .record({
      retries: fc.integer({ min: 0, max: 10_000 }),
      initialBackoffDelay: fc.integer({ min: 0, max: 86_400_000 }),
      exponentialBackoffCoefficient: fc.double({ min: 1, max: 1_000, noNaN: true }),
      maximumBackoffDelay: fc.integer({ min: 86_400_000, max: 2_592_000_000 }),
      timeout: fc.integer({ min: 1, max: 1_000_000 }),
      exponentialTimeoutCoefficient: fc.double({ min: 1, max: 1_000, noNaN: true }),
      maximumTimeout: fc.integer({ min: 1_000_000, max: 86_400_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map((policy) => resolvePolicy(policy))
  const attempts = fc.integer({ min: 1, max: 10_001 })
  const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  it("is never early, and never later than the jitter allows", () => {
    fc.assert(
      fc.property(policies, attempts, randoms, (policy, attempt, random) => {
        const outcome = decideRetry({ policy, attempt, failure: broken, now, random })
        expect(outcome.kind).toBe(attempt > policy.retries ? "dead" : "retry")
        if (outcome.kind === "dead") return
        const wait = waitOf(outcome)
        const growth = policy.exponentialBackoffCoefficient ** (attempt - 1)
        const asked = policy.initialBackoffDelay === 0 ? 0 : policy.initialBackoffDelay * growth
        const least = Math.min(asked, policy.maximumBackoffDelay)
        expect(Number.isSafeInteger(wait)).toBe(true)
        expect(wait).toBeGreaterThanOrEqual(least)
        expect(wait).toBeLessThanOrEqual(Math.ceil(least) * (1 + policy.jitter))
      }),
      { numRuns: 1_000 },
    )
  })

  it("never shortens a wait from one retry to the next, but for the jitter", () => {
    fc.assert(
      fc.property(policies, attempts, (policy, attempt) => {
        const waits = [attempt, attempt + 1].map((n) =>
          waitOf(
            decideRetry({
              policy: { ...policy, retries: 20_000 },
              attempt: n,
              failure: broken,
              now,
              random: 0,
            }),
          ),
        )
        expect(waits[1]).toBeGreaterThanOrEqual(waits[0] ?? 0)
      }),
    )
  })

  it("gives every attempt an end", () => {
    fc.assert(
      fc.property(policies, attempts, (policy, attempt) => {
        const timeout = attemptTimeout(policy, attempt)
        expect(Number.isSafeInteger(timeout)).toBe(true)
        expect(timeout).toBeGreaterThanOrEqual(policy.timeout)
        expect(timeout).toBeLessThanOrEqual(policy.maximumTimeout)
      }),
    )
  })
})

describe("attemptTimeout", () => {
  it("stays the same by default", () => {
    const policy = resolvePolicy({})

    expect([1, 2, 6].map((attempt) => attemptTimeout(policy, attempt))).toEqual([30_000, 30_000, 30_000])
  })

  it("grows with each attempt up to its maximum", () => {
    const policy: ResolvedPolicy = resolvePolicy({
      timeout: 3_000,
      exponentialTimeoutCoefficient: 2,
      maximumTimeout: 10_000,
    })

    expect([1, 2, 3, 2_000].map((attempt) => attemptTimeout(policy, attempt))).toEqual([
      3_000, 6_000, 10_000, 10_000,
    ])
  })
})
