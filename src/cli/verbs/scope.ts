import { printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"
import { scopeName } from "../within.ts"

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const reports = await carillon.scopes()
    if (flags.json) return printJson(reports)
    printTable(
      ["SCOPE", "EVENTS"],
      reports.map((each) => [scopeName(each), each.complete === false ? `${each.events}+` : each.events]),
    )
  })
}
