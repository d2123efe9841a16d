import type { AttemptDetails } from "../core/job.ts"
import type { Scope } from "../core/scope.ts"

/** How webhook subscriptions are delivered: by HTTP, to a bus, into a queue, or in a way of your own. */
export interface Notifier {
  /** What subscriptions name it by: `http`, `eventbridge`. */
  readonly key: string
  /** Other names of it. */
  readonly aliases?: readonly string[]
  /**
   * Refuses a recipient or options that it could not deliver to, when a subscription is made or changed.
   *
   * @throws InvalidInputError
   */
  check?(wish: NotifierWish): void | Promise<void>
  /** One attempt. What it throws is a failure that may be tried again; it heeds `signal`. */
  notify(notification: Notification): Promise<NotifierResult>
  /** Ends connections that it holds. */
  close?(): Promise<void>
}

export interface NotifierWish {
  readonly recipient: string
  readonly form: BodyForm
  readonly headers: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, unknown>> // with `credentials` among them where it has some
  /** Whoever makes it is bound to scopes: what this process may do elsewhere, by a role of its own, is not theirs to use. */
  readonly isBound?: boolean
}

/**
 * What a body looks like: `legacy` is `{"data": …}` with `x-magento-signature`; `standard` is Standard Webhooks;
 * `cloudevents` a CloudEvent in structured mode, `cloudevents-binary` one in its headers, both signed as `standard`.
 */
export const BODY_FORMS = ["legacy", "standard", "cloudevents", "cloudevents-binary"] as const
export type BodyForm = (typeof BODY_FORMS)[number]

/** One attempt to tell a webhook subscription of an event. */
export interface Notification {
  readonly subscription: NotifiedSubscription
  readonly event: NotifiedEvent
  /** The event's data, or what its definition's resolver returned; of it, the fields that the subscription wants. */
  readonly data: unknown
  /** The same as JSON, where somebody has it at hand. */
  readonly dataJson?: string
  /** The same for every attempt. */
  readonly deliveryId: string
  /** From 1. */
  readonly attempt: number
  /** Somebody wants to see whether it arrives: there is no such event in the store. */
  readonly isTest: boolean
  /** Aborted when the time is over, and when this process ends. */
  readonly signal: AbortSignal
  /** How long the attempt may take in all, in milliseconds. */
  readonly timeoutMs: number
  /** When it is made, epoch milliseconds. */
  readonly now: number
}

export interface NotifiedEvent {
  readonly id: string
  readonly name: string
  readonly at: Date
  readonly scope: Scope
  readonly key: string | null
  readonly sender: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
}

/** A webhook subscription with its secrets open. */
export interface NotifiedSubscription {
  readonly id: string // sub_…
  readonly no: number // its number in the catalog
  readonly recipient: string // a URL, a bus, a queue: as its notifier understands it
  readonly form: BodyForm
  readonly secrets: readonly EndpointSecret[] // those in force, the newest first
  readonly headers: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, unknown>> // of its notifier, with `credentials` among them where it has some
}

/** `hmac` is shared with the receiver; of `ed25519` the receiver gets the public key, and cannot sign. */
export type SecretKind = "hmac" | "ed25519"

/** What a receiver checks signatures with. */
export interface EndpointSecret {
  /** `whsec_…` (HMAC), `whsk_…` (ed25519), or any text where the form is `legacy`. */
  readonly secret: string
  readonly createdAt: number // epoch ms
  readonly expiresAt: number | null // epoch ms; null = it is the current one
}

export interface NotifierResult {
  readonly success: boolean
  readonly subscriptionId: string
  /** What came back, or why nothing did; it is the attempt's error where it failed. */
  readonly responseData: string
  /** Whether another attempt may do better. @defaultValue true */
  readonly isRetryable?: boolean
  /** When the recipient wants to hear again: milliseconds from now, or a time. It holds for all of its deliveries. */
  readonly retryAfter?: number | Date
  /**
   * Whose fault it was: the recipient's, which counts against its health; this one event's (another may pass); or our
   * own, which uses up no attempt. @defaultValue "recipient"
   */
  readonly fault?: "recipient" | "event" | "sender"
  /** The recipient wants nothing more: the subscription is disabled for this reason. */
  readonly disable?: string
  /** What is kept of the attempt. */
  readonly details?: AttemptDetails
}
