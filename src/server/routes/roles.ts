import { createRole, listRoles, removeRole, updateRole } from "../../contract/roles.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const roleRoutes: readonly Served[] = [
  serve(listRoles, async ({ carillon, query, cursors }) =>
    pageOfWhole(await carillon.identity.roles.list(), { query, cursors, keyOf: ({ name }) => name }),
  ),
  serve(createRole, async ({ carillon, access, body, note }) => {
    note({ role: body.name, permissions: body.permissions, resources: body.resources })
    return carillon.identity.roles.create(body, access)
  }),
  serve(updateRole, async ({ carillon, access, params, body, note }) => {
    note({ permissions: body.permissions, resources: body.resources })
    return carillon.identity.roles.update({ name: params.name, ...body }, access)
  }),
  serve(removeRole, async ({ carillon, access, params }) => {
    await carillon.identity.roles.remove(params.name, access)
  }),
]
