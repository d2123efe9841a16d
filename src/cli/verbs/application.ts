import type { MadeApplication } from "../../identity/applications.ts"
import { audited, commandLine } from "../audited.ts"
import { type GrantFlags, grantOf, powerNames, scopeNames } from "../grant.ts"
import type { Operator } from "../operator.ts"
import { note, print, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface HostFlags extends StoreFlags {
  readonly host?: string
}

export async function create(name: string, flags: HostFlags & GrantFlags): Promise<void> {
  await withStore(
    flags,
    async (carillon) => {
      const request = { name, ...grantOf(flags) }
      const made = await audited(carillon, { action: "application.create" }, async (trace) => {
        const application = await carillon.identity.applications.create(request, commandLine())
        const { id, roles, permissions } = application
        trace({ id, name: application.name, roles, permissions })
        return application
      })
      show(made, flags)
    },
    { create: true, warns: true },
  )
}

export async function rotate(id: string, flags: HostFlags): Promise<void> {
  const rotated = async (carillon: Operator): Promise<void> => {
    const act = { action: "application.rotate", target: id }
    show(await audited(carillon, act, () => carillon.identity.applications.rotate(id)), flags)
  }
  await withStore(flags, rotated, { warns: true })
}

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ identity }) => {
    const all = await identity.applications.list()
    if (flags.json) return printJson(all)
    printTable(
      ["CLIENT ID", "NAME", "MAY", "SCOPES", "SINCE", "MADE BY"],
      all.map((each) => [
        each.clientId,
        each.name,
        powerNames(each),
        scopeNames(each.scopes),
        each.createdAt,
        each.createdBy.name,
      ]),
    )
  })
}

export async function remove(id: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const removed = await audited(carillon, { action: "application.remove", target: id }, () =>
      carillon.identity.applications.remove(id),
    )
    if (flags.json) printJson(removed)
    else print(`${removed.name} (${removed.id}) is removed`)
  })
}

function show(made: MadeApplication, { host = hostOf(process.env), json }: HostFlags): void {
  if (json) {
    printJson({ host, ...made })
    return
  }
  print(`host             ${host}`)
  print(`client id        ${made.clientId}`)
  print(`client secret    ${made.clientSecret}`)
  print(`consumer key     ${made.consumerKey}`)
  print(`consumer secret  ${made.consumerSecret}`)
  note(`${made.name} is good as ${powerNames(made)}, in scopes: ${scopeNames(made.scopes)}.`)
  note("Keep the secrets: they are not shown again.")
}

/** Where a server that is started with the same environment answers. */
function hostOf({ HOST, PORT }: Readonly<Record<string, string | undefined>>): string {
  const isEverywhere = !HOST || HOST === "0.0.0.0" || HOST === "::"
  const name = isEverywhere ? "localhost" : HOST.includes(":") ? `[${HOST}]` : HOST
  return `http://${name}:${PORT || USUAL_PORT}`
}

const USUAL_PORT = 9000
