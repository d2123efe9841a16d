import { audited, commandLine } from "../audited.ts"
import { type GrantFlags, grantOf, powerNames, scopeNames } from "../grant.ts"
import { note, print, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"
import { localTime } from "../time.ts"

interface TokenFlags extends StoreFlags, GrantFlags {
  readonly expires?: Date | "never"
}

/** Only the token itself goes to stdout: what is piped on is what is wanted. */
export async function create(name: string, flags: TokenFlags): Promise<void> {
  await withStore(
    flags,
    async (carillon) => {
      const expiresAt = flags.expires === "never" ? null : flags.expires
      const request = { name, ...grantOf(flags), expiresAt }
      const made = await audited(carillon, { action: "token.create" }, async (trace) => {
        const token = await carillon.identity.tokens.create(request, commandLine())
        trace({ id: token.id, name: token.name, roles: token.roles, permissions: token.permissions })
        return token
      })
      if (flags.json) return printJson(made)
      print(made.token)
      const end = made.expiresAt === null ? "for ever" : `until ${localTime(made.expiresAt)}`
      note(
        `${made.name} (${made.id}) is good ${end}, as ${powerNames(made)}, in scopes: ${scopeNames(made.scopes)}.`,
      )
      note("Keep it: it is not shown again.")
    },
    { create: true },
  )
}

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ identity }) => {
    const all = await identity.tokens.list()
    if (flags.json) return printJson(all)
    printTable(
      ["TOKEN", "NAME", "STATE", "MAY", "SCOPES", "EXPIRES", "LAST USED", "MADE BY"],
      all.map((each) => [
        each.prefix,
        each.name,
        each.state,
        powerNames(each),
        scopeNames(each.scopes),
        each.expiresAt,
        each.lastUsedAt,
        each.createdBy.name,
      ]),
    )
  })
}

export async function revoke(token: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const { id } = await carillon.identity.tokens.get(token)
    const revoked = await audited(carillon, { action: "token.revoke", target: id }, () =>
      carillon.identity.tokens.revoke(id),
    )
    if (flags.json) printJson(revoked)
    else print(`${revoked.name} (${revoked.id}) is revoked`)
  })
}
