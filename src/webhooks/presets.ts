import { expected, InvalidPolicyError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import { type Policy, type ResolvedPolicy, resolvePolicy } from "../core/policy.ts"
import type { PolicyPreset } from "./shapes.ts"

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** An endpoint is one machine of somebody else's. */
const COMMON = { timeout: 15 * SECOND_MS, maximumTimeout: 30 * SECOND_MS, concurrency: 10 } as const

/** No attempt may hold its slot for longer, whatever a policy says. */
const LONGEST_TIMEOUT_MS = MINUTE_MS

/** Policies by their names. */
const PRESETS: Readonly<Record<PolicyPreset, ResolvedPolicy>> = Object.freeze({
  // The schedule that Standard Webhooks recommends: ten attempts in 75 hours and 35 minutes.
  "multi-day": resolvePolicy({
    ...COMMON,
    delays: [
      5 * SECOND_MS,
      5 * MINUTE_MS,
      30 * MINUTE_MS,
      2 * HOUR_MS,
      5 * HOUR_MS,
      10 * HOUR_MS,
      14 * HOUR_MS,
      20 * HOUR_MS,
      24 * HOUR_MS,
    ],
  }),
  // What Magento's module for async events does: 1, 4, 9, 16 and 25 seconds, and nothing by chance.
  magento: resolvePolicy({ ...COMMON, delays: [1, 4, 9, 16, 25].map((n) => n * SECOND_MS), jitter: 0 }),
})

/**
 * The policy of a webhook subscription. What a policy leaves out comes from the one before; a preset replaces it whole.
 *
 * @throws InvalidPolicyError
 */
export function webhookPolicy(
  given: Policy | PolicyPreset | undefined,
  before: ResolvedPolicy = PRESETS["multi-day"],
): ResolvedPolicy {
  if (typeof given === "string") return presetOf(given)
  const policy = resolvePolicy(given, before)
  if (policy.transactional)
    throw new InvalidPolicyError(
      "Expected the policy of a webhook without `transactional`: what it does is done in another's house, not in a transaction of the store.",
    )
  for (const field of ["timeout", "maximumTimeout"] as const)
    if (policy[field] > LONGEST_TIMEOUT_MS)
      throw new InvalidPolicyError(
        expected(`\`${field}\` of a webhook to be at most ${LONGEST_TIMEOUT_MS} (ms)`, policy[field]),
      )
  return policy
}

function presetOf(name: string): ResolvedPolicy {
  if (Object.hasOwn(PRESETS, name)) return PRESETS[name as PolicyPreset]
  const names = Object.keys(PRESETS)
  const near = nearestName(name, names)
  const mend = near === null ? `There are ${names.join(" and ")}.` : `Did you mean \`${near}\`?`
  throw new InvalidPolicyError(`${expected("`policy` to be a policy or the name of one", name)} ${mend}`)
}
