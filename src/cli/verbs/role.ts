import type { Permission } from "../../identity/permissions.ts"
import type { Role } from "../../identity/roles.ts"
import { audited } from "../audited.ts"
import { print, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface RoleFlags extends StoreFlags {
  readonly permission?: readonly string[]
  readonly resource?: readonly string[]
  readonly description?: string
}

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ identity }) => {
    const all = await identity.roles.list()
    if (flags.json) return printJson(all)
    printTable(
      ["ROLE", "WHAT FOR", "MAY"],
      all.map(({ name, description, permissions, resources }) => [
        name,
        description,
        permissions === "all" ? "everything" : [...permissions, ...resources].join(", "),
      ]),
    )
  })
}

export async function create(name: string, flags: RoleFlags): Promise<void> {
  await withStore(
    flags,
    async (carillon) => {
      const act = { action: "role.create", target: name, details: detailsOf(flags) }
      const role = await audited(carillon, act, () => carillon.identity.roles.create(roleOf(name, flags)))
      show(role, "can be given now", flags)
    },
    { create: true },
  )
}

export async function update(name: string, flags: RoleFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "role.update", target: name, details: detailsOf(flags) }
    const role = await audited(carillon, act, () => carillon.identity.roles.update(roleOf(name, flags)))
    show(role, "is changed for whoever has it", flags)
  })
}

export async function remove(name: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "role.remove", target: name }
    show(await audited(carillon, act, () => carillon.identity.roles.remove(name)), "is removed", flags)
  })
}

/** What is no permission is found out where it is checked. */
function roleOf(name: string, { permission = [], resource, description }: RoleFlags) {
  return { name, description, permissions: permission as readonly Permission[], resources: resource }
}

function detailsOf({ permission, resource }: RoleFlags) {
  return { permissions: permission, resources: resource }
}

function show(role: Role, what: string, { json }: StoreFlags): void {
  if (json) printJson(role)
  else print(`${role.name} ${what}`)
}
