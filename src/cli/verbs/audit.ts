import type { AuditEntry } from "../../identity/audit.ts"
import { noteCursor, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface AuditFlags extends StoreFlags {
  readonly actor?: string
  readonly action?: string
  readonly since?: Date
  readonly until?: Date
  readonly limit?: number
  readonly cursor?: string
}

export async function audit(flags: AuditFlags): Promise<void> {
  const { actor, action, since: from, until: to, limit, cursor } = flags
  await withStore(flags, async ({ identity }) => {
    const page = await identity.audit.list({ actor, action, from, to, limit, cursor })
    if (flags.json) return printJson(page)
    printTable(
      ["WHEN", "WHO", "WHAT", "OF", "OUTCOME", "DETAILS"],
      page.items.map((each) => [
        each.at,
        `${each.actor.name} (${each.actor.kind})`,
        each.action,
        each.target,
        each.outcome,
        detailsOf(each),
      ]),
    )
    noteCursor(page.cursor)
  })
}

function detailsOf({ details, error }: AuditEntry): string | null {
  const said = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return [...said, ...(error === null ? [] : [error])].join("; ") || null
}
