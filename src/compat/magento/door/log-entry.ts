import type { AttemptReport, DeliveryReport } from "../../../bus/delivery-report.ts"
import type { Webhook } from "../../../webhooks/shapes.ts"
import { shopTime } from "./values.ts"

/** One attempt to tell a subscription of an event. Those of one delivery have one uuid. */
export interface LogEntry {
  readonly log_id: string
  readonly uuid: string // of the delivery
  readonly event_id: string
  readonly event_name: string | null // null = its event was pruned
  readonly subscription_id: number
  readonly attempt: number
  readonly success: boolean
  readonly status_code: number | null // of HTTP; null = there was no answer, or it is not by HTTP
  readonly response_data: string
  readonly milliseconds: number
  readonly created: string
}

export const LOG_FIELDS = {
  log_id: "text",
  uuid: "text",
  event_id: "text",
  event_name: "text",
  subscription_id: "number",
  attempt: "number",
  success: "truth",
  status_code: "number",
  response_data: "text",
  milliseconds: "number",
  created: "time",
} as const

export function logEntriesOf(delivery: DeliveryReport, { no }: Webhook): readonly LogEntry[] {
  return delivery.attempts.map((attempt) => ({
    log_id: `${delivery.deliveryId}.${attempt.attempt}`,
    uuid: delivery.deliveryId,
    event_id: delivery.eventId,
    event_name: delivery.eventName,
    subscription_id: no,
    attempt: attempt.attempt,
    success: attempt.outcome === "delivered",
    status_code: attempt.details?.status ?? null,
    response_data: responseOf(attempt),
    milliseconds: attempt.ms,
    created: shopTime(attempt.at),
  }))
}

/** What came back, else why nothing did. */
function responseOf({ details, error }: AttemptReport): string {
  const body = details?.response?.body ?? ""
  return body === "" ? (error ?? "") : body
}

/** In a shop's words, and in some for what it has none. */
export function statusOf({ state, attempts }: DeliveryReport): string {
  if (state === "cancelled") return "Cancelled"
  if (state !== "delivered" && state !== "dead") return "Pending"
  const retries = attempts.length - 1
  const many = retries > 0 ? ` with ${retries} ${retries === 1 ? "retry" : "retries"}` : ""
  return `${state === "dead" ? "Dead Lettered" : "Delivered"}${many}`
}
