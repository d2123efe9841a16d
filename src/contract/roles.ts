import { z } from "@hono/zod-openapi"
import { permission, permissionsInput } from "./identity.ts"
import { pageOf, pageQuery } from "./page.ts"
import { route } from "./route.ts"
import { text, words } from "./values.ts"

/** A name for permissions that belong together. */
const role = z
  .object({
    name: z.string(),
    description: z.string(),
    permissions: z.union([z.literal("all"), z.array(permission)]),
    resources: z.array(z.string()).meta({ description: "What definitions of events ask for beside" }),
    builtIn: z.boolean().meta({ description: "It comes with Carillon and cannot be changed" }),
  })
  .meta({ id: "Role" })

const description = z.string().max(200).optional()
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/)
  .meta({ examples: ["support"] })

const allowed = {
  permissions: permissionsInput.meta({ description: "At least one, or a resource" }),
  resources: z
    .array(words(200))
    .max(100)
    .optional()
    .meta({
      description: "What definitions of events ask for beside",
      examples: [["Magento_Sales::actions_view"]],
    }),
}

const tag = "Identity"
const named = z.strictObject({ name: text("The role's name", "support") })

export const listRoles = route({
  id: "listRoles",
  method: "get",
  path: "/api/roles",
  tag,
  summary: "List roles, those that come with Carillon first",
  reach: "installation",
  permission: "VIEW_USERS",
  query: z.strictObject(pageQuery),
  response: pageOf(role),
})

export const createRole = route({
  id: "createRole",
  method: "post",
  path: "/api/roles",
  tag,
  summary: "Make a role",
  reach: "installation",
  permission: "UPDATE_USERS",
  audit: "role.create",
  body: z.strictObject({ name, description, ...allowed }).meta({ id: "RoleInput" }),
  status: 201,
  response: role,
})

export const updateRole = route({
  id: "updateRole",
  method: "put",
  path: "/api/roles/{name}",
  tag,
  summary: "Change what whoever has a role may do",
  reach: "installation",
  permission: "UPDATE_USERS",
  audit: "role.update",
  repeatable: true,
  params: named,
  body: z.strictObject({ description, ...allowed }).meta({ id: "RoleChange" }),
  status: 200,
  response: role,
})

export const removeRole = route({
  id: "removeRole",
  method: "delete",
  path: "/api/roles/{name}",
  tag,
  summary: "Remove a role that nobody has",
  reach: "installation",
  permission: "DELETE_USERS",
  audit: "role.remove",
  params: named,
  response: null,
})
