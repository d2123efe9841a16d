import { z } from "@hono/zod-openapi"
import { pageOf, pageQuery, scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, json, text, words } from "./values.ts"

export const policy = z
  .object({
    retries: z.int(),
    initialBackoffDelay: z.number(),
    exponentialBackoffCoefficient: z.number(),
    maximumBackoffDelay: z.number(),
    timeout: z.number(),
    exponentialTimeoutCoefficient: z.number(),
    maximumTimeout: z.number(),
    concurrency: z.int(),
    globalConcurrency: z.int().nullable(),
    keyConcurrency: z.int().nullable(),
    jitter: z.number(),
    delays: z.array(z.number()).nullable(),
    rateLimit: z.object({ limit: z.int(), per: z.number() }).nullable(),
    order: z.enum(["hold", "skip"]).nullable(),
    transactional: z.boolean(),
  })
  .meta({ id: "Policy", description: "Times in milliseconds" })

const count = z.int().nullable()

/** A subscription, how it does, and who works for it. */
const subscription = z
  .object({
    id: z.string(),
    subscriberId: z.string(),
    group: z.string(),
    target: z.enum(["handler", "webhook"]).meta({
      description: "A function of an application, or a recipient out of the house: /api/webhooks says more",
    }),
    pattern: z.string().meta({ description: "The first of `events`" }),
    events: z.array(z.string()).meta({ description: "Every event name or wildcard that it hears" }),
    filter: json,
    sender: z.string().nullable(),
    scope: z
      .string()
      .nullable()
      .meta({ description: '`account/workspace`; "" = the default scope; null = it hears every scope' }),
    policy,
    paused: z.boolean(),
    ephemeral: z.boolean(),
    waiting: count.meta({
      description:
        "Deliveries that nobody runs now. null, like the next three, for who is bound to scopes where it hears all",
    }),
    running: count,
    dead: count,
    lagSeconds: z.number().nullable().meta({
      description: "How long the oldest unfinished delivery could have run already; 0 = up to date",
    }),
    workers: z.array(z.int()).meta({ description: "The live workers that have a handler for it" }),
    orphaned: z.boolean().meta({ description: "No live worker has a handler for it: what it gets waits" }),
    lastHandledAt: instant.nullable(),
  })
  .meta({ id: "Subscription" })

const tag = "Subscriptions"

const named = z.strictObject({
  id: text(
    "Its id, or its subscriber's where that has one only; or `workflow:place-order`",
    "sync-cms@brand.created",
  )
    // These have a room and permissions of their own.
    .refine((id) => !id.startsWith("schedule:"), "Expected no schedule: these are at /api/schedules"),
})

const ofGroup = z.strictObject({
  group: words(255)
    .optional()
    .meta({ description: "Whose subscription it is. By default the server's own group" }),
  ...scopedQuery,
})

export const listSubscriptions = route({
  id: "listSubscriptions",
  method: "get",
  path: "/api/subscriptions",
  tag,
  summary: "List the subscriptions of every group",
  reach: "scope",
  permission: "VIEW_SUBSCRIPTIONS",
  query: z.strictObject({ ...scopedQuery, ...pageQuery }),
  response: pageOf(subscription),
})

export const getSubscription = route({
  id: "getSubscription",
  method: "get",
  path: "/api/subscriptions/{id}",
  tag,
  summary: "Get a subscription",
  reach: "scope",
  permission: "VIEW_SUBSCRIPTIONS",
  params: named,
  query: ofGroup,
  response: subscription,
})

export const pauseSubscription = route({
  id: "pauseSubscription",
  method: "post",
  path: "/api/subscriptions/{id}/pause",
  tag,
  summary: "Let what is emitted for a subscription wait, in every process",
  description: "Until it is resumed; it outlives a deploy. A workflow's runs wait likewise.",
  reach: "scope",
  permission: "UPDATE_SUBSCRIPTIONS",
  audit: "subscription.pause",
  repeatable: true,
  params: named,
  query: ofGroup,
  response: null,
  refusals: { 403: "It belongs to all scopes, and the credential to some" },
})

export const resumeSubscription = route({
  id: "resumeSubscription",
  method: "post",
  path: "/api/subscriptions/{id}/resume",
  tag,
  summary: "Let a paused subscription go on",
  reach: "scope",
  permission: "UPDATE_SUBSCRIPTIONS",
  audit: "subscription.resume",
  repeatable: true,
  params: named,
  query: ofGroup,
  response: null,
  refusals: { 403: "It belongs to all scopes, and the credential to some" },
})

export const removeSubscription = route({
  id: "removeSubscription",
  method: "delete",
  path: "/api/subscriptions/{id}",
  tag,
  summary: "End a subscription for good, and cancel what waits for it",
  description: "A handler that still subscribes makes it anew.",
  reach: "scope",
  permission: "DELETE_SUBSCRIPTIONS",
  audit: "subscription.remove",
  params: named,
  query: ofGroup,
  status: 200,
  response: z
    .object({ id: z.string(), group: z.string(), cancelled: z.int() })
    .meta({ id: "RemovedSubscription" }),
  refusals: { 403: "It belongs to all scopes, and the credential to some" },
})
