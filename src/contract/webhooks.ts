import { z } from "@hono/zod-openapi"
import { BODY_FORMS } from "../webhooks/notifier.ts"
import { DISABLE_REASONS } from "../webhooks/record.ts"
import { details } from "./deliveries.ts"
import { pageOf, pageQuery, scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { policy } from "./subscriptions.ts"
import { instant, json, moment, scope, text, words } from "./values.ts"

const form = z.enum(BODY_FORMS).meta({
  description:
    'What a body looks like: `standard` is Standard Webhooks, `cloudevents` a CloudEvent (`-binary`: in headers), `legacy` is `{"data":…}` with `x-magento-signature`',
})
const names = z.array(z.string())

const stalled = z
  .object({ since: instant, why: z.string() })
  .nullable()
  .meta({ description: "null = nothing keeps Carillon from sending" })

const fields = {
  id: z.string(),
  group: z.string().meta({ description: "Whose workers send it" }),
  events: names,
  recipient: z.string(),
  notifier: z.string(),
  form,
  description: z.string(),
  scope: z
    .string()
    .nullable()
    .meta({ description: '`account/workspace`; "" = the default scope; null = it hears every scope' }),
  storeId: z.int(),
  filter: json,
  sender: z.string().nullable(),
  fields: names.nullable().meta({ description: "Of the data; null = all of it" }),
  headers: names.meta({ description: "Their names" }),
  options: z.record(z.string(), json),
  credentials: names.meta({ description: "Their names" }),
  policy,
  state: z.enum(["active", "paused", "disabled", "resting", "stalled"]).meta({
    description:
      "`paused` and `disabled`: what it hears waits; `resting`: its endpoint fails, and is left alone for a while; `stalled`: nothing can be sent, for a fault of Carillon's own",
  }),
  resting: z.object({ until: instant, why: z.string() }).nullable(),
  stalled,
  disabled: z.object({ at: instant, reason: z.enum(DISABLE_REASONS), detail: z.string() }).nullable(),
  oldSecretsUntil: z.array(instant).meta({ description: "When secrets end that were replaced" }),
  createdAt: instant,
  updatedAt: instant,
}

const webhook = z.object(fields).meta({ id: "Webhook" })

const withSecret = z
  .object({
    ...fields,
    secret: z.string().meta({ description: "What receivers check signatures with; it is told this once" }),
    publicKey: z.string().nullable().meta({ description: "Of an ed25519 secret: what receivers check with" }),
  })
  .meta({ id: "NewWebhook" })

const ms = (most: number): z.ZodInt => z.int().min(0).max(most)
const DAYS_30 = 2_592_000_000
const slots = z.int().min(1).max(100_000)
const factor = z.number().min(1).max(1_000)

const policyInput = z
  .strictObject({
    retries: z.int().min(0).max(10_000),
    initialBackoffDelay: ms(DAYS_30),
    exponentialBackoffCoefficient: factor,
    maximumBackoffDelay: ms(DAYS_30),
    timeout: z.int().min(1).max(60_000),
    exponentialTimeoutCoefficient: factor,
    maximumTimeout: z.int().min(1).max(60_000),
    concurrency: slots,
    globalConcurrency: slots.nullable(),
    keyConcurrency: slots.nullable(),
    jitter: z.number().min(0).max(1),
    delays: z.array(ms(DAYS_30)).max(1_000).nullable(),
    rateLimit: z
      .strictObject({ limit: z.int().min(1).max(1_000_000), per: z.int().min(1).max(604_800_000) })
      .nullable(),
    order: z.enum(["hold", "skip"]).nullable(),
  })
  .partial()
  .meta({ id: "WebhookPolicy", description: "Times in milliseconds" })

const MOST_TEXTS = 50
const texts = z
  .record(words(200), z.string().max(4_096))
  .refine((given) => Object.keys(given).length <= MOST_TEXTS, `Expected at most ${MOST_TEXTS} of them`)

const secret = z.string().min(1).max(1_000)
const secretKind = z.enum(["hmac", "ed25519"]).optional().meta({
  description: "Of which kind a secret is made that is left out. By default `hmac`",
})

const eventName = words(255).meta({ examples: ["order.placed", "order.*"] })

const terms = {
  events: z.union([eventName, z.array(eventName).min(1).max(100)]).meta({
    description: "Event names or wildcards",
  }),
  recipient: words(2_048).meta({
    description: "A URL; what other notifiers understand: a bus, a queue",
    examples: ["https://erp.shop.example/orders"],
  }),
  notifier: words(64).meta({ description: "By default `http`", examples: ["http"] }),
  form: form.meta({ description: "By default `standard`" }),
  description: z.string().max(500).meta({ description: "For people" }),
  scope: z.union([scope.partial(), words(129), z.literal(""), z.null()]).meta({
    description:
      "Only events of this scope; null = of every one. By default the credential's, where it has one only",
  }),
  storeId: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .meta({ description: "Only events of this store, and those of none; 0 = of every store" }),
  filter: z
    .record(z.string(), json)
    .nullable()
    .meta({
      description: "An event pattern",
      examples: [{ data: { total: [{ numeric: [">", 100] }] } }],
    }),
  sender: words(255).nullable(),
  fields: z
    .array(words(255))
    .min(1)
    .max(100)
    .nullable()
    .meta({
      description: "Which fields of the data are sent. By default all",
      examples: [["id", "customer.email"]],
    }),
  headers: texts.meta({
    description: "Sent with each request; kept sealed",
    examples: [{ "x-api-key": "key-1001" }],
  }),
  options: z.record(z.string(), json).meta({ description: "What the notifier needs beside", examples: [{}] }),
  credentials: texts.meta({ description: "What of that is secret; kept sealed", examples: [{}] }),
  policy: z.union([z.enum(["multi-day", "magento"]), policyInput]).meta({
    description:
      "Retries, time limits, concurrency, rate limit, order; or `multi-day` (ten attempts in 76 hours, the default) or `magento` (six in 55 seconds)",
  }),
  enabled: z.boolean(),
}

const { events, recipient, ...rest } = z.strictObject(terms).partial().shape
const input = z
  .strictObject({
    events: terms.events,
    recipient: terms.recipient,
    ...rest,
    secret: secret.optional().meta({
      description:
        "`whsec_…` or `whsk_…`; any text for `legacy`. By default one is made, and answered this once",
    }),
    secretKind,
    group: words(200).optional().meta({ description: "By default the server's own group" }),
    start: z
      .union([z.enum(["now", "beginning"]), moment])
      .optional()
      .meta({
        description:
          "Where it begins: with what is emitted from now on, with all that is kept, or at a moment",
      }),
  })
  .meta({
    id: "WebhookInput",
    examples: [{ events: ["order.placed"], recipient: "https://erp.shop.example/orders" }],
  })

const tag = "Webhooks"
const named = z.strictObject({ id: text("The webhook's id", "sub_01JNQ…") })
const id = { params: named, query: z.strictObject(scopedQuery) }

export const listWebhooks = route({
  id: "listWebhooks",
  method: "get",
  path: "/api/webhooks",
  tag,
  summary: "List the webhooks of every group, oldest first",
  description: "Of a credential's scopes; those that hear every scope are for who may see all.",
  reach: "scope",
  permission: "VIEW_SUBSCRIPTIONS",
  query: z.strictObject({ ...scopedQuery, ...pageQuery }),
  response: pageOf(webhook),
})

export const createWebhook = route({
  id: "createWebhook",
  method: "post",
  path: "/api/webhooks",
  tag,
  summary: "Have events sent somewhere",
  description: "From then on what it hears is sent, by every worker of its group, signed with its secret.",
  reach: "scope",
  permission: "CREATE_SUBSCRIPTIONS",
  audit: "webhook.create",
  body: input,
  status: 201,
  response: withSecret,
})

export const getWebhook = route({
  id: "getWebhook",
  method: "get",
  path: "/api/webhooks/{id}",
  tag,
  summary: "Get a webhook; its secrets are never told again",
  reach: "scope",
  permission: "VIEW_SUBSCRIPTIONS",
  ...id,
  response: webhook,
})

export const updateWebhook = route({
  id: "updateWebhook",
  method: "patch",
  path: "/api/webhooks/{id}",
  tag,
  summary: "Change a webhook",
  description:
    "What is left out stays as it is, within a policy as well; headers, options and credentials are replaced as a whole. What waits is sent by the new terms.",
  reach: "scope",
  permission: "CREATE_SUBSCRIPTIONS",
  audit: "webhook.update",
  repeatable: true,
  ...id,
  body: z.strictObject({ events, recipient, ...rest }).meta({ id: "WebhookChange" }),
  response: webhook,
})

export const removeWebhook = route({
  id: "removeWebhook",
  method: "delete",
  path: "/api/webhooks/{id}",
  tag,
  summary: "End a webhook for good, and cancel what waits for it",
  reach: "scope",
  permission: "DELETE_SUBSCRIPTIONS",
  audit: "webhook.remove",
  ...id,
  status: 200,
  response: z
    .object({ id: z.string(), group: z.string(), cancelled: z.int() })
    .meta({ id: "RemovedWebhook" }),
})

export const pauseWebhook = route({
  id: "pauseWebhook",
  method: "post",
  path: "/api/webhooks/{id}/pause",
  tag,
  summary: "Let what a webhook hears wait, until it is resumed",
  reach: "scope",
  permission: "UPDATE_SUBSCRIPTIONS",
  audit: "webhook.pause",
  repeatable: true,
  ...id,
  response: webhook,
})

export const resumeWebhook = route({
  id: "resumeWebhook",
  method: "post",
  path: "/api/webhooks/{id}/resume",
  tag,
  summary: "Let a paused webhook go on",
  reach: "scope",
  permission: "UPDATE_SUBSCRIPTIONS",
  audit: "webhook.resume",
  repeatable: true,
  ...id,
  response: webhook,
})

export const enableWebhook = route({
  id: "enableWebhook",
  method: "post",
  path: "/api/webhooks/{id}/enable",
  tag,
  summary: "Send again, also what came while it was disabled",
  reach: "scope",
  permission: "UPDATE_SUBSCRIPTIONS",
  audit: "webhook.enable",
  repeatable: true,
  ...id,
  response: webhook,
})

export const disableWebhook = route({
  id: "disableWebhook",
  method: "post",
  path: "/api/webhooks/{id}/disable",
  tag,
  summary: "Send nothing more, until it is enabled",
  description: "What it hears waits. One that is disabled keeps the reason that it has.",
  reach: "scope",
  permission: "UPDATE_SUBSCRIPTIONS",
  audit: "webhook.disable",
  repeatable: true,
  ...id,
  body: z
    .strictObject({ detail: z.string().max(500).optional().meta({ description: "Why, for people" }) })
    .meta({ id: "DisableInput" }),
  optionalBody: true,
  response: webhook,
})

export const rotateWebhookSecret = route({
  id: "rotateWebhookSecret",
  method: "post",
  path: "/api/webhooks/{id}/rotate-secret",
  tag,
  summary: "Give a webhook another secret",
  description: "Until the overlap is over requests are signed with the old one as well.",
  reach: "scope",
  permission: "CREATE_SUBSCRIPTIONS",
  audit: "webhook.rotate",
  ...id,
  body: z
    .strictObject({
      secret: secret.optional().meta({ description: "By default one is made" }),
      secretKind,
      overlapMs: z.int().min(0).max(604_800_000).optional().meta({
        description: "How long the old one is still good. By default 24 hours; 0 ends all old ones",
      }),
    })
    .meta({ id: "RotationInput" }),
  optionalBody: true,
  response: withSecret,
})

export const testWebhook = route({
  id: "testWebhook",
  method: "post",
  path: "/api/webhooks/{id}/test",
  tag,
  summary: "Send once, now, to see whether it arrives",
  description:
    "Outside of deliveries, whatever its state is, signed and marked as a test. At most ten in a minute.",
  reach: "scope",
  permission: "CREATE_SUBSCRIPTIONS",
  audit: "webhook.test",
  ...id,
  body: z
    .strictObject({
      event: words(255)
        .optional()
        .meta({ description: "Its name. By default the first that the webhook hears" }),
      data: json.optional(),
    })
    .meta({ id: "TestInput" }),
  optionalBody: true,
  response: z
    .object({
      success: z.boolean(),
      responseData: z.string().meta({ description: "What came back, or why nothing did" }),
      ms: z.number(),
      event: z.string(),
      details: details.nullable(),
    })
    .meta({ id: "WebhookTest" }),
})

const count = z.int()

export const getWebhookHealth = route({
  id: "getWebhookHealth",
  method: "get",
  path: "/api/webhooks/{id}/health",
  tag,
  summary: "Tell how a webhook's endpoint did lately",
  description: "By the attempts of its newest deliveries, at most 1,000 of them.",
  reach: "scope",
  permission: "VIEW_SUBSCRIPTIONS",
  ...id,
  response: z
    .object({
      attempts: count,
      deliveries: count,
      successRate: z.number().nullable().meta({ description: "From 0 to 1" }),
      p50Ms: z.number().nullable(),
      p99Ms: z.number().nullable(),
      waiting: count,
      running: count,
      dead: count,
      oldestWaitingAt: instant.nullable(),
      lastSuccessAt: instant.nullable(),
      lastFailure: z
        .object({ at: instant, deliveryId: z.string(), error: z.string(), status: z.int().nullable() })
        .nullable(),
      stalled,
      since: instant.nullable().meta({ description: "Attempts since then were looked at" }),
      searchedAll: z.boolean().meta({ description: "false = there are more deliveries" }),
    })
    .meta({ id: "WebhookHealth" }),
})
