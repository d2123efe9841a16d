import type { WorkflowReport } from "../../bus/workflow-report.ts"
import { printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function workflows(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ workflows: engine }) => {
    const all = await engine.listWorkflows()
    const reports = all.filter((each) => flags.group === undefined || each.group === flags.group)
    if (flags.json) return printJson(reports)
    printTable(
      ["GROUP", "WORKFLOW", "STATE", "RUNNING", "WAITING", "CRASHED", "FAILED", "WORKERS"],
      reports.map((each) => [
        each.group,
        each.id,
        stateOf(each),
        each.running,
        each.waiting,
        each.crashed,
        each.failed,
        each.workers.join(", ") || null,
      ]),
    )
  })
}

function stateOf({ paused, orphaned, outdated }: WorkflowReport): string {
  if (paused) return "paused"
  if (outdated) return "old shape"
  return orphaned ? "orphaned" : "live"
}
