import { shortDuration } from "../../core/amounts.ts"
import { print, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function subscriptions(flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const all = await carillon.subscriptions()
    const reports = all.filter((each) => flags.group === undefined || each.group === flags.group)
    if (flags.json) return printJson(reports)
    printTable(
      ["GROUP", "SUBSCRIPTION", "STATE", "WAITING", "RUNNING", "DEAD", "LAG", "WORKERS"],
      reports.map((each) => [
        each.group,
        each.id,
        each.paused ? "paused" : each.orphaned ? "orphaned" : "live",
        each.waiting,
        each.running,
        each.dead,
        each.lagSeconds === 0 ? null : shortDuration(each.lagSeconds * 1_000),
        each.workers.join(", ") || null,
      ]),
    )
  })
}

export async function remove(name: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const removed = await carillon.removeSubscription(name, { group: flags.group })
    if (flags.json) return printJson(removed)
    const { id, cancelled } = removed
    const isSubscription = !/^(?:workflow|schedule):/.test(id)
    print(`${id} is removed${isSubscription ? `; ${cancelled} waiting deliveries are cancelled` : ""}`)
  })
}
