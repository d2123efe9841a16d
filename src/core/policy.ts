import { expected, InvalidPolicyError } from "./errors.ts"
import { checkedPolicy } from "./policy-rules.ts"

/** At most `limit` attempts are begun in each `per` milliseconds, spread evenly. */
export interface RateLimit {
  /** A whole number from 1 to 1,000,000. */
  readonly limit: number
  /** Milliseconds: a whole number from 1 to 604,800,000 (7 days). */
  readonly per: number
}

/**
 * How deliveries of one subscription are attempted. Times are milliseconds,
 * coefficients plain factors. What is left out comes from the defaults.
 */
export interface Policy {
  /**
   * Attempts after the first: 5 means six in all, 0 means one.
   *
   * @defaultValue 5
   */
  readonly retries?: number
  /**
   * The wait before the first retry.
   *
   * @defaultValue 1_000
   */
  readonly initialBackoffDelay?: number
  /**
   * Each wait is this many times the one before: retry n waits
   * `initialBackoffDelay * exponentialBackoffCoefficient ^ (n - 1)`.
   *
   * @defaultValue 2
   */
  readonly exponentialBackoffCoefficient?: number
  /**
   * No wait is longer than this, but for its jitter.
   *
   * @defaultValue 3_600_000 (1 hour), or `initialBackoffDelay` if that is longer
   */
  readonly maximumBackoffDelay?: number
  /**
   * How long the first attempt may run before its signal is aborted and it counts as failed.
   *
   * @defaultValue 30_000
   */
  readonly timeout?: number
  /**
   * Each attempt may run this many times as long as the one before. Raise it for
   * a receiver that is slow under load: it gets more time instead of more calls.
   *
   * @defaultValue 1
   */
  readonly exponentialTimeoutCoefficient?: number
  /**
   * No attempt runs longer than this.
   *
   * @defaultValue 3_600_000 (1 hour), or `timeout` if that is longer
   */
  readonly maximumTimeout?: number
  /**
   * Attempts of this subscription that may run at one time in one process.
   *
   * @defaultValue 100
   */
  readonly concurrency?: number
  /**
   * The random share added to each wait, so that what failed together does not
   * come back together: 0.2 adds 0 to 20 %. A wait is never shortened.
   *
   * @defaultValue 0.2
   */
  readonly jitter?: number
  /**
   * The waits, one by one. Given, it replaces `retries` and the three backoff
   * settings: its length is the number of retries. `null` for none.
   *
   * @defaultValue null
   */
  readonly delays?: readonly number[] | null
  /**
   * How many attempts may begin in a stretch of time, over all processes; the
   * rest waits. `null` for no limit.
   *
   * @defaultValue null
   */
  readonly rateLimit?: RateLimit | null
  /**
   * Deliver the events of one `key` one after another. When one fails, `"hold"`
   * keeps the later ones of its key waiting until it is delivered or dead;
   * `"skip"` lets them pass while it waits for its retry. `null` for no order,
   * which is much faster.
   *
   * @defaultValue null
   */
  readonly order?: "hold" | "skip" | null
}

/** A policy with every field decided. It is frozen, plain JSON, and may be resolved again. */
export type ResolvedPolicy = { readonly [Field in keyof Policy]-?: Exclude<Policy[Field], undefined> }

/** What a subscription gets that says nothing. */
export const DEFAULT_POLICY: ResolvedPolicy = Object.freeze({
  retries: 5,
  initialBackoffDelay: 1_000,
  exponentialBackoffCoefficient: 2,
  maximumBackoffDelay: 3_600_000,
  timeout: 30_000,
  exponentialTimeoutCoefficient: 1,
  maximumTimeout: 3_600_000,
  concurrency: 100,
  jitter: 0.2,
  delays: null,
  rateLimit: null,
  order: null,
})

/**
 * The policy with every default filled in, checked and frozen.
 *
 * A maximum that is inherited gives way to a longer first value of the policy's
 * own, and an inherited first value to a shorter maximum; only a policy that
 * contradicts itself is refused. One that speaks of retries or backoff drops a
 * list of delays that it inherits.
 *
 * @throws InvalidPolicyError for a value out of range, for settings that
 *   contradict each other, and for a field that does not exist
 */
export function resolvePolicy(policy?: Policy | null, defaults: Policy = DEFAULT_POLICY): ResolvedPolicy {
  const own = checkedPolicy(policy ?? {})
  const inherited = defaults === DEFAULT_POLICY ? DEFAULT_POLICY : resolvePolicy(defaults)
  const merged = { ...inherited, ...own }
  const delays = own.delays === undefined && speaksOfRetries(own) ? null : merged.delays

  return Object.freeze({
    ...merged,
    ...withMaximum("initialBackoffDelay", "maximumBackoffDelay", own, merged),
    ...withMaximum("timeout", "maximumTimeout", own, merged),
    retries: delays === null ? merged.retries : delays.length,
    delays: delays === null ? null : Object.freeze([...delays]),
    rateLimit: merged.rateLimit === null ? null : Object.freeze({ ...merged.rateLimit }),
  })
}

function speaksOfRetries(own: Policy): boolean {
  return (
    own.retries !== undefined ||
    own.initialBackoffDelay !== undefined ||
    own.exponentialBackoffCoefficient !== undefined ||
    own.maximumBackoffDelay !== undefined
  )
}

/** The first value and its maximum, so that the maximum is never the smaller one. */
function withMaximum(
  first: "initialBackoffDelay" | "timeout",
  maximum: "maximumBackoffDelay" | "maximumTimeout",
  own: Policy,
  merged: ResolvedPolicy,
): Partial<ResolvedPolicy> {
  if (merged[first] <= merged[maximum]) return {}
  if (own[maximum] === undefined) return { [maximum]: merged[first] }
  if (own[first] === undefined) return { [first]: merged[maximum] }
  throw new InvalidPolicyError(
    expected(`\`${maximum}\` to be at least \`${first}\` (${merged[first]})`, merged[maximum]),
  )
}
