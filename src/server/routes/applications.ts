import {
  createApplication,
  getApplication,
  listApplications,
  removeApplication,
  rotateApplication,
} from "../../contract/applications.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const applicationRoutes: readonly Served[] = [
  serve(listApplications, async ({ carillon, access, query, cursors }) => {
    const all = await carillon.identity.applications.list(access)
    return pageOfWhole(all, { query, cursors, keyOf: ({ id }) => id })
  }),
  serve(createApplication, async ({ carillon, access, body, note }) => {
    const made = await carillon.identity.applications.create(body, access)
    const { id, name, roles, permissions, scopes } = made
    note({ application: id, name, roles, permissions, scopes })
    return made
  }),
  serve(getApplication, ({ carillon, access, params }) =>
    carillon.identity.applications.get(params.id, access),
  ),
  serve(rotateApplication, async ({ carillon, access, params, note }) => {
    const made = await carillon.identity.applications.rotate(params.id, access)
    note({ name: made.name })
    return made
  }),
  serve(removeApplication, async ({ carillon, access, params, note }) => {
    const { name } = await carillon.identity.applications.remove(params.id, access)
    note({ name })
  }),
]
