import type { ScheduleReport } from "../../bus/schedule-report.ts"
import { shortDuration } from "../../core/amounts.ts"
import { printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function schedules(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ workflows }) => {
    const all = await workflows.listSchedules()
    const reports = all.filter((each) => flags.group === undefined || each.group === flags.group)
    if (flags.json) return printJson(reports)
    printTable(
      ["GROUP", "SCHEDULE", "STATE", "WHEN", "NEXT", "LAST", "RUN", "RUN IS", "WORKERS"],
      reports.map((each) => [
        each.group,
        each.id,
        stateOf(each),
        whenOf(each),
        each.nextAt,
        each.lastAt,
        each.lastRun,
        each.lastState,
        each.workers.join(", ") || null,
      ]),
    )
  })
}

function stateOf({ paused, crashed, nextAt, orphaned }: ScheduleReport): string {
  if (paused) return "paused"
  if (crashed) return "crashed"
  if (nextAt === null) return "ended"
  return orphaned ? "orphaned" : "live"
}

function whenOf({ cron, interval, timeZone }: ScheduleReport): string {
  return cron === null ? `every ${shortDuration(interval ?? 0)}` : `${cron} (${timeZone})`
}
