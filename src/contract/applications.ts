import { z } from "@hono/zod-openapi"
import { actor, credentialName, grant, grantInput } from "./identity.ts"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { instant, text } from "./values.ts"

const fields = {
  id: z.string(),
  name: z.string(),
  clientId: z.string(),
  consumerKey: z.string(),
  ...grant,
  createdAt: instant,
  createdBy: actor,
}

/** A program that is known by name, with keys of its own. */
const application = z.object(fields).meta({ id: "Application" })

const newApplication = z
  .object({ ...fields, clientSecret: z.string(), consumerSecret: z.string() })
  .meta({ id: "NewApplication" })

const tag = "Identity"
const named = z.strictObject({ id: text("The application's client id", "app_01JNQ…") })

export const listApplications = route({
  id: "listApplications",
  method: "get",
  path: "/api/applications",
  tag,
  summary: "List applications, oldest first",
  reach: "scope",
  permission: "VIEW_TOKENS",
  query: z.strictObject(pageQuery),
  response: pageOf(application),
})

export const createApplication = route({
  id: "createApplication",
  method: "post",
  path: "/api/applications",
  tag,
  summary: "Make an application; its secrets are shown this once",
  description: "It may do no more, and in no more scopes, than whoever asks.",
  reach: "scope",
  permission: "CREATE_TOKENS",
  audit: "application.create",
  body: z.strictObject({ name: credentialName, ...grantInput }).meta({ id: "ApplicationInput" }),
  status: 201,
  response: newApplication,
})

export const getApplication = route({
  id: "getApplication",
  method: "get",
  path: "/api/applications/{id}",
  tag,
  summary: "Get an application",
  reach: "scope",
  permission: "VIEW_TOKENS",
  params: named,
  response: application,
})

export const rotateApplication = route({
  id: "rotateApplication",
  method: "post",
  path: "/api/applications/{id}/rotate",
  tag,
  summary: "Give an application new secrets; they are shown this once",
  description: "Every process heeds that within five seconds.",
  reach: "scope",
  permission: "CREATE_TOKENS",
  audit: "application.rotate",
  params: named,
  status: 200,
  response: newApplication,
})

export const removeApplication = route({
  id: "removeApplication",
  method: "delete",
  path: "/api/applications/{id}",
  tag,
  summary: "Remove an application",
  reach: "scope",
  permission: "DELETE_TOKENS",
  audit: "application.remove",
  params: named,
  response: null,
})
