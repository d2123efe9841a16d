import { z } from "@hono/zod-openapi"
import { rolesInput, scopes, scopesInput } from "./identity.ts"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, text, words } from "./values.ts"

/** Somebody who may log in. */
const user = z
  .object({
    id: z.string(),
    email: z.string(),
    createdAt: instant,
    roles: z.array(z.string()),
    scopes,
  })
  .meta({ id: "User" })

const email = words(254).meta({ examples: ["admin@shop.example"] })
const password = z.string().min(8).max(256)

const tag = "Identity"
const named = z.strictObject({ id: text("The user's id or e-mail address", "user_01JNQ…") })

export const listUsers = route({
  id: "listUsers",
  method: "get",
  path: "/api/users",
  tag,
  summary: "List users by their e-mail addresses",
  description: "Of a credential's scopes: those who are bound to some of them.",
  reach: "scope",
  permission: "VIEW_USERS",
  query: z.strictObject(pageQuery),
  response: pageOf(user),
})

export const createUser = route({
  id: "createUser",
  method: "post",
  path: "/api/users",
  tag,
  summary: "Let somebody log in",
  description:
    "With the role `admin` unless others are named. Nobody hands on more than they have. The setup token of a first start is good for this, once.",
  reach: "installation",
  permission: "CREATE_USERS",
  audit: "user.create",
  body: z
    .strictObject({ email, password, roles: rolesInput.optional(), scopes: scopesInput.optional() })
    .meta({ id: "UserInput" }),
  status: 201,
  response: user,
})

export const getUser = route({
  id: "getUser",
  method: "get",
  path: "/api/users/{id}",
  tag,
  summary: "Get a user",
  reach: "scope",
  permission: "VIEW_USERS",
  params: named,
  response: user,
})

export const updateUser = route({
  id: "updateUser",
  method: "patch",
  path: "/api/users/{id}",
  tag,
  summary: "Give a user other roles or scopes, from the next request on",
  reach: "scope",
  permission: "UPDATE_USERS",
  audit: "user.update",
  repeatable: true,
  params: named,
  body: z
    .strictObject({ roles: rolesInput.optional(), scopes: scopesInput.optional() })
    .meta({ id: "UserChange" }),
  status: 200,
  response: user,
})

export const setPassword = route({
  id: "setPassword",
  method: "put",
  path: "/api/users/{id}/password",
  tag,
  summary: "Give a user another password; their log-ins end",
  reach: "scope",
  permission: "UPDATE_USERS",
  audit: "user.set-password",
  repeatable: true,
  params: named,
  body: z.strictObject({ password }).meta({ id: "NewPassword" }),
  response: null,
})

export const removeUser = route({
  id: "removeUser",
  method: "delete",
  path: "/api/users/{id}",
  tag,
  summary: "Remove a user; their log-ins end",
  reach: "scope",
  permission: "DELETE_USERS",
  audit: "user.remove",
  params: named,
  response: null,
})
