import { z } from "@hono/zod-openapi"
import { DELIVERY_STATES } from "../bus/delivery-report.ts"
import { pageOf, pageQuery, scopedQuery, searchQuery, spanQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, text, words } from "./values.ts"

const headers = z.record(z.string(), z.string())

export const details = z
  .object({
    notifier: z.string(),
    recipient: z.string().meta({ description: "Without the values of its query" }),
    status: z.int().nullable().meta({ description: "Of HTTP; null = there was no answer" }),
    request: z.object({ headers, bytes: z.int() }).nullable(),
    response: z
      .object({ headers, body: z.string(), isCut: z.boolean() })
      .nullable()
      .meta({ description: "The beginning of the answer's body; `isCut`: there was more" }),
  })
  .meta({ id: "AttemptDetails", description: "What was sent and answered; secrets are masked" })

const attempt = z
  .object({
    attempt: z.int(),
    at: instant,
    ms: z.number(),
    outcome: z.enum(["delivered", "retry", "dead", "cancelled", "crashed"]),
    error: z.string().nullable(),
    worker: z.int(),
    details: details.nullable().meta({ description: "Of webhooks" }),
  })
  .meta({ id: "Attempt" })

const together = z
  .object({ deliveries: z.int(), averageMs: z.number(), longestMs: z.number(), settledAt: instant })
  .meta({ id: "SettledTogether" })

/** What became of one event for one subscription. */
export const delivery = z
  .object({
    deliveryId: z.string(),
    eventId: z.string(),
    eventName: z.string().nullable().meta({ description: "null = its event was pruned" }),
    subscription: z.string(),
    group: z.string(),
    replay: z.int().meta({ description: "0 = the emit itself; else the number of the replay" }),
    state: z.enum(DELIVERY_STATES),
    home: z.enum(["job", "part", "batch"]).meta({ description: "What the store keeps it in" }),
    why: z.string().nullable().meta({ description: "Why it is so, in words" }),
    since: instant,
    dueAt: instant.nullable().meta({ description: "null = as soon as there is room" }),
    error: z.string().nullable(),
    worker: z.int().nullable(),
    attempts: z.array(attempt).meta({ description: "Every attempt that is known, oldest first" }),
    together: together.nullable().meta({
      description: "What is known instead of single attempts; null also for who is bound to scopes",
    }),
  })
  .meta({ id: "Delivery" })

/** How a subscription is named in a filter. */
export const subscriptionQuery = {
  subscription: words(600)
    .optional()
    .meta({
      description: "Its id, or its subscriber's where that has one only",
      examples: ["sync-cms@brand.created"],
    }),
  group: words(255)
    .optional()
    .meta({ description: "Whose subscription it is. By default the server's own group" }),
}

const deadQuery = {
  ...subscriptionQuery,
  name: words(255).optional().meta({ description: "The event's name, exact" }),
  ...searchQuery,
  ...scopedQuery,
  ...spanQuery,
  ...pageQuery,
}

/** Which deliveries are meant. */
const selection = z
  .strictObject({
    ids: z.array(words(600)).min(1).max(1_000).optional().meta({
      description:
        "Delivery ids, event ids for all deliveries of those events, or replay ids for all of those replays",
    }),
    subscription: subscriptionQuery.subscription,
    group: subscriptionQuery.group,
    name: words(255).optional().meta({ description: "The event's name, exact" }),
    all: z.boolean().optional().meta({ description: "All there are, of every group" }),
    dryRun: z.boolean().optional().meta({ description: "Only count. By default false" }),
  })
  .meta({ id: "DeliverySelection" })

const redriveSelection = selection
  .extend({
    retrying: z.boolean().optional().meta({
      description: "Also what failed and waits for its next attempt: it is made now. By default false",
    }),
  })
  .meta({ id: "RedriveSelection" })

const skipped = z.array(z.object({ id: z.string(), why: z.string() })).meta({
  description: "What was named and left as it is",
})
const redriven = z.object({ redriven: z.int(), skipped, dryRun: z.boolean() }).meta({ id: "Redriven" })
const cancelled = z.object({ cancelled: z.int(), skipped, dryRun: z.boolean() }).meta({ id: "Cancelled" })

const tag = "Deliveries"
const named = z.strictObject({ id: text("The delivery's id", "dlv_01JNQ…") })

export const listDeliveries = route({
  id: "listDeliveries",
  method: "get",
  path: "/api/deliveries",
  tag,
  summary: "List deliveries, newest first",
  reach: "scope",
  permission: "VIEW_DELIVERIES",
  query: z.strictObject({ state: z.enum(DELIVERY_STATES).optional(), ...deadQuery }),
  response: pageOf(delivery),
  refusals: { 404: "There is no such subscription" },
})

export const getDelivery = route({
  id: "getDelivery",
  method: "get",
  path: "/api/deliveries/{id}",
  tag,
  summary: "Get a delivery with its attempts",
  reach: "scope",
  permission: "VIEW_DELIVERIES",
  params: named,
  query: z.strictObject(scopedQuery),
  response: delivery,
})

export const listDeadLetters = route({
  id: "listDeadLetters",
  method: "get",
  path: "/api/dead-letters",
  tag,
  summary: "List deliveries that have no attempts left, newest first",
  reach: "scope",
  permission: "VIEW_DELIVERIES",
  query: z.strictObject(deadQuery),
  response: pageOf(delivery),
  refusals: { 404: "There is no such subscription" },
})

export const redriveDelivery = route({
  id: "redriveDelivery",
  method: "post",
  path: "/api/deliveries/{id}/redrive",
  tag,
  summary: "Send a dead letter again",
  description: "Under the same id, with all its attempts. What is no dead letter comes back under `skipped`.",
  reach: "scope",
  permission: "UPDATE_DELIVERIES",
  audit: "delivery.redrive",
  params: named,
  query: z.strictObject(scopedQuery),
  response: redriven,
})

export const cancelDelivery = route({
  id: "cancelDelivery",
  method: "post",
  path: "/api/deliveries/{id}/cancel",
  tag,
  summary: "Cancel a delivery that waits, or a dead letter",
  description: "What runs, or waits without a row of its own, is left alone and comes back under `skipped`.",
  reach: "scope",
  permission: "UPDATE_DELIVERIES",
  audit: "delivery.cancel",
  params: named,
  query: z.strictObject(scopedQuery),
  response: cancelled,
})

export const redrive = route({
  id: "redrive",
  method: "post",
  path: "/api/redrive",
  tag,
  summary: "Send dead letters again",
  description:
    "By ids, by subscription, by event name (together: both), or `all`. One of them has to be said.",
  reach: "scope",
  permission: "UPDATE_DELIVERIES",
  audit: "delivery.redrive",
  query: z.strictObject(scopedQuery),
  body: redriveSelection,
  response: redriven,
  refusals: { 404: "There is no such subscription" },
})

export const cancel = route({
  id: "cancel",
  method: "post",
  path: "/api/cancel",
  tag,
  summary: "Cancel deliveries that wait",
  description:
    "By ids, by subscription, by event name (together: both), or `all`. One of them has to be said. By id also dead letters.",
  reach: "scope",
  permission: "UPDATE_DELIVERIES",
  audit: "delivery.cancel",
  query: z.strictObject(scopedQuery),
  body: selection,
  response: cancelled,
  refusals: { 404: "There is no such subscription" },
})
