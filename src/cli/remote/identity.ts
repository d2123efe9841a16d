import type { CarillonClient } from "../../client/client.ts"
import { NotFoundError } from "../../core/errors.ts"
import type { Role } from "../../identity/roles.ts"
import type { Operator } from "../operator.ts"
import { UsageError } from "../output.ts"
import { revived } from "../revived.ts"
import { everything } from "./everything.ts"

type Identity = Operator["identity"]

export function remoteUsers({ users }: CarillonClient): Operator["users"] {
  return {
    create: async (user) => revived(await users.create(wishOf(user))),
    update: async ({ user, ...change }) => revived(await users.update(user, wishOf(change))),
    setPassword: async ({ email, password }) => {
      const user = await users.get(email)
      await users.setPassword(email, password)
      return revived(user)
    },
    list: () => everything(users.list({ limit: 1_000 })),
    remove: async (name) => {
      const user = await users.get(name)
      await users.remove(user.id)
      return revived(user)
    },
  }
}

export function remoteIdentity(client: CarillonClient): Identity {
  const { tokens, applications, audit } = client
  return {
    tokens: {
      create: async ({ expiresAt, ...token }) =>
        revived(await tokens.create(wishOf({ ...token, expiresAt: endOf(expiresAt) }))),
      list: () => everything(tokens.list({ limit: 1_000 })),
      get: async (token) => revived(await tokens.get(token)),
      revoke: async (token) => revived(await tokens.revoke(token)),
    },
    applications: {
      create: async (application) => revived(await applications.create(wishOf(application))),
      list: () => everything(applications.list({ limit: 1_000 })),
      rotate: async (id) => revived(await applications.rotate(id)),
      remove: async (id) => {
        const application = await applications.get(id)
        await applications.remove(id)
        return revived(application)
      },
    },
    roles: remoteRoles(client),
    audit: {
      // The server writes down who asked it for what.
      audited: (_, __, work) => work(() => {}),
      list: async (request = {}) =>
        revived(await audit.list(request as Parameters<typeof audit.list>[0]).page()),
    },
    sealed: { check: refuse, reencrypt: refuse },
  }
}

function remoteRoles({ roles }: CarillonClient): Identity["roles"] {
  const list = (): Promise<readonly Role[]> => everything(roles.list({ limit: 1_000 }))
  return {
    list,
    create: async (role) => revived(await roles.create(wishOf(role))),
    update: async ({ name, ...change }) => revived(await roles.update(name, wishOf(change))),
    remove: async (name) => {
      const role = (await list()).find((each) => each.name === name)
      if (role === undefined) throw new NotFoundError(`Expected a role of the name \`${name}\`, found none.`)
      await roles.remove(name)
      return role
    },
  }
}

/** The flags' lists are checked by the server, which knows the permissions that there are. */
function wishOf<T>(wish: object): T {
  return wish as T
}

function endOf(time: Date | number | null | undefined): Date | null | undefined {
  return typeof time === "number" ? new Date(time) : time
}

async function refuse(): Promise<never> {
  throw new UsageError(
    "Expected --database: secrets at rest are looked after where their keys are, not over --url.",
  )
}
