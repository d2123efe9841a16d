import { printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function workers(flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const all = await carillon.workers()
    const reports = all.filter((each) => flags.group === undefined || each.group === flags.group)
    if (flags.json) return printJson(reports)
    printTable(
      ["NO", "GROUP", "HOST", "PID", "STARTED", "SEEN", "ALIVE", "HANDLES"],
      reports.map((each) => [
        each.no,
        each.group,
        each.host,
        each.pid,
        each.startedAt,
        each.seenAt,
        each.alive ? "yes" : "no",
        each.handles.join(", ") || null,
      ]),
    )
  })
}
