import { z } from "@hono/zod-openapi"
import { actor, credentialName, grant, grantInput } from "./identity.ts"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, moment, text } from "./values.ts"

const fields = {
  id: z.string(),
  name: z.string(),
  prefix: z.string().meta({ description: "What the token begins with: enough to find it, not to use it" }),
  ...grant,
  state: z.enum(["live", "expired", "revoked"]),
  createdAt: instant,
  createdBy: actor,
  expiresAt: instant.nullable().meta({ description: "null = never" }),
  lastUsedAt: instant.nullable().meta({ description: "To the minute; null = never" }),
  revokedAt: instant.nullable(),
}

const token = z.object(fields).meta({ id: "Token" })

const tag = "Identity"
const named = z.strictObject({ id: text("The token's id or prefix", "tok_01JNQ…") })

export const listTokens = route({
  id: "listTokens",
  method: "get",
  path: "/api/tokens",
  tag,
  summary: "List tokens, oldest first, ended ones among them",
  reach: "scope",
  permission: "VIEW_TOKENS",
  query: z.strictObject(pageQuery),
  response: pageOf(token),
})

export const createToken = route({
  id: "createToken",
  method: "post",
  path: "/api/tokens",
  tag,
  summary: "Make a token; it is shown this once",
  description:
    "It may do no more, and in no more scopes, than whoever asks. The setup token of a first start is good for this, once.",
  reach: "scope",
  permission: "CREATE_TOKENS",
  audit: "token.create",
  body: z
    .strictObject({
      name: credentialName,
      ...grantInput,
      expiresAt: moment
        .nullable()
        .optional()
        .meta({ description: "When it ends; null = never. By default 90 days from now" }),
    })
    .meta({ id: "TokenInput" }),
  status: 201,
  response: z.object({ ...fields, token: z.string() }).meta({ id: "NewToken" }),
})

export const getToken = route({
  id: "getToken",
  method: "get",
  path: "/api/tokens/{id}",
  tag,
  summary: "Get what is known of a token",
  reach: "scope",
  permission: "VIEW_TOKENS",
  params: named,
  response: token,
})

export const revokeToken = route({
  id: "revokeToken",
  method: "delete",
  path: "/api/tokens/{id}",
  tag,
  summary: "End a token",
  description: "Every process heeds that within five seconds. It stays in the list.",
  reach: "scope",
  permission: "DELETE_TOKENS",
  audit: "token.revoke",
  params: named,
  status: 200,
  response: token,
})
