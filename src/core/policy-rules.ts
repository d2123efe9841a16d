import { expected, InvalidPolicyError } from "./errors.ts"
import { nearestName } from "./pattern.ts"
import type { Policy } from "./policy.ts"

/** The fields that are given, each within its range. */
export function checkedPolicy(policy: unknown): Policy {
  if (!isRecord(policy)) throw new InvalidPolicyError(expected("the policy to be an object", policy))
  const given = Object.entries(policy).filter(([, value]) => value !== undefined)
  for (const [field, value] of given) checkField(field, value)
  const own: Policy = Object.fromEntries(given)
  if (own.delays && own.retries !== undefined && own.retries !== own.delays.length) {
    throw new InvalidPolicyError(
      expected(
        `\`retries\` to be left out beside \`delays\`, or to be their number (${own.delays.length})`,
        own.retries,
      ),
    )
  }
  return own
}

function checkField(field: string, value: unknown): void {
  const rule = Object.hasOwn(rules, field) ? rules[field as keyof Policy] : undefined
  if (rule === undefined) {
    const near = nearestName(field, Object.keys(rules))
    const mend =
      near === null ? `A policy has ${Object.keys(rules).join(", ")}.` : `Did you mean \`${near}\`?`
    throw new InvalidPolicyError(`A policy has no field \`${field}\`. ${mend}`)
  }
  if (!rule.holds(value)) throw new InvalidPolicyError(expected(`\`${field}\` to be ${rule.what}`, value))
}

/** The longest wait there is, whoever asks for it: a policy, a list of delays, a handler. */
export const LONGEST_DELAY = 30 * 86_400_000

// Long enough for any attempt, and well below the 24.8 days at which timers wrap round.
const longestTimeout = 86_400_000
const mostDelays = 1_000

interface Rule {
  readonly what: string
  readonly holds: (value: unknown) => boolean
}

const delay = whole(0, LONGEST_DELAY, "milliseconds")
const rateLimitParts = { limit: whole(1, 1_000_000), per: whole(1, 604_800_000) }

const rules: Readonly<Record<keyof Policy, Rule>> = {
  retries: whole(0, 10_000),
  initialBackoffDelay: delay,
  exponentialBackoffCoefficient: factor(1, 1_000),
  maximumBackoffDelay: delay,
  timeout: whole(1, longestTimeout, "milliseconds"),
  exponentialTimeoutCoefficient: factor(1, 1_000),
  maximumTimeout: whole(1, longestTimeout, "milliseconds"),
  concurrency: whole(1, 100_000),
  globalConcurrency: orNull(whole(1, 100_000)),
  keyConcurrency: orNull(whole(1, 100_000)),
  jitter: factor(0, 1),
  delays: {
    what: `null or a list of at most ${mostDelays} waits, each ${delay.what}`,
    holds: (value) =>
      value === null || (Array.isArray(value) && value.length <= mostDelays && value.every(delay.holds)),
  },
  rateLimit: {
    what: "null or `{ limit, per }`: whole numbers, `limit` from 1 to 1000000, `per` in milliseconds from 1 to 604800000",
    holds: (value) =>
      value === null ||
      (isRecord(value) &&
        Object.keys(value).length === 2 &&
        rateLimitParts.limit.holds(value.limit) &&
        rateLimitParts.per.holds(value.per)),
  },
  order: {
    what: '"hold", "skip" or null',
    holds: (value) => value === null || value === "hold" || value === "skip",
  },
  transactional: { what: "true or false", holds: (value) => typeof value === "boolean" },
}

function whole(from: number, to: number, unit?: string): Rule {
  return {
    what: `a whole number ${unit === undefined ? "" : `of ${unit} `}from ${from} to ${to}`,
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to,
  }
}

function orNull({ what, holds }: Rule): Rule {
  return { what: `null or ${what}`, holds: (value) => value === null || holds(value) }
}

function factor(from: number, to: number): Rule {
  return {
    what: `a number from ${from} to ${to}`,
    holds: (value) => typeof value === "number" && value >= from && value <= to,
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
