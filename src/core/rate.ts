import type { RateLimit } from "./policy.ts"

/** What a bucket remembers between two takes; plain JSON. */
export interface RateState {
  /** What was in the bucket, down to fractions. */
  readonly tokens: number
  /** When that was so, in the milliseconds of the caller's clock. */
  readonly at: number
}

/** What a take gave. */
export interface RateGrant {
  /** A whole number, at most what was wanted. */
  readonly granted: number
  readonly state: RateState
  /** When at least one more token can be had; `now` if one is there already. */
  readonly nextAt: number
}

/**
 * Takes up to `want` tokens from a bucket that gets `limit` of them, evenly, in
 * each `per` milliseconds. `null` is a bucket nobody has taken from: it is full.
 *
 * It holds {@link burstOf} tokens, a tenth of the limit, so that idle time turns
 * into a small burst and not into a second helping. In any stretch of `per`
 * milliseconds at most `limit + burst - 1` are granted: exactly `limit` up to a
 * limit of 10.
 *
 * A clock that goes back fills nothing. If it goes back by more than `per`, the
 * bucket goes on from the new time, so that a clock once set wrong cannot stop
 * the work for longer than `per`.
 */
export function takeTokens(state: RateState | null, limit: RateLimit, now: number, want: number): RateGrant {
  const { tokens, at } = filled(state, limit, now)
  const granted = Math.max(0, Math.min(Math.floor(want), Math.floor(tokens + rounding)))
  const left = tokens - granted
  return { granted, state: { tokens: left, at }, nextAt: nextToken(left, at, limit, now) }
}

/** How many tokens a full bucket holds. */
export function burstOf(limit: RateLimit): number {
  return Math.ceil(limit.limit / 10)
}

// Fractions do not add up exactly; what lacks so little counts as there. It is not given
// away: the bucket then holds less than nothing by as much.
const rounding = 1e-9

function filled(state: RateState | null, limit: RateLimit, now: number): RateState {
  const full = burstOf(limit)
  if (state === null) return { tokens: full, at: now }
  if (now < state.at - limit.per) return { tokens: Math.min(state.tokens, full), at: now }
  const elapsed = Math.max(0, now - state.at)
  const tokens = Math.min(full, state.tokens + (elapsed * limit.limit) / limit.per)
  return { tokens, at: Math.max(now, state.at) }
}

function nextToken(tokens: number, at: number, limit: RateLimit, now: number): number {
  const missing = 1 - tokens - rounding
  if (missing <= 0) return now
  // Each rounded by itself: the sum of a date and a fraction loses the fraction.
  return Math.max(now, Math.ceil(at) + Math.ceil((missing * limit.per) / limit.limit))
}
