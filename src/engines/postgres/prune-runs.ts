import type { PruneRequest } from "../../engine/maintenance.ts"
import type { Database, HotStatement } from "./database.ts"
import type { ServerTime } from "./time.ts"

const PRUNE_RUNS: HotStatement = {
  name: "carillon_prune_runs",
  sql: "SELECT * FROM store.prune_runs($1, $2, $3)",
}

/** Runs that have ended and are kept no longer, with their steps; one that still has a job is not over. */
export async function pruneRuns(
  db: Database,
  time: ServerTime,
  { eventsBefore, limit }: PruneRequest,
): Promise<{ runs: number; more: boolean }> {
  const [row] = await db.callOn("reads", PRUNE_RUNS, [time.now(), Math.floor(eventsBefore), limit])
  const { runs, more } = row as unknown as { runs: number; more: boolean }
  return { runs, more }
}
