import { expected, InvalidInputError } from "../core/errors.ts"
import { compileFilter } from "../core/filter.ts"
import { compileNamePattern } from "../core/pattern.ts"
import type { Policy, ResolvedPolicy } from "../core/policy.ts"
import type { SubscriptionDefinition } from "../core/subscription.ts"
import { checkedFields } from "./fields.ts"
import { BODY_FORMS, type BodyForm } from "./notifier.ts"
import { webhookPolicy } from "./presets.ts"
import type { WebhookRecord } from "./record.ts"
import type { PolicyPreset } from "./shapes.ts"
import { boundToStore, checkedStoreId } from "./store-id.ts"

/** What a webhook subscription is to be, as somebody says it, with nothing left out. */
export interface GivenTerms {
  readonly events: unknown
  readonly recipient: unknown
  readonly form: unknown
  readonly description: unknown
  readonly storeId: unknown
  readonly filter: unknown
  readonly sender: unknown
  readonly fields: unknown
  readonly headers: unknown
  readonly options: unknown
  readonly credentials: unknown
  readonly policy: Policy | PolicyPreset | undefined
}

/** The same, checked: what goes into the catalog, into the record, and what is sealed there. */
export interface Terms {
  readonly definition: Pick<
    SubscriptionDefinition,
    "pattern" | "otherPatterns" | "filter" | "sender" | "policy"
  >
  readonly record: Pick<
    WebhookRecord,
    "recipient" | "form" | "description" | "fields" | "storeId" | "options"
  >
  readonly headers: Texts
  readonly credentials: Texts
}

export type Texts = Readonly<Record<string, string>>

/** @throws InvalidInputError, InvalidFilterError, InvalidPolicyError */
export function checkedTerms(given: GivenTerms, before?: ResolvedPolicy): Terms {
  const [pattern, ...otherPatterns] = checkedPatterns(given.events)
  const storeId = checkedStoreId(given.storeId)
  return {
    definition: {
      pattern,
      ...(otherPatterns.length > 0 ? { otherPatterns } : {}),
      filter: boundToStore(checkedFilter(given.filter), storeId),
      sender: given.sender === null ? null : checkedText("sender", given.sender, 255),
      policy: webhookPolicy(given.policy, before),
    },
    record: {
      recipient: checkedText("recipient", given.recipient, 2_048).trim(), // a URL with blanks around it is one without
      form: checkedForm(given.form),
      description: given.description === "" ? "" : checkedText("description", given.description, 500),
      fields: checkedFields(given.fields),
      storeId,
      options: checkedOptions(given.options),
    },
    headers: checkedTexts("headers", given.headers),
    credentials: checkedTexts("credentials", given.credentials),
  }
}

const MOST_PATTERNS = 100

function checkedPatterns(events: unknown): [string, ...string[]] {
  const given = Array.isArray(events) ? events : [events]
  if (given.length === 0 || given.length > MOST_PATTERNS)
    throw new InvalidInputError(
      expected(`\`events\` to be 1 to ${MOST_PATTERNS} event names or wildcards`, events),
    )
  for (const pattern of given) compileNamePattern(pattern)
  return [...new Set(given)] as [string, ...string[]]
}

/** A copy, in which nobody changes anything any more. */
function checkedFilter(filter: unknown): Readonly<Record<string, unknown>> | null {
  if (filter === null || filter === undefined) return null
  compileFilter(filter)
  return JSON.parse(JSON.stringify(filter))
}

function checkedForm(form: unknown): BodyForm {
  if (BODY_FORMS.includes(form as BodyForm)) return form as BodyForm
  throw new InvalidInputError(expected(`\`form\` to be one of ${BODY_FORMS.join(", ")}`, form))
}

function checkedText(field: string, text: unknown, most: number): string {
  const isText = typeof text === "string" && text.trim() !== "" && text.length <= most
  if (isText && !/\p{Cc}/u.test(text) && text.isWellFormed()) return text
  // It may hold a password: what came is not said.
  const came = typeof text === "string" ? `text of ${text.length} characters` : typeof text
  throw new InvalidInputError(
    `Expected \`${field}\` to be text of 1 to ${most} characters without control characters, got ${came}.`,
  )
}

const MOST_OPTIONS_BYTES = 8_192

function checkedOptions(options: unknown): Readonly<Record<string, unknown>> {
  const kept = isPlain(options) ? JSON.stringify(options) : undefined
  if (kept === undefined || kept.length > MOST_OPTIONS_BYTES)
    throw new InvalidInputError(
      expected(`\`options\` to be a plain object of at most ${MOST_OPTIONS_BYTES} bytes as JSON`, options),
    )
  if (Object.hasOwn(options as object, "credentials"))
    throw new InvalidInputError(
      "Expected `options` without `credentials`, which would be kept in the open, got some. Hand them over as `credentials` of the webhook, beside `options`.",
    )
  return JSON.parse(kept)
}

const MOST_TEXTS = 50
const LONGEST_TEXT = 4_096

/** What of names is allowed is for the notifier to say. */
function checkedTexts(field: "headers" | "credentials", texts: unknown): Texts {
  if (isPlain(texts) && Object.hasOwn(texts, "__proto__"))
    throw new InvalidInputError(
      `Expected \`${field}\` without the name \`__proto__\`, which would be lost on the way, got one.`,
    )
  const entries = isPlain(texts) ? Object.entries(texts) : null
  const isFine = ([name, value]: [string, unknown]): boolean =>
    name !== "" && typeof value === "string" && name.length + value.length <= LONGEST_TEXT
  if (entries !== null && entries.length <= MOST_TEXTS && entries.every(isFine))
    return Object.fromEntries(entries) as Texts
  throw new InvalidInputError(
    `Expected \`${field}\` to be an object of at most ${MOST_TEXTS} names with texts, of ${LONGEST_TEXT} characters each together, got another.`,
  )
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
