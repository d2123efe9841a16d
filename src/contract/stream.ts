import { z } from "@hono/zod-openapi"
import { scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { moment } from "./values.ts"

export const STREAM_TYPE = "text/event-stream"

export const streamEvents = route({
  id: "streamEvents",
  method: "get",
  path: "/api/stream",
  tag: "Events",
  summary: "Follow new events and what becomes of them",
  description:
    "Server-sent events: `event` with an event and its deliveries so far (as `{ event, deliveries }`), `delivery` with a delivery that came further. Each has an id; a client that was cut off says the last one as `Last-Event-ID`, as browsers do by themselves, and misses nothing; what was new shortly before may come again. The stream ends when the server stops or the credential is no longer good.",
  reach: "scope",
  permission: "VIEW_EVENTS",
  query: z.strictObject({
    name: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .meta({ description: "An event name, or a pattern with `*`", examples: ["order.*"] }),
    kind: z.enum(["event", "delivery"]).optional().meta({
      description:
        "Only these: with `delivery` those that an event has so far come one by one. By default both",
    }),
    since: moment.optional().meta({ description: "Begin with events from then on. By default now" }),
    after: z
      .string()
      .min(1)
      .max(2_000)
      .optional()
      .meta({ description: "The same as the header `Last-Event-ID`, for those who cannot send it" }),
    ...scopedQuery,
  }),
  headers: z.object({ "last-event-id": z.string().max(2_000).optional() }),
  response: z.string(),
  responseType: STREAM_TYPE,
  refusals: { 429: "Too many streams are open: end one, or try again later" },
})
