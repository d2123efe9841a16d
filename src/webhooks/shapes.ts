import type { Policy, ResolvedPolicy } from "../core/policy.ts"
import type { Scope } from "../core/scope.ts"
import type { BodyForm, SecretKind } from "./notifier.ts"
import type { DisableReason } from "./record.ts"

/** A webhook subscription to be. */
export interface NewWebhook {
  /** Event names or wildcards, one or several (at most 100): `order.placed`, `customer.*`. */
  readonly events: string | readonly string[]
  /** Where it goes: a URL for `http`; what other notifiers understand (a bus, a queue). */
  readonly recipient: string
  /** @defaultValue "http" */
  readonly notifier?: string
  /** @defaultValue "standard" */
  readonly form?: BodyForm
  /**
   * What receivers check signatures with: `whsec_…` or `whsk_…`; any text of 1 to 1,000 characters for `legacy`.
   *
   * @defaultValue one is made and returned, once
   */
  readonly secret?: string
  /** Of which kind one is made that is left out: `ed25519` is checked with a public key. @defaultValue "hmac" */
  readonly secretKind?: SecretKind
  /** Whose workers send it. @defaultValue the Carillon's own group */
  readonly group?: string
  /** For people. */
  readonly description?: string
  /**
   * Only events of this scope; null = of every one, which is for those who may see all.
   *
   * @defaultValue the one scope of whoever makes it, else the Carillon's own
   */
  readonly scope?: Partial<Scope> | string | null
  /** Only events of this store of a shop, and those of none; 0 = of every store. @defaultValue 0 */
  readonly storeId?: number
  /** An event pattern, as in EventBridge; null = none. It sees what was emitted, or the arguments that were published. */
  readonly filter?: unknown
  /** Only events of this sender; null = of any. */
  readonly sender?: string | null
  /** Which fields of the data are sent, by their paths: `id`, `customer.email`, `items.sku`. @defaultValue all */
  readonly fields?: readonly string[] | null
  /** Sent with each request; kept sealed. */
  readonly headers?: Readonly<Record<string, string>>
  /** What the notifier needs beside. */
  readonly options?: Readonly<Record<string, unknown>>
  /** What of that is secret; kept sealed. */
  readonly credentials?: Readonly<Record<string, string>>
  /**
   * Retries, time limits, concurrency, rate limit, order; or a preset: `multi-day` (ten attempts in 76 hours) or
   * `magento` (six in 55 seconds). What is left out comes from `multi-day`.
   *
   * @defaultValue "multi-day"
   */
  readonly policy?: Policy | PolicyPreset
  /** @defaultValue true */
  readonly enabled?: boolean
  /** Where it begins. @defaultValue "now" */
  readonly start?: "now" | "beginning" | Date
}

export type PolicyPreset = "multi-day" | "magento"

/**
 * What is left out stays as it is, within a policy as well; headers, options and credentials are replaced as a whole.
 * Its secret is changed by `rotateSecret`.
 */
export type WebhookChange = Partial<Omit<NewWebhook, "secret" | "secretKind" | "group" | "start">>

/** A webhook subscription as it stands. Its secrets are never told again. */
export interface Webhook {
  readonly id: string // sub_…
  readonly no: number // the same for people and systems that count
  readonly group: string
  readonly events: readonly string[]
  readonly recipient: string
  readonly notifier: string
  readonly form: BodyForm
  readonly description: string
  readonly scope: string | null // `account/workspace`; "" = the default scope; null = every scope
  readonly storeId: number
  readonly filter: unknown
  readonly sender: string | null
  readonly fields: readonly string[] | null
  readonly headers: readonly string[] // their names
  readonly options: Readonly<Record<string, unknown>>
  readonly credentials: readonly string[] // their names
  readonly policy: ResolvedPolicy
  /**
   * `disabled` and `paused` let what comes wait; `resting` = its endpoint fails, and is left alone for a while;
   * `stalled` = nothing can be sent there for a fault of Carillon's own, such as a key that is missing.
   */
  readonly state: "active" | "paused" | "disabled" | "resting" | "stalled"
  /** null = it does not rest. */
  readonly resting: { readonly until: Date; readonly why: string } | null
  /** Since when, and why; null = nothing keeps Carillon from sending. */
  readonly stalled: { readonly since: Date; readonly why: string } | null
  /** null = it is enabled. */
  readonly disabled: { readonly at: Date; readonly reason: DisableReason; readonly detail: string } | null
  /** When secrets that were replaced end, the current one left out. */
  readonly oldSecretsUntil: readonly Date[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** With its secret, which nobody can ask for again. */
export interface MadeWebhook extends Webhook {
  readonly secret: string
  /** Of an ed25519 secret: what receivers check with. */
  readonly publicKey: string | null
}
