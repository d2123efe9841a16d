import { z } from "@hono/zod-openapi"
import { actor, permission, scopes } from "./identity.ts"
import { route } from "./route.ts"

export const getMe = route({
  id: "getMe",
  method: "get",
  path: "/api/me",
  tag: "Identity",
  summary: "Who this credential is, and what it may do",
  reach: "scope",
  permission: null,
  response: z
    .object({ actor, permissions: z.union([z.literal("all"), z.array(permission)]), scopes })
    .meta({ id: "Me" }),
})
