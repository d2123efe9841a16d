import { InvalidInputError } from "../core/errors.ts"
import type { WebhookRecord } from "./record.ts"
import type { OpenFields } from "./sealing.ts"
import type { WebhookChange } from "./shapes.ts"

type Place = Pick<WebhookRecord, "notifier" | "recipient" | "options">

/**
 * Refuses to take sealed headers and credentials along to somebody else: who may change a subscription may not read
 * them, and would by having them sent to a place of their own.
 *
 * @throws InvalidInputError
 */
export function checkSealedReach(
  change: WebhookChange,
  { headers, credentials }: OpenFields,
  { from, to }: { readonly from: Place; readonly to: Place },
): void {
  if (whoseOf(from) === whoseOf(to)) return
  const sealed = { headers, credentials }
  for (const field of ["headers", "credentials"] as const)
    if (Object.keys(sealed[field]).length > 0 && change[field] === undefined) throw notTheirs(field)
}

/** Who gets what is sent: paths of one origin are one and the same. */
function whoseOf({ notifier, recipient, options }: Place): string {
  const { endpoint = null, region = null } = options
  return JSON.stringify([notifier, originOf(recipient), endpoint, region])
}

function originOf(recipient: string): string {
  const url = URL.canParse(recipient) ? new URL(recipient) : null
  return url === null || url.host === "" ? recipient : `${url.protocol}//${url.host}`
}

function notTheirs(field: string): InvalidInputError {
  return new InvalidInputError(
    `Expected \`${field}\` beside another recipient, got none: those that are kept sealed are for the one before. Give them anew, or \`{}\` to drop them.`,
  )
}
