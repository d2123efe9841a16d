import { shortDuration } from "../../core/amounts.ts"
import { audited } from "../audited.ts"
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
        each.lagSeconds ? shortDuration(each.lagSeconds * 1_000) : null,
        each.workers.join(", ") || null,
      ]),
    )
  })
}

export async function remove(name: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "subscription.remove", target: name, details: { group: flags.group } }
    const removed = await audited(carillon, act, async (trace) => {
      const done = await carillon.removeSubscription(name, { group: flags.group })
      trace({ cancelled: done.cancelled })
      return done
    })
    if (flags.json) return printJson(removed)
    const { id, cancelled } = removed
    const isSubscription = !/^(?:workflow|schedule):/.test(id)
    print(`${id} is removed${isSubscription ? `; ${cancelled} waiting deliveries are cancelled` : ""}`)
  })
}
