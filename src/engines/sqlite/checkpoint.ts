import type { ChangeResult } from "../../engine/commit.ts"
import type { Checkpoint } from "../../engine/runs.ts"
import { UNTIL_WOKEN } from "../sql/run-rows.ts"
import type { Database } from "./database.ts"
import { handBack, heldRun } from "./run-lease.ts"
import { writeSteps } from "./run-steps.ts"

export function checkpoint(db: Database, change: Checkpoint, now: number): ChangeResult {
  const { lease, records, state, park } = change
  const run = heldRun(db, lease)
  if (run === undefined) return { status: "fenced" }
  writeSteps(db, lease.run, records, run.position)
  if (state !== null && state !== run.state)
    db.run("UPDATE runs SET state = ? WHERE no = ?", state, lease.run)
  const signals = run.signals as number
  if (park === null) return { status: "ok", signals }
  if (park.signals !== signals) return { status: "ok", signals, parked: false }
  handBack(db, lease.job, { dueAt: park.dueAt ?? UNTIL_WOKEN, reason: park.reason }, now)
  return { status: "ok", signals, parked: true }
}
