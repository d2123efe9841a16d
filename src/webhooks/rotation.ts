import { expected, InvalidInputError } from "../core/errors.ts"
import type { BodyForm, EndpointSecret } from "./notifier.ts"
import { checkedSecret } from "./secrets.ts"

const HOUR_MS = 3_600_000
export const USUAL_OVERLAP_MS = 24 * HOUR_MS
const LONGEST_OVERLAP_MS = 7 * 24 * HOUR_MS

/** Every signature goes with every request: receivers read so many headers. */
const MOST_OLD_SECRETS = 10

export interface Rotation {
  readonly secret: string
  readonly overlapMs: number
  readonly now: number
}

/**
 * The secrets with a new one before them. Those before stay good for the overlap, and none of them for longer than it
 * had: whoever says 0 ends them all.
 *
 * @throws InvalidInputError for an overlap that cannot be, a secret that is there already, and too many old ones
 */
export function rotated(
  secrets: readonly EndpointSecret[],
  { secret, overlapMs, now }: Rotation,
): readonly EndpointSecret[] {
  if (!Number.isInteger(overlapMs) || overlapMs < 0 || overlapMs > LONGEST_OVERLAP_MS)
    throw new InvalidInputError(
      expected(`\`overlapMs\` to be a whole number from 0 to ${LONGEST_OVERLAP_MS} (7 days)`, overlapMs),
    )
  const end = now + overlapMs
  const inForce = secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
  const old = inForce
    .map((each) => ({ ...each, expiresAt: Math.min(each.expiresAt ?? end, end) }))
    .filter(({ expiresAt }) => expiresAt > now)
  if (inForce.some((each) => each.secret === secret))
    throw new InvalidInputError(
      "Expected a secret that is not in use, got one that is. Leave it out, and one is made for you.",
    )
  if (old.length > MOST_OLD_SECRETS)
    throw new InvalidInputError(
      `Expected at most ${MOST_OLD_SECRETS} old secrets that are still good, there would be ${old.length}. Wait until the first of them ends, or give an \`overlapMs\` of 0, which ends them all.`,
    )
  return [{ secret, createdAt: now, expiresAt: null }, ...old]
}

/** The secrets that requests of this form can be signed with; the others wait for the form to be one of theirs. */
export function secretsFor(form: BodyForm, secrets: readonly EndpointSecret[]): readonly EndpointSecret[] {
  return secrets.filter(({ secret }) => refusalOf(secret, form) === null)
}

/** @throws InvalidInputError where requests of this form cannot be signed with the current one */
export function checkSecrets(form: BodyForm, secrets: readonly EndpointSecret[]): void {
  const current = secrets.find(({ expiresAt }) => expiresAt === null)
  const cause = refusalOf(current?.secret, form)
  if (cause === null) return
  throw new InvalidInputError(
    `Expected a webhook whose secret is good for the form \`${form}\`, got another: rotate its secret first, to one that begins with \`whsec_\`, which is good for every form.`,
    { cause },
  )
}

/** Why a form cannot be signed with it; null = it can. */
function refusalOf(secret: unknown, form: BodyForm): unknown {
  try {
    checkedSecret(secret, form)
    return null
  } catch (error) {
    return error
  }
}
