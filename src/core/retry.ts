import type { Outcome } from "./outcome.ts"
import type { ResolvedPolicy } from "./policy.ts"

/** Why an attempt failed. */
export interface Failure {
  readonly kind: "error" | "timeout" | "permanent" | "retry-after"
  /** At most 2,000 characters. */
  readonly message: string
  /** The first lines of the error's stack, at most 2,000 characters; absent when it has none. */
  readonly stack?: string
  /** For `retry-after`: the time asked for, in milliseconds since 1970. */
  readonly until?: number
  /** For `retry-after`, when the time was given from now on: milliseconds. */
  readonly after?: number
}
/** Everything the retry decision depends on. */
export interface RetryQuestion {
  readonly policy: ResolvedPolicy
  /** The attempt that failed, from 1. */
  readonly attempt: number
  readonly failure: Failure
  /** Milliseconds since 1970. */
  readonly now: number
  /** From 0 up to, not including, 1. */
  readonly random: number
}
export function attemptTimeout(policy: ResolvedPolicy, attempt: number): number {
  return policy.timeout * attempt
}
export function decideRetry(question: RetryQuestion): Outcome {
  return { kind: "dead", error: question.failure.message, reason: "" }
}
export function failureOf(error: unknown): Failure {
  return { kind: "error", message: String(error) }
}
