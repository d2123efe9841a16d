import type { EventExtra } from "../core/event.ts"
import { type ResolvedPolicy, resolvePolicy } from "../core/policy.ts"

/** A subscription's policy with what the event itself asks for: Medusa's `attempts` and `backoff`. */
export function policyFor(policy: ResolvedPolicy, extra: EventExtra): ResolvedPolicy {
  return extra.policy === undefined ? policy : resolvePolicy(extra.policy, policy)
}
