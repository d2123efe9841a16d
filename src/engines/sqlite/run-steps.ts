import type { StepRecord } from "../../core/run.ts"
import { waitColumns } from "../sql/run-rows.ts"
import type { Database, Row } from "./database.ts"

/**
 * Writes attempts. One that is there already is replaced only while it waits or may be tried again: when the
 * same change comes twice, it does not take back what a signal made of the attempt in between.
 */
export function writeSteps(
  db: Database,
  run: number,
  records: readonly StepRecord[],
  last: Row[string] | undefined, // the highest position so far
): void {
  let position = (last as number | null) ?? 0
  for (const record of records) {
    db.run(
      INSERT,
      run,
      record.step,
      record.phase,
      record.attempt,
      ++position,
      record.outcome,
      record.at,
      record.ms,
      record.input,
      record.output,
      record.undo,
      record.error,
      record.dueAt,
      ...waitColumns(record.wait),
      record.worker,
    )
  }
}

const INSERT = `
  INSERT INTO run_steps (run, step, phase, attempt, position, outcome, at, ms, input, output, undo, error, due_at,
    wait_kind, wait_name, wait, worker)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (run, step, phase, attempt) DO UPDATE
  SET outcome = excluded.outcome, at = excluded.at, ms = excluded.ms, input = excluded.input,
      output = excluded.output, undo = excluded.undo, error = excluded.error, due_at = excluded.due_at,
      wait_kind = excluded.wait_kind, wait_name = excluded.wait_name, wait = excluded.wait, worker = excluded.worker
  WHERE run_steps.outcome = 'waiting' OR (run_steps.outcome = 'failed' AND excluded.outcome <> 'waiting')`
