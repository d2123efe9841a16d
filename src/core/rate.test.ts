import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { burstOf, type RateState, takeTokens } from "./rate.ts"

const start = 1_795_000_000_000

describe("takeTokens", () => {
  it("begins with a full bucket of a tenth of the limit", () => {
    const first = takeTokens(null, { limit: 100, per: 60_000 }, start, 500)

    expect(first).toEqual({ granted: 10, state: { tokens: 0, at: start }, nextAt: start + 600 })
  })

  it("spreads a small limit evenly", () => {
    const limit = { limit: 4, per: 60_000 }
    const first = takeTokens(null, limit, start, 2)
    const early = takeTokens(first.state, limit, start + 14_999, 2)
    const due = takeTokens(early.state, limit, first.nextAt, 2)

    expect([first.granted, early.granted, due.granted]).toEqual([1, 0, 1])
    expect(first.nextAt).toBe(start + 15_000)
  })

  it("says now when a token is left", () => {
    expect(takeTokens(null, { limit: 100, per: 1_000 }, start, 3).nextAt).toBe(start)
  })

  it("takes nothing when nothing is wanted", () => {
    expect(takeTokens(null, { limit: 1, per: 1_000 }, start, 0).granted).toBe(0)
  })

  it("gives nothing away when the clock goes back and forth", () => {
    const limit = { limit: 10, per: 1_000 }
    let state: RateState | null = null
    let granted = 0
    for (let i = 0; i < 100; i++) {
      const grant = takeTokens(state, limit, start - (i % 2) * 900, 1)
      granted += grant.granted
      state = grant.state
    }

    expect(granted).toBe(1)
  })

  it("goes on within `per` after a clock that was set far back", () => {
    const limit = { limit: 10, per: 1_000 }
    const before = takeTokens(null, limit, start, 1)
    const back = takeTokens(before.state, limit, start - 3_600_000, 1)

    expect(back.granted).toBe(0)
    expect(takeTokens(back.state, limit, back.nextAt, 1).granted).toBe(1)
    expect(back.nextAt).toBeLessThanOrEqual(start - 3_600_000 + limit.per)
  })

  it("follows a limit that was changed", () => {
    const before = takeTokens(null, { limit: 1_000, per: 1_000 }, start, 1)
    const after = takeTokens(before.state, { limit: 10, per: 1_000 }, start, 100)

    expect(after.granted).toBe(1)
  })

  const limits = fc.record({
    limit: fc.integer({ min: 1, max: 5_000 }),
    per: fc.integer({ min: 1, max: 100_000 }),
  })
  const takes = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 3_000 })), {
    minLength: 1,
    maxLength: 60,
  })

  it("never grants more than the limit and its burst in any stretch of `per`", () => {
    fc.assert(
      fc.property(limits, takes, (limit, steps) => {
        const grants: { at: number; granted: number }[] = []
        let state: RateState | null = null
        let now = start
        for (const [pause, want] of steps) {
          now += pause
          const grant = takeTokens(state, limit, now, want)
          grants.push({ at: now, granted: grant.granted })
          expect(grant.granted).toBeLessThanOrEqual(want)
          state = grant.state
        }
        for (const { at } of grants) {
          const stretch = grants.filter((grant) => grant.at >= at && grant.at < at + limit.per)
          const total = stretch.reduce((sum, grant) => sum + grant.granted, 0)
          expect(total).toBeLessThanOrEqual(limit.limit + burstOf(limit) - 1)
        }
      }),
    )
  })

  it("has a token at the time it names, and none a millisecond sooner", () => {
    fc.assert(
      fc.property(limits, takes, (limit, steps) => {
        let state: RateState | null = null
        let now = start
        for (const [pause] of steps) {
          now += pause
          const grant = takeTokens(state, limit, now, 5_000)
          const { nextAt } = grant
          state = grant.state
          if (nextAt > now) expect(takeTokens(state, limit, nextAt - 1, 1).granted).toBe(0)
          expect(takeTokens(state, limit, nextAt, 1).granted).toBe(1)
        }
      }),
    )
  })

  it("grants the whole limit, over time, to one who comes at the time it names", () => {
    fc.assert(
      fc.property(limits, (limit) => {
        let state: RateState | null = null
        let granted = 0
        let now = start
        for (let takes = 0; takes < 500; takes++) {
          const grant = takeTokens(state, limit, now, 1)
          granted += grant.granted
          state = grant.state
          now = grant.nextAt
        }
        const millisecondsLost = 500
        const ideal = ((now - start - millisecondsLost) * limit.limit) / limit.per
        expect(granted).toBe(500)
        expect(granted).toBeGreaterThanOrEqual(Math.floor(ideal))
      }),
    )
  })
})
