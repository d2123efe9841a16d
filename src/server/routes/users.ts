import { createUser, getUser, listUsers, removeUser, setPassword, updateUser } from "../../contract/users.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const userRoutes: readonly Served[] = [
  serve(listUsers, async ({ carillon, access, query, cursors }) => {
    const all = await carillon.identity.users.list(access)
    return pageOfWhole(all, { query, cursors, keyOf: ({ id }) => id })
  }),
  serve(createUser, async ({ carillon, access, body, note }) => {
    const user = await carillon.identity.users.create(body, access)
    note({ user: user.id, roles: user.roles, scopes: user.scopes })
    return user
  }),
  serve(getUser, ({ carillon, access, params }) => carillon.identity.users.get(params.id, access)),
  serve(updateUser, async ({ carillon, access, params, body, note }) => {
    const user = await carillon.identity.users.update({ user: params.id, ...body }, access)
    note({ user: user.id, roles: user.roles, scopes: user.scopes })
    return user
  }),
  serve(setPassword, async ({ carillon, access, params, body, note }) => {
    const { users } = carillon.identity
    const { id, email } = await users.get(params.id, access)
    note({ user: id })
    await users.setPassword({ email, password: body.password }, access)
  }),
  serve(removeUser, async ({ carillon, access, params, note }) => {
    const user = await carillon.identity.users.remove(params.id, access)
    note({ user: user.id })
  }),
]
