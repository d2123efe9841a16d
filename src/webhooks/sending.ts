import type { Clock } from "../core/clock.ts"
import { codeOf } from "../core/errors.ts"
import type { EventView } from "../core/view.ts"
import { reach } from "../engine/faults.ts"
import type { DeliveryContext } from "../worker/delivery.ts"
import { type Attempted, attempted, thrown } from "./attempt.ts"
import { selectFields } from "./fields.ts"
import type { Asker } from "./lookup.ts"
import type { Notification, NotifiedEvent, Notifier } from "./notifier.ts"
import type { NotifierBook } from "./notifier-book.ts"
import type { OpenedWebhook, OpenedWebhooks } from "./opened-webhooks.ts"

export interface SendingOptions {
  readonly webhooks: OpenedWebhooks
  readonly notifiers: NotifierBook
  readonly clock: Clock
  /** What its receivers get of an event: its data, or what its definition's resolver says. */
  readonly resolve: (event: EventView, asker: Asker) => Promise<unknown>
}

/** What is to be sent, and to which version of a subscription. */
export interface ToSend {
  readonly id: string
  readonly no: number
  readonly revision: number
  readonly timeoutMs: number
  readonly event: EventView
  readonly context: DeliveryContext
}

interface Ready {
  readonly notifier: Notifier
  readonly webhook: OpenedWebhook
  readonly data: unknown
  readonly timeoutMs: number
}

/** Makes one attempt to tell a webhook subscription of an event, and says what it was. */
export class Sending {
  readonly #options: SendingOptions

  constructor(options: SendingOptions) {
    this.#options = options
  }

  async attempt(toSend: ToSend): Promise<Attempted> {
    const startedAt = this.#options.clock.monotonic()
    const ready = await this.#prepare(toSend, startedAt)
    return "error" in ready ? ready : this.#notify(toSend, ready)
  }

  /** What cannot be opened here is our fault; what cannot be looked up is this event's, and the endpoint has no part in it. */
  async #prepare(toSend: ToSend, startedAt: number): Promise<Ready | Attempted> {
    const { webhooks, notifiers, clock, resolve } = this.#options
    const { id, no, revision, event, context } = toSend
    const webhook = await webhooks.get(id, no, revision).catch(asError)
    if (webhook === null) return ours(new Error("its record is gone: it is being removed"))
    if (webhook instanceof Error) return ours(webhook)
    const notifier = notifiers.find(webhook.notifier)
    if (notifier === undefined) return ours(new Error(`this process has no notifier \`${webhook.notifier}\``))
    try {
      const resolved = event.isUnresolved ? await resolve(event, context) : event.data
      const data = selectFields(resolved, webhook.fields)
      const timeoutMs = Math.max(1, Math.round(toSend.timeoutMs - (clock.monotonic() - startedAt)))
      return { notifier, webhook, data, timeoutMs }
    } catch (error) {
      if (wasStopped(context)) return ours(asError(context.signal.reason))
      return { error: asError(error), sign: { kind: "event" }, isOverload: false, disable: null }
    }
  }

  async #notify(toSend: ToSend, ready: Ready): Promise<Attempted> {
    const { clock } = this.#options
    const { context } = toSend
    const { notifier, timeoutMs } = ready
    const startedAt = clock.monotonic()
    const timing = () => ({ timeoutMs, tookMs: clock.monotonic() - startedAt })
    try {
      const result = await notifier.notify(this.#notification(toSend, ready))
      reach("notify.after")
      if (result.details !== undefined) context.record(result.details)
      const made = attempted({ result, ...timing(), now: clock.now() })
      return made.error !== null && wasStopped(context) ? ours(asError(context.signal.reason)) : made
    } catch (error) {
      return wasStopped(context) ? ours(asError(context.signal.reason)) : thrown(asError(error), timing())
    }
  }

  #notification({ event, context }: ToSend, { webhook, data, timeoutMs }: Ready): Notification {
    const isAsStored = data === event.data && event.stored.data !== null
    return {
      subscription: webhook.subscription,
      event: notified(event),
      data,
      ...(isAsStored ? { dataJson: event.stored.data } : undefined),
      deliveryId: context.deliveryId,
      attempt: context.attempt,
      isTest: false,
      signal: context.signal,
      timeoutMs,
      now: this.#options.clock.now(),
    }
  }
}

/** Nothing was sent, or nobody may count what was: it is done again without using up an attempt. */
function ours(error: Error): Attempted {
  return { error, sign: null, isOverload: false, disable: null }
}

/** This process ends, or has lost its lease: what was cut off for that is not the recipient's failure. */
function wasStopped({ signal }: DeliveryContext): boolean {
  if (!signal.aborted) return false
  const code = codeOf(signal.reason)
  return code === "CARILLON_STOPPED" || code === "CARILLON_LEASE_LOST"
}

function notified(view: EventView): NotifiedEvent {
  const { id, name, at, scope, key, sender, metadata, causationId, correlationId, traceparent } = view
  return { id, name, at, scope, key, sender, metadata, causationId, correlationId, traceparent }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
