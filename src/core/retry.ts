import type { Failure } from "./failure.ts"
import type { Outcome } from "./outcome.ts"
import type { ResolvedPolicy } from "./policy.ts"
import { LONGEST_DELAY } from "./policy-rules.ts"

export { type Failure, failureOf } from "./failure.ts"

/** All that the retry decision depends on. */
export interface FailedAttempt {
  readonly policy: ResolvedPolicy
  /** Which attempt failed, from 1. */
  readonly attempt: number
  readonly failure: Failure
  /** Milliseconds since 1970. */
  readonly now: number
  /** From 0 up to, not including, 1. */
  readonly random: number
}

/**
 * What becomes of work whose attempt failed. This is the only place where that is
 * decided, for deliveries, tasks, webhooks and runs alike.
 */
export function decideRetry({ policy, attempt, failure, now, random }: FailedAttempt): Outcome {
  const error = failure.message
  if (failure.kind === "permanent") return { kind: "dead", error, reason: "the error is permanent" }
  if (attempt > policy.retries) return { kind: "dead", error, reason: exhausted(attempt) }
  const own = Math.ceil(now) + backoff(policy, attempt, random)
  const asked = askedFor(failure, now)
  const dueAt = asked === null ? own : failure.notSooner ? Math.max(asked, own) : asked
  return { kind: "retry", dueAt, error }
}

/** How long attempt `attempt` (from 1) may run, in milliseconds: at least 1, never without end. */
export function attemptTimeout(policy: ResolvedPolicy, attempt: number): number {
  return grown(policy.timeout, policy.exponentialTimeoutCoefficient, attempt - 1, policy.maximumTimeout)
}

/** The wait before retry `retry` (from 1): never shorter than the policy says, longer by its jitter at most. */
function backoff(policy: ResolvedPolicy, retry: number, random: number): number {
  const { delays, initialBackoffDelay, exponentialBackoffCoefficient, maximumBackoffDelay } = policy
  const wait =
    delays?.[retry - 1] ??
    grown(initialBackoffDelay, exponentialBackoffCoefficient, retry - 1, maximumBackoffDelay)
  return wait + Math.floor(wait * policy.jitter * random)
}

// A power too large for a number is Infinity, and 0 times that no number at all.
function grown(first: number, coefficient: number, times: number, maximum: number): number {
  if (first === 0) return 0
  return Math.min(maximum, Math.ceil(first * coefficient ** times))
}

/** The time that the handler chose, at least now and at most 30 days away; else `null`. */
function askedFor(failure: Failure, now: number): number | null {
  if (failure.kind !== "retry-after") return null
  const asked = failure.until ?? now + (failure.after ?? Number.NaN)
  if (Number.isNaN(asked)) return null
  return Math.ceil(Math.min(Math.max(asked, now), now + LONGEST_DELAY))
}

function exhausted(attempt: number): string {
  return attempt === 1 ? "its only attempt failed" : `all ${attempt} attempts failed`
}
