import { z } from "@hono/zod-openapi"
import { subscriptionQuery } from "./deliveries.ts"
import { scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { moment, text, words } from "./values.ts"

const tag = "Replays"

export const startReplay = route({
  id: "startReplay",
  method: "post",
  path: "/api/replays",
  tag,
  summary: "Deliver past events to a subscription, once more or for the first time",
  description:
    "`dryRun` has to be said: `true` only counts, so ask with that first. The deliveries are made by a worker, a little at a time: `GET /api/replays/{id}` says how far it is.",
  reach: "scope",
  permission: "UPDATE_DELIVERIES",
  audit: "delivery.replay",
  query: z.strictObject(scopedQuery),
  body: z
    .strictObject({
      subscription: words(600).meta({ examples: ["sync-cms@brand.created"] }),
      group: subscriptionQuery.group,
      since: moment.optional().meta({ description: "Events from then on; not needed with `eventId`" }),
      until: moment.optional().meta({ description: "Events before then. By default now" }),
      eventId: words(255).optional().meta({ description: "Only this event" }),
      missingOnly: z
        .boolean()
        .optional()
        .meta({ description: "Leave out what was routed to it when it was emitted. By default false" }),
      dryRun: z.boolean().meta({ description: "Only count" }),
    })
    .meta({ id: "ReplayRequest" }),
  status: 200,
  otherStatuses: { 202: "It has begun; `Location` is where to ask how far it is" },
  responseHeaders: { location: "Where to ask how far it is; only with 202" },
  response: z
    .object({
      id: z.string().nullable().meta({ description: "null = a dry run, or nothing was to be done" }),
      subscription: z.string(),
      count: z.int().meta({ description: "Deliveries that it makes" }),
      dryRun: z.boolean(),
    })
    .meta({ id: "ReplayResult" }),
  refusals: { 404: "There is no such subscription or event" },
})

export const getReplay = route({
  id: "getReplay",
  method: "get",
  path: "/api/replays/{id}",
  tag,
  summary: "How far a replay is",
  reach: "scope",
  permission: "VIEW_DELIVERIES",
  params: z.strictObject({ id: text("The replay's id", "rpl_1") }),
  response: z
    .object({
      id: z.string(),
      subscription: z.string(),
      state: z.enum(["waiting", "running", "done", "failed", "cancelled"]),
      made: z.int().meta({ description: "Deliveries so far" }),
    })
    .meta({ id: "ReplayProgress" }),
})
