import type { PruneRequest } from "../../engine/maintenance.ts"
import type { Database, Row } from "./database.ts"

/**
 * Runs that have ended and are kept no longer, with their steps. One that still has a job is not over, and a
 * child may have to be undone as long as its parent is kept.
 */
export function pruneRuns(
  db: Database,
  { eventsBefore, limit }: PruneRequest,
  now: number,
): { runs: number; more: boolean } {
  const kept = db.all(`${ENDED} AND r.keep_until <= ? LIMIT ?`, now, limit)
  const old = db.all(`${ENDED} AND r.keep_until IS NULL AND r.ended_at < ? LIMIT ?`, eventsBefore, limit)
  let [runs, rows] = [0, 0]
  for (const { no } of [...kept, ...old]) {
    if (rows >= limit) return { runs, more: true }
    rows += 1 + deleteRun(db, no)
    runs++
  }
  return { runs, more: runs > 0 } // what was theirs goes next
}

const ENDED = `SELECT r.no FROM runs r
  WHERE r.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = r.id)
    AND (r.parent_run IS NULL OR NOT EXISTS (SELECT 1 FROM runs p WHERE p.id = r.parent_run))`

function deleteRun(db: Database, no: Row[string] | undefined): number {
  const steps = db.run("DELETE FROM run_steps WHERE run = ?", no as number)
  db.run("DELETE FROM runs WHERE no = ?", no as number)
  return steps
}
