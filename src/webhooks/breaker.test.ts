import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type EndpointState, restsUntil, SENDING } from "../core/endpoint.ts"
import { type AttemptCounts, afterAttempt, breakerSettings, probing, type Sign, slotsOf } from "./breaker.ts"

const NOW = Date.UTC(2026, 0, 1)
const PROBE = { until: NOW + 20_000, probe: "early" }
const FEW: AttemptCounts = { attempts: 1, failures: 1, timeouts: 0 }
const MANY: AttemptCounts = { attempts: 10, failures: 6, timeouts: 0 }
const success: Sign = { kind: "success" }
const failure: Sign = { kind: "failure", why: "500" }

function taught(
  state: EndpointState,
  sign: Sign,
  over: Partial<AttemptCounts & Learned> = {},
): EndpointState {
  const { attempts, failures, timeouts, ...rest } = { ...FEW, ...over }
  const counts = { attempts, failures, timeouts }
  const learned = { sign, counts, now: NOW, random: 0, passed: 1, concurrency: 10, ...rest }
  return afterAttempt(state, learned, breakerSettings())
}

interface Learned {
  readonly now: number
  readonly random: number
  readonly passed: number
  readonly concurrency: number
}

describe("an endpoint", () => {
  it("is sent to rest when six of ten attempts failed, and not before there were ten", () => {
    expect(taught(SENDING, failure, { attempts: 9, failures: 9 })).toBe(SENDING)
    expect(taught(SENDING, failure, { attempts: 10, failures: 5 })).toBe(SENDING)
    expect(taught(SENDING, failure, MANY)).toMatchObject({
      phase: "resting",
      until: NOW + 30_000,
      why: "500",
    })
  })

  it("is sent to rest at once when three attempts one after another had no answer", () => {
    const timeout: Sign = { kind: "timeout", why: "no answer within 15 s" }

    expect(taught(SENDING, timeout, { attempts: 2, failures: 2, timeouts: 2 })).toBe(SENDING)
    expect(taught(SENDING, timeout, { attempts: 3, failures: 3, timeouts: 3 })).toMatchObject({
      phase: "resting",
    })
  })

  it("rests longer each time that it fails again, up to half an hour", () => {
    let state = taught(SENDING, failure, MANY)
    const rests = [state.until - NOW]
    for (let i = 0; i < 8; i++) {
      state = taught(probing(state, PROBE), failure)
      rests.push(state.until - NOW)
    }

    expect(rests.map((ms) => ms / 1000)).toEqual([30, 60, 120, 240, 480, 960, 1800, 1800, 1800])
  })

  it("gets one attempt when its rest is over, then two, four and eight, then all that its policy lets run", () => {
    const resting = taught(SENDING, failure, MANY)
    let state = probing(resting, PROBE)
    const slots = [slotsOf(resting, 0, NOW), slotsOf(resting, 0, resting.until), slotsOf(state, 0, NOW)]
    for (let passed = 1; passed <= 9; passed++) {
      state = taught(state, success, { passed })
      slots.push(slotsOf(state, passed, NOW))
    }

    expect(slots).toEqual([0, 1, 0, 2, 2, 4, 4, 4, 4, 8, 8, Number.POSITIVE_INFINITY])
    expect(state).toEqual(SENDING)
  })

  it("goes back to rest when it fails while it is taken up again", () => {
    const resting = taught(SENDING, failure, MANY)
    const resuming = taught(probing(resting, PROBE), success)

    expect(taught(resuming, failure)).toMatchObject({ phase: "resting", trips: 2, until: NOW + 60_000 })
  })

  it("lets somebody else try when the one who did is not heard of any more", () => {
    const state = probing(taught(SENDING, failure, MANY), PROBE)

    expect([slotsOf(state, 0, NOW + 19_999), slotsOf(state, 0, NOW + 20_000)]).toEqual([0, 1])
  })

  it("rests as long as it asks for, a day at most, and that counts as no failure", () => {
    const asked = (ms: number): Sign => ({ kind: "asked", until: NOW + ms, why: "429" })
    const hour = 3_600_000

    const state = taught(SENDING, asked(hour))

    expect(state).toMatchObject({ phase: "resting", until: NOW + hour, trips: 0 })
    expect(taught(SENDING, asked(100 * hour)).until).toBe(NOW + 24 * hour)
    expect(taught(state, asked(60_000))).toBe(state)
    expect(taught(state, asked(2 * hour)).until).toBe(NOW + 2 * hour)
  })
})

const signs = fc.oneof(
  fc.constantFrom<Sign>({ kind: "success" }, { kind: "event" }),
  fc.constantFrom<Sign>({ kind: "failure", why: "500" }, { kind: "timeout", why: "hangs" }),
  fc
    .integer({ min: -10_000, max: 200_000_000 })
    .map((ms): Sign => ({ kind: "asked", until: NOW + ms, why: "429" })),
)

const lessons = fc.record({
  sign: signs,
  counts: fc.record({
    attempts: fc.integer({ min: 1, max: 20 }),
    failures: fc.integer({ min: 0, max: 20 }),
    timeouts: fc.integer({ min: 0, max: 5 }),
  }),
  passed: fc.integer({ min: 1, max: 100 }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  concurrency: fc.integer({ min: 1, max: 100 }),
  waitMs: fc.integer({ min: 0, max: 3_600_000 }),
})

/** Plays attempts one after another; what rests is probed as soon as it may be. */
function play(steps: readonly (typeof lessons extends fc.Arbitrary<infer T> ? T : never)[]) {
  let state = SENDING
  let now = NOW
  const seen: { before: EndpointState; state: EndpointState; sign: Sign; now: number }[] = []
  for (const { waitMs, ...step } of steps) {
    now += waitMs
    if (slotsOf(state, step.passed, now) === 0) continue
    if (state.phase === "resting" || state.phase === "probing")
      state = probing(state, { until: now + 20_000, probe: "early" })
    const before = state
    state = afterAttempt(state, { ...step, now }, breakerSettings())
    seen.push({ before, state, sign: step.sign, now })
  }
  return { state, seen, now }
}

describe("whatever its attempts come to, an endpoint", () => {
  const plays = fc.array(lessons, { maxLength: 60 })

  it("never rests without an end, nor longer than a day", () => {
    fc.assert(
      fc.property(plays, (steps) => {
        for (const { state, now } of play(steps).seen) {
          const until = restsUntil(state, now)
          if (until !== null) expect(until - now).toBeLessThanOrEqual(24 * 3_600_000)
          expect(slotsOf(state, 0, until ?? now)).toBeGreaterThan(0)
        }
      }),
    )
  })

  it("is never sent to rest by what succeeds, nor by an event that it refuses", () => {
    fc.assert(
      fc.property(plays, (steps) => {
        for (const { sign, state } of play(steps).seen)
          if (sign.kind === "success" || sign.kind === "event") expect(state.phase).not.toBe("resting")
      }),
    )
  })

  it("is as it was after enough successes", () => {
    fc.assert(
      fc.property(plays, fc.integer({ min: 1, max: 100 }), (steps, concurrency) => {
        let { state, now } = play(steps)
        now = Math.max(now, state.until)
        if (state.phase === "resting") state = probing(state, { until: now + 20_000, probe: "early" })
        for (let passed = 1; passed <= 64; passed++)
          state = taught(state, success, { passed, concurrency, now, failures: 0 })
        expect(state).toEqual(SENDING)
      }),
    )
  })

  it("forgets how often it rested only when it has recovered", () => {
    fc.assert(
      fc.property(plays, (steps) => {
        for (const { before, state } of play(steps).seen)
          if (state.trips < before.trips) expect(state).toEqual(SENDING)
      }),
    )
  })
})
