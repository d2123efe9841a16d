import { createHash } from "node:crypto"
import { codeOf } from "../../core/errors.ts"
import type { AttemptDetails } from "../../core/job.ts"
import { formOf } from "../forms.ts"
import type { Notification, NotifierResult } from "../notifier.ts"
import { type AmqpAddress, shownBroker } from "./amqp-address.ts"
import type { AmqpMessage } from "./amqp-publisher.ts"
import { networkFailureOf } from "./network-failure.ts"

/** Where a message goes. */
export interface Destination {
  readonly address: AmqpAddress
  readonly exchange: string
  readonly routingKey: string | null // null = the event's name
}

/** The body in the subscription's form; its headers are headers of the message. */
export function messageOf(
  notification: Notification,
  { exchange, routingKey, address }: Destination,
): Outgoing {
  const { event, subscription, deliveryId, attempt } = notification
  const { body, contentType, headers } = formOf(notification)
  return {
    broker: shownBroker(address),
    exchange,
    routingKey: routingKey ?? event.name,
    content: Buffer.from(body),
    token: `${deliveryId}/${attempt}`,
    properties: {
      persistent: true,
      contentType,
      messageId: shortOf(event.id),
      type: shortOf(event.name),
      timestamp: Math.floor(event.at.getTime() / 1000),
      appId: "carillon",
      headers: { ...subscription.headers, ...headers },
      ...(event.correlationId === null ? {} : { correlationId: shortOf(event.correlationId) }),
    },
  }
}

export interface Outgoing extends AmqpMessage {
  readonly broker: string
}

/** Properties hold 255 bytes; what is longer goes by its hash, and whole in the body or the headers. */
function shortOf(text: string): string {
  return Buffer.byteLength(text) <= 255 ? text : createHash("sha256").update(text).digest("base64url")
}

export function confirmed(notification: Notification, message: Outgoing): NotifierResult {
  const { exchange, routingKey } = message
  const responseData = `The broker has taken it: exchange \`${exchange}\`, routing key \`${routingKey}\`.`
  return { ...resultOf(notification, message, true), success: true, responseData }
}

export async function failed(
  notification: Notification,
  message: Outgoing,
  error: unknown,
): Promise<NotifierResult> {
  const network = await networkFailureOf(error)
  const responseData = network?.message ?? (error as Error).message
  const fault = network?.fault ?? (codeOf(error) === "CARILLON_UNSUPPORTED" ? "sender" : "recipient")
  return { ...resultOf(notification, message, false), success: false, responseData, fault }
}

export function tooLarge(notification: Notification, message: Outgoing, most: number): NotifierResult {
  return {
    ...resultOf(notification, message, false),
    success: false,
    responseData: `Expected a message of at most ${most} bytes, got ${message.content.length}. Have only some \`fields\` sent, or a reference.`,
    isRetryable: false,
    fault: "event",
  }
}

function resultOf({ subscription }: Notification, message: Outgoing, isSent: boolean) {
  const { broker: recipient, content, exchange, routingKey } = message
  const headers = { exchange, "routing-key": routingKey }
  const request = isSent ? { headers, bytes: content.length } : null
  const details: AttemptDetails = { notifier: "amqp", recipient, status: null, request, response: null }
  return { subscriptionId: subscription.id, details }
}
