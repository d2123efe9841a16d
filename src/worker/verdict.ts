import type { AttemptRecord } from "../core/job.ts"
import type { Outcome } from "../core/outcome.ts"
import { decideRetry, failureOf } from "../core/retry.ts"
import type { Delivery } from "./delivery.ts"
import type { Desk } from "./desk.ts"
import { policyFor } from "./event-policy.ts"

/** What becomes of a delivery whose handler failed: the one retry decision, with the event's own wishes. */
export function outcomeOf(desk: Desk, delivery: Delivery, error: unknown): Outcome {
  const failure = failureOf(error)
  const outcome = decideRetry({
    policy: policyFor(delivery.handler.policy, delivery.view.extra),
    attempt: delivery.attempt,
    failure,
    now: desk.clock.now(),
    random: desk.random(),
  })
  delivery.outcome = outcome.kind
  desk.failed(delivery, outcome, failure)
  return outcome
}

export function recordOf(
  desk: Desk,
  delivery: Delivery,
  outcome: Outcome,
  ms: number,
  worker: number,
): AttemptRecord {
  const base = {
    attempt: delivery.attempt,
    at: Math.round(desk.clock.now() - ms),
    ms: Math.round(ms * 1000) / 1000,
    outcome: outcome.kind,
    worker,
  }
  const { details } = delivery
  const detailed = details === null ? base : { ...base, details }
  return "error" in outcome ? { ...detailed, error: outcome.error } : detailed
}
