import { ERASED, erasedHistory } from "../../core/erasure.ts"
import { isEnded, type RunContext, type RunState } from "../../core/run.ts"
import { all, get, type Program, run } from "./program.ts"
import { toHistory } from "./rows.ts"

/**
 * Takes what its steps were given and gave out of a run that is over. Null = it is not: it may still need them.
 *
 * The run's row is locked first, as by everybody who writes of it.
 */
export function* eraseRun(
  no: number,
  now: number,
): Program<{ readonly steps: number; readonly fresh: boolean } | null> {
  const row = yield* get(
    "UPDATE store.runs SET signals = signals WHERE no = ? RETURNING id, state, context",
    no,
  )
  if (row === undefined) return NOTHING
  const id = row.id as string
  if (!isEnded(row.state as RunState) || (yield* hasWork(id))) return null
  const context = JSON.parse(row.context as string) as RunContext
  if (context.erasedAt !== undefined) return NOTHING
  yield* run(
    `UPDATE store.runs
     SET input = NULL, result = NULL, error = ${erasedText("error")}, cancelled = ${erasedText("cancelled")}, context = ?
     WHERE no = ?`,
    JSON.stringify({ ...context, metadata: null, erasedAt: now } satisfies RunContext),
    no,
  )
  const steps = yield* run(
    `UPDATE store.run_steps
     SET input = NULL, output = NULL, undo = NULL, wait = NULL, error = ${erasedText("error")} WHERE run = ?`,
    no,
  )
  yield* eraseJobsOf(id)
  return { steps, fresh: true }
}

const NOTHING = { steps: 0, fresh: false }

/** A job of it that goes on, waits, or died of it: it can still be redriven, and undone. */
function* hasWork(id: string): Program<boolean> {
  return (
    (yield* get("SELECT 1 AS open FROM store.jobs WHERE id = ? AND state IN (0, 1, 3)", id)) !== undefined
  )
}

/** What says by its being there that something went wrong goes on saying so. */
function erasedText(column: string): string {
  return `CASE WHEN ${column} IS NULL THEN NULL ELSE '${ERASED}' END`
}

function* eraseJobsOf(id: string): Program<void> {
  for (const { no, history } of yield* all("SELECT no, history FROM store.jobs WHERE id = ?", id))
    yield* run(
      `UPDATE store.jobs SET data = NULL, error = ${erasedText("error")}, history = ? WHERE no = ?`,
      history === null ? null : JSON.stringify(erasedHistory(toHistory(history))),
      no as number,
    )
}
