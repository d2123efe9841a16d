import type { Webhook } from "../../../webhooks/shapes.ts"
import type { Row } from "./conditions.ts"
import { atomTime, shopTime } from "./values.ts"

/** A subscription as a shop answers it: these six, in this order, and never its token. */
export interface AsyncEvent {
  readonly subscription_id: number
  readonly event_name: string // of several, with commas between
  readonly recipient_url: string
  readonly status: boolean
  readonly subscribed_at: string
  readonly store_id: number
}

export function asyncEventOf(webhook: Webhook): AsyncEvent {
  return {
    subscription_id: webhook.no,
    event_name: webhook.events.join(","),
    recipient_url: webhook.recipient,
    status: isOn(webhook),
    subscribed_at: shopTime(webhook.createdAt),
    store_id: webhook.storeId,
  }
}

/** As whoever has just made it is told. */
export function madeAsyncEvent(webhook: Webhook): AsyncEvent {
  return { ...asyncEventOf(webhook), subscribed_at: atomTime(webhook.createdAt) }
}

/** One whose endpoint rests for a while is on. */
function isOn({ state }: Webhook): boolean {
  return state !== "paused" && state !== "disabled"
}

/** What can be searched: with two that are not told, and without the token, of which a search would be an oracle. */
export function asyncEventRow(webhook: Webhook): Row {
  const { notifier, updatedAt } = webhook
  return { ...asyncEventOf(webhook), modified: shopTime(updatedAt), metadata: notifier }
}

export const ASYNC_EVENT_FIELDS = {
  subscription_id: "number",
  event_name: "text",
  recipient_url: "text",
  status: "truth",
  subscribed_at: "time",
  modified: "time",
  metadata: "text",
  store_id: "number",
} as const
