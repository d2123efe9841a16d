import { z } from "@hono/zod-openapi"
import { scopedQuery } from "./page.ts"
import { route } from "./route.ts"
import { words } from "./values.ts"

const tag = "Events"
const named = z.strictObject({
  id: words(255).meta({ description: "The id under which events are staged", examples: ["checkout-1001"] }),
})

export const releaseEventGroup = route({
  id: "releaseEventGroup",
  method: "post",
  path: "/api/event-groups/{id}/release",
  tag,
  summary: "Emit what is staged under an id",
  description:
    "In one commit. Of a credential's scopes only; the rest stays. A group without events is no error.",
  reach: "scope",
  permission: "CREATE_EVENTS",
  audit: "event-group.release",
  params: named,
  query: z.strictObject(scopedQuery),
  response: null,
})

export const clearEventGroup = route({
  id: "clearEventGroup",
  method: "post",
  path: "/api/event-groups/{id}/clear",
  tag,
  summary: "Drop what is staged under an id",
  description: "Of a credential's scopes only; the rest stays. A group without events is no error.",
  reach: "scope",
  permission: "CREATE_EVENTS",
  audit: "event-group.clear",
  params: named,
  query: z.strictObject(scopedQuery),
  body: z
    .strictObject({
      eventNames: z
        .array(words(255))
        .max(1_000)
        .optional()
        .meta({ description: "Only events of these names" }),
    })
    .meta({ id: "EventGroupClearing" }),
  optionalBody: true,
  response: null,
})
