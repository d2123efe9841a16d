import { z } from "@hono/zod-openapi"
import { actor, scopes } from "./identity.ts"
import { pageOf, pageQuery, spanQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, json, words } from "./values.ts"

const auditEntry = z
  .object({
    id: z.string(),
    at: instant,
    actor,
    action: z.string().meta({ examples: ["delivery.redrive"] }),
    target: z.string().nullable(),
    scopes,
    details: z.record(z.string(), json).meta({ description: "Never a payload or a secret" }),
    outcome: z
      .enum(["asked", "done", "failed"])
      .meta({ description: "`asked`: it was begun, and nobody knows how it ended" }),
    error: z.string().nullable(),
  })
  .meta({ id: "AuditEntry" })

export const listAudit = route({
  id: "listAudit",
  method: "get",
  path: "/api/audit",
  tag: "Identity",
  summary: "List who changed, redrove or replayed what, newest first",
  description: "An entry is there for who may see all its scopes.",
  reach: "scope",
  permission: "VIEW_AUDIT",
  query: z.strictObject({
    actor: words(255).optional().meta({ description: "An id or a name" }),
    action: words(255)
      .optional()
      .meta({ description: "An action, or several", examples: ["token.*"] }),
    ...spanQuery,
    ...pageQuery,
  }),
  response: pageOf(auditEntry),
})
