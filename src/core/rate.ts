import type { RateLimit } from "./policy.ts"

/** What a bucket remembers between two takes; plain JSON. */
export interface RateState {
  readonly tokens: number
  /** When `tokens` was true, in the milliseconds of the caller's clock. */
  readonly at: number
}
/** What a take gave. */
export interface RateGrant {
  readonly granted: number
  readonly state: RateState
  /** When at least one token is there again; never before `now`. */
  readonly nextAt: number
}
export function takeTokens(state: RateState | null, limit: RateLimit, now: number, want: number): RateGrant {
  void limit
  return { granted: want, state: state ?? { tokens: 0, at: now }, nextAt: now }
}
