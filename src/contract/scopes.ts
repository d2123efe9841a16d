import { z } from "@hono/zod-openapi"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { scope } from "./values.ts"

const keptScope = z
  .object({
    ...scope.shape,
    events: z
      .int()
      .nullable()
      .meta({ description: "How many of the newest events are its own; null for who is bound to scopes" }),
    complete: z
      .boolean()
      .nullable()
      .meta({ description: "false = older events were not looked at; null for who is bound to scopes" }),
  })
  .meta({ id: "Scope" })

export const listScopes = route({
  id: "listScopes",
  method: "get",
  path: "/api/scopes",
  tag: "System",
  summary: "List the scopes that something is kept of",
  description: "Who is bound to scopes gets these, whatever is kept of them.",
  reach: "scope",
  permission: "VIEW_SCOPES",
  query: z.strictObject(pageQuery),
  response: pageOf(keptScope),
})
