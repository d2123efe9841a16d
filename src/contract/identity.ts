import { z } from "@hono/zod-openapi"
import { PERMISSION_NAMES } from "../identity/permissions.ts"
import { scope, words } from "./values.ts"

// What rooms about users, tokens, applications and roles have in common.

export const permission = z.enum(PERMISSION_NAMES).meta({ id: "Permission" })

/** As they are kept: `""` is the default scope. */
export const scopes = z.union([z.literal("all"), z.array(z.string())]).meta({
  id: "Scopes",
  description: '`account/workspace` each; "" is the default scope; what belongs to all needs `all`',
})

export const actor = z
  .object({
    kind: z.enum(["user", "token", "application", "setup", "command line", "process"]),
    id: z.string(),
    name: z.string().meta({ description: "For people: an e-mail address, a token's name" }),
  })
  .meta({ id: "Actor" })

/** What somebody is allowed. */
export const grant = {
  roles: z.array(z.string()),
  permissions: z.array(permission).meta({ description: "Beside those of the roles" }),
  scopes,
}

export const rolesInput = z.array(words(64)).max(100)
export const permissionsInput = z.array(permission).max(100)
export const scopesInput = z
  .union([
    z.literal("all"),
    z
      .array(z.union([z.string().max(129), scope.partial()]))
      .min(1)
      .max(1_000),
  ])
  .meta({ description: "By default those of whoever asks" })

/** What somebody is to be allowed: nobody hands on more than they have. */
export const grantInput = {
  roles: rolesInput.optional(),
  permissions: permissionsInput.optional(),
  scopes: scopesInput.optional(),
}

/** For people: what a credential is used for. */
export const credentialName = words(100)
