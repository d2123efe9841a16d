import { listAudit } from "../../contract/audit.ts"
import { getMe } from "../../contract/me.ts"
import { type Served, serve } from "../served.ts"

export const identityRoutes: readonly Served[] = [
  serve(getMe, async ({ access: { actor, permissions, scopes } }) => ({
    actor,
    permissions: permissions === "all" ? permissions : [...permissions],
    scopes,
  })),
  serve(listAudit, async ({ carillon, access, query, cursors }) => {
    const request = { ...query, cursor: cursors.open(query.cursor) }
    const page = await carillon.identity.audit.list(request, access)
    return { items: page.items, cursor: cursors.seal(page.cursor) }
  }),
]
