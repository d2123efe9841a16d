import { WEBHOOK_RECORDS } from "../core/subscription.ts"
import type { KeyRing, SealedPlace } from "../identity/key-ring.ts"
import type { SealedCollection } from "../identity/sealed.ts"
import type { BodyForm, EndpointSecret, NotifiedSubscription } from "./notifier.ts"
import { secretsFor } from "./rotation.ts"

/**
 * What a webhook subscription needs beside its entry in the catalog, which says what it hears and on which terms: it is
 * not routing's business, and secrets do not belong into old versions of a catalog.
 */
export interface WebhookRecord {
  readonly id: string // sub_…, as in the catalog
  readonly group: string
  readonly notifier: string // its key
  readonly recipient: string
  readonly form: BodyForm
  readonly description: string
  readonly fields: readonly string[] | null // of the data; null = all of it
  readonly storeId: number // 0 = every store
  readonly options: Readonly<Record<string, unknown>> // of the notifier, without what is secret
  readonly secrets: string // sealed JSON of EndpointSecret[], the newest first
  readonly headers: string | null // sealed JSON of name → value; null = none
  readonly credentials: string | null // sealed JSON: what of the options is secret; null = none
  // What may be told of these without opening them.
  readonly headerNames: readonly string[]
  readonly credentialNames: readonly string[]
  readonly oldSecretsUntil: readonly number[] // epoch ms: when those end that were replaced
  readonly disabled: Disabled | null // null = it is enabled
  readonly revision: number // one more with each change
  readonly createdAt: number // epoch ms
  readonly updatedAt: number
}

/** Nothing is sent while it is disabled; what it gets waits, as when it is paused. */
export interface Disabled {
  readonly at: number // epoch ms
  readonly reason: DisableReason
  readonly detail: string
  readonly paused?: true // it was paused before, and is again when it is enabled
}

export const DISABLE_REASONS = ["by hand", "gone", "failing"] as const
export type DisableReason = (typeof DISABLE_REASONS)[number]

/** The collection and the fields of it that are sealed. */
export const WEBHOOKS = {
  collection: WEBHOOK_RECORDS,
  fields: ["secrets", "headers", "credentials"],
} as const satisfies SealedCollection

export function sealedIn(id: string, field: (typeof WEBHOOKS.fields)[number]): SealedPlace {
  return { collection: WEBHOOKS.collection, id, field }
}

/** With what was sealed open, as its notifier gets it. Secrets whose time is over, or whose form is another, are left out. */
export function openedWebhook(
  ring: KeyRing,
  record: WebhookRecord,
  { no, now }: { readonly no: number; readonly now: number },
): NotifiedSubscription {
  const { id, recipient, form, options } = record
  const credentials = openSealed(ring, record, "credentials")
  const secrets = openSealed(ring, record, "secrets") as readonly EndpointSecret[]
  return {
    id,
    no,
    recipient,
    form,
    options: credentials === null ? options : { ...options, credentials },
    headers: (openSealed(ring, record, "headers") ?? {}) as Readonly<Record<string, string>>,
    secrets: secretsFor(form, secrets).filter(({ expiresAt }) => expiresAt === null || expiresAt > now),
  }
}

export function openSealed(
  ring: KeyRing,
  record: WebhookRecord,
  field: (typeof WEBHOOKS.fields)[number],
): unknown {
  const sealed = record[field]
  return sealed === null ? null : JSON.parse(ring.open(sealedIn(record.id, field), sealed))
}
