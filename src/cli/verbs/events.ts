import { noteCursor, printJson, printTable } from "../output.ts"
import { patternOf } from "../pattern.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface EventsFlags extends StoreFlags {
  readonly name?: string
  readonly filter?: string
  readonly scope?: string
  readonly since?: Date
  readonly until?: Date
  readonly limit?: number
  readonly cursor?: string
}

export async function events(flags: EventsFlags): Promise<void> {
  const { name, scope, since, until, limit, cursor } = flags
  const filter = patternOf(flags.filter)
  await withStore(flags, async (carillon) => {
    const page = await carillon.listEvents({ name, filter, scope, from: since, to: until, limit, cursor })
    if (flags.json) return printJson(page)
    printTable(
      ["AT", "NAME", "ID", "DATA"],
      page.items.map((each) => [each.at, each.name, each.id, JSON.stringify(each.data) ?? null]),
    )
    noteCursor(page.cursor)
  })
}
