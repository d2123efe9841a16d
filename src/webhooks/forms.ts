import { binaryForm, type CloudEvent, cloudEventOf } from "../core/cloud-event.ts"
import { CarillonError, UnserialisableError } from "../core/errors.ts"
import type { Notification, NotifiedEvent } from "./notifier.ts"
import { legacySignature, signatureHeader } from "./signing.ts"

/** A request's body with what stands before it. The signatures are over exactly these bytes. */
export interface FormedRequest {
  readonly body: Uint8Array<ArrayBuffer>
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
}

/**
 * A notification in the form that its subscription wants, signed with all of its secrets.
 *
 * Every form has the headers of Standard Webhooks: `webhook-id` (the event's), `webhook-timestamp` (of this attempt)
 * and `webhook-signature`; and beside them, unsigned, `webhook-event` (its name), `webhook-attempt` (from 1) and, for a
 * test, `webhook-test: true`. `legacy` also has `x-magento-signature`, by the newest secret.
 *
 * @throws UnserialisableError for data that is not JSON
 */
export function formOf(notification: Notification): FormedRequest {
  const { subscription, event, attempt, isTest, now } = notification
  const { body, contentType, headers } = bodyOf(notification)
  const secrets = subscription.secrets.map(({ secret }) => secret)
  const [id, timestamp] = [webhookId(event.id), Math.floor(now / 1000)]
  return {
    body,
    contentType,
    headers: {
      ...headers,
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signatureHeader({ id, timestamp, body, secrets }),
      "webhook-event": encodeURIComponent(event.name.toWellFormed()),
      "webhook-attempt": String(attempt),
      ...(isTest ? { "webhook-test": "true" } : undefined),
    },
  }
}

const BODIES = { legacy, standard, cloudevents: structured, "cloudevents-binary": binary } as const

function bodyOf(notification: Notification): FormedRequest {
  try {
    return BODIES[notification.subscription.form](notification)
  } catch (cause) {
    if (cause instanceof CarillonError) throw cause
    const why = (cause as Error).message
    throw new UnserialisableError(`Expected the data of a webhook to be JSON, got ${why}.`, { cause })
  }
}

function legacy(notification: Notification): FormedRequest {
  const { subscription } = notification
  const body = bytes(`{"data":${dataOf(notification)}}`)
  const token = subscription.secrets[0]?.secret ?? ""
  return {
    body,
    contentType: "application/json",
    headers: { "x-magento-signature": legacySignature(body, token) },
  }
}

/** As Standard Webhooks recommends: when it happened, not when it is sent. */
function standard(notification: Notification): FormedRequest {
  const { event, isTest } = notification
  const head = `{"type":${JSON.stringify(event.name)},"timestamp":"${event.at.toISOString()}","data":`
  const body = bytes(`${head}${dataOf(notification)}${isTest ? ',"test":true}' : "}"}`)
  return { body, contentType: "application/json", headers: {} }
}

/** What stands in the store is JSON already. */
function dataOf({ data, dataJson }: Notification): string {
  return dataJson ?? JSON.stringify(data ?? null) ?? "null"
}

function structured(notification: Notification): FormedRequest {
  return {
    body: bytes(JSON.stringify(told(notification))),
    contentType: "application/cloudevents+json",
    headers: {},
  }
}

/** An event without data is sent as `null`: there are receivers who read every body as JSON. */
function binary(notification: Notification): FormedRequest {
  const { body, contentType, headers } = binaryForm(told(notification))
  return {
    body: typeof body === "object" && body !== null ? body : bytes(body ?? "null"),
    contentType,
    headers,
  }
}

function told({ event, data, isTest }: Notification): CloudEvent {
  const cloudEvent = cloudEventOf({ ...event, data })
  return isTest ? { ...cloudEvent, webhooktest: true } : cloudEvent
}

/**
 * The event's id as a header can hold it, and without full stops, which part what is signed: with one, an id could
 * be taken for an id and a time. Ids that Carillon makes are as they are; others are percent-encoded where they must.
 */
export function webhookId(id: NotifiedEvent["id"]): string {
  return /^[\w:~-]+$/.test(id)
    ? id
    : id.toWellFormed().replace(/[^\w:~-]/gu, (each) => (each === "." ? "%2E" : encodeURIComponent(each)))
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(text, "utf8")
}
