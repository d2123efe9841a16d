import { SENDING } from "../core/endpoint.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { OpenFields } from "./sealing.ts"
import type { NewWebhook, WebhookChange } from "./shapes.ts"
import type { StoredWebhook } from "./store.ts"
import type { GivenTerms } from "./terms.ts"
import { webhookOf } from "./webhook-report.ts"

/** What a new webhook is where nothing is said. */
const USUAL = {
  form: "standard",
  description: "",
  storeId: 0,
  filter: null,
  sender: null,
  fields: null,
  headers: {},
  options: {},
  credentials: {},
  policy: "multi-day",
} as const

/** @throws InvalidInputError for what is no wish, or has fields that there are not */
export function termsOfNew(wish: NewWebhook): GivenTerms {
  checkNames(wish, [...NAMES, "secret", "secretKind", "group", "start"])
  return { ...USUAL, ...said(wish) } as GivenTerms
}

/** What it is to be after a change: the policy, of which a part may be said, is worked out elsewhere. */
export function termsOfChange(change: WebhookChange, stored: StoredWebhook, open: OpenFields): GivenTerms {
  const { events, recipient, form, description, storeId, filter, sender, fields, options } = webhookOf(
    stored,
    {
      state: SENDING,
      now: 0,
    },
  )
  const { headers, credentials } = open
  const before = { events, recipient, form, description, storeId, filter, sender, fields, options }
  return { policy: undefined, ...before, headers, credentials, ...said(change) } as GivenTerms
}

/** @throws InvalidInputError */
export function checkChange(change: WebhookChange): void {
  checkNames(change, NAMES)
}

/** @throws InvalidInputError: a slip would leave a secret in force that somebody wanted to end */
export function checkRotation(options: unknown): void {
  checkNames(options, ["secret", "secretKind", "overlapMs"], "a change of a secret")
}

const NAMES = [
  "events",
  "recipient",
  "notifier",
  "form",
  "description",
  "scope",
  "storeId",
  "filter",
  "sender",
  "fields",
  "headers",
  "options",
  "credentials",
  "policy",
  "enabled",
]

function checkNames(wish: unknown, names: readonly string[], what = "a webhook"): void {
  if (typeof wish !== "object" || wish === null || Array.isArray(wish))
    throw new InvalidInputError(expected(`${what} to be described by an object`, wish))
  for (const name of Object.keys(wish)) {
    if (names.includes(name)) continue
    const near = nearestName(name, names)
    const mend = near === null ? `There are ${names.join(", ")}.` : `Did you mean \`${near}\`?`
    throw new InvalidInputError(`Expected a setting of ${what}, got \`${name}\`. ${mend}`)
  }
}

/** Somebody who says undefined says nothing. */
function said(wish: object): object {
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))
}
