import { createToken, getToken, listTokens, revokeToken } from "../../contract/tokens.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const tokenRoutes: readonly Served[] = [
  serve(listTokens, async ({ carillon, access, query, cursors }) => {
    const all = await carillon.identity.tokens.list(access)
    return pageOfWhole(all, { query, cursors, keyOf: ({ id }) => id })
  }),
  serve(createToken, async ({ carillon, access, body, note }) => {
    const made = await carillon.identity.tokens.create(body, access)
    const { id, name, roles, permissions, scopes, expiresAt } = made
    note({ token: id, name, roles, permissions, scopes, expiresAt })
    return made
  }),
  serve(getToken, ({ carillon, access, params }) => carillon.identity.tokens.get(params.id, access)),
  serve(revokeToken, async ({ carillon, access, params, note }) => {
    const revoked = await carillon.identity.tokens.revoke(params.id, access)
    note({ name: revoked.name })
    return revoked
  }),
]
