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
   * Attempts of this subscription that may run at one time over all processes
   * together; the rest waits. `null` for no limit, which is faster: each limited
   * delivery is a row of its own.
   *
   * @defaultValue null
   */
  readonly globalConcurrency?: number | null
  /**
   * Attempts that may run at one time of one event `key`, over all processes; the
   * rest waits, in no promised order. Events without a key are not bound by it.
   * Not beside `order`, which is one at a time already. `null` for no limit.
   *
   * @defaultValue null
   */
  readonly keyConcurrency?: number | null
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
  /**
   * Settle each delivery in the database transaction in which its handler writes
   * (`ctx.tx`), so that its effect happens once, even when the process dies
   * between the two. Only on a store that is the application's own database.
   *
   * @defaultValue false
   */
  readonly transactional?: boolean
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
  globalConcurrency: null,
  keyConcurrency: null,
  jitter: 0.2,
  delays: null,
  rateLimit: null,
  order: null,
  transactional: false,
})

/**
 * The policy with every default filled in, checked and frozen.
 *
 * A maximum that is inherited gives way to a longer first value of the policy's
 * own, and an inherited first value to a shorter maximum; so do an inherited
 * `order` and `keyConcurrency` to each other. Only a policy that contradicts
 * itself is refused. One that speaks of retries or backoff drops a list of delays
 * that it inherits.
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
    ...orderOrLimit(own, merged),
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

/** One key is either kept in order, and so one at a time, or bounded. */
function orderOrLimit(own: Policy, merged: ResolvedPolicy): Partial<ResolvedPolicy> {
  if (merged.order === null || merged.keyConcurrency === null) return {}
  if (own.keyConcurrency === undefined) return { keyConcurrency: null }
  if (own.order === undefined) return { order: null }
  throw new InvalidPolicyError(
    expected(
      "`keyConcurrency` to be left out beside `order`, which delivers the events of one key one at a time",
      own.keyConcurrency,
    ),
  )
}
