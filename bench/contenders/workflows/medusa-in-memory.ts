import { requireFrom } from "../../peers.ts"
import type { RunningWorkflows, WorkflowWork } from "../../workflow-contender.ts"
import { startEngine } from "./medusa.ts"

/** Medusa's default engine: runs are held in memory, and written to PostgreSQL. */
export function start(work: WorkflowWork): Promise<RunningWorkflows> {
  return startEngine(work, {
    resolve: requireFrom("medusa").resolve("@medusajs/workflow-engine-inmemory"),
    options: {},
  })
}
