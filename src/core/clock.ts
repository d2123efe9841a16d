/** A timer that a clock handed out; only that clock knows what is in it. */
export type Timer = unknown

/**
 * Where time comes from. Nothing in Carillon reads the time elsewhere, so a test
 * that moves its clock moves everything.
 */
export interface Clock {
  /** Wall time in milliseconds since 1970. It may jump, in both directions. */
  now(): number
  /** Milliseconds since some fixed moment. It never goes back; leases and durations are measured with it. */
  monotonic(): number
  setTimeout(fn: () => void, ms: number): Timer
  clearTimeout(timer: Timer): void
}
