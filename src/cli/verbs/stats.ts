import { printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function stats(flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const report = await carillon.stats()
    if (flags.json) return printJson(report)
    printTable(
      ["WHAT", "COUNT"],
      Object.entries(report).map(([what, count]) => [WORDS[what] ?? what, count]),
    )
  })
}

const WORDS: Readonly<Record<string, string>> = {
  events: "events kept",
  openBatches: "batches waiting or running",
  openParts: "parts waiting or running",
  openJobs: "jobs waiting or running",
  deadJobs: "dead letters and runs that crashed workers",
  staged: "events staged",
  bytes: "bytes of database",
  subscriptions: "subscriptions",
  workflows: "workflows, in all their shapes",
  liveRuns: "live runs",
  crashedRuns: "runs that crashed workers",
  failedRuns: "failed runs",
  schedules: "schedules",
  workers: "live workers",
}
