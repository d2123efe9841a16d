import { printJson, printTable } from "../output.ts"
import { withStore } from "../store.ts"
import { type ScopedFlags, within } from "../within.ts"

export async function names(flags: ScopedFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const reports = await carillon.eventNames(within(flags))
    if (flags.json) return printJson(reports)
    printTable(
      ["NAME", "EVENTS", "LAST", "SENDER", "SUBSCRIBERS", "SAMPLE"],
      reports.map((each) => [
        each.name,
        each.complete ? each.events : `${each.events}+`,
        each.lastAt,
        each.sender,
        each.subscribers.join(", ") || null,
        JSON.stringify(each.sample),
      ]),
    )
  })
}
