import type { RunState } from "../../core/run.ts"
import type { ChangeResult } from "../../engine/commit.ts"
import type { StartedRun, StartRun } from "../../engine/runs.ts"
import type { RunWrite } from "./run-lines.ts"

/** What `store.start_scoped_runs` answers. */
export interface StartAnswer {
  readonly nos: readonly number[]
  readonly jobs: readonly number[]
  readonly epochs: readonly number[]
  readonly old: readonly OldRun[] | null // in the place of those that were not written
}

type OldRun = readonly [
  index: number,
  no: number,
  job: number,
  epoch: number,
  state: RunState,
  isNew: boolean,
  id: string,
]

export function toStarted(changes: readonly StartRun[], answer: StartAnswer): ChangeResult[] {
  const started: StartedRun[] = changes.map(({ run }, i) => ({
    id: run.id,
    no: answer.nos[i] as number,
    job: answer.jobs[i] as number,
    epoch: answer.epochs[i] as number,
    state: "invoking",
    isNew: true,
  }))
  for (const [index, no, job, epoch, state, isNew, id] of answer.old ?? [])
    started[index] = { id, no, job, epoch, state, isNew }
  return started.map((run) => ({ status: "ok", run }))
}

/** What `store.write_runs` answers; places count from 1. */
export type WriteAnswer = readonly [
  signals: readonly number[], // -1 = fenced
  waiting: readonly number[] | null, // places whose jobs wait again
  woken: readonly number[] | null, // places whose ends woke a job
  open: readonly number[] | null, // places of ends whose jobs stay for what is staged
]

export function toWritten(
  changes: readonly RunWrite[],
  [signals, waiting, woken, open]: WriteAnswer,
): ChangeResult[] {
  return changes.map((change, i) =>
    toResult(change, {
      signals: signals[i] as number,
      parked: waiting?.includes(i + 1) ?? false,
      count: woken?.includes(i + 1) ? 1 : 0,
      open: open?.includes(i + 1) ?? false,
    }),
  )
}

function toResult(
  change: RunWrite,
  { signals, parked, count, open }: { signals: number; parked: boolean; count: number; open: boolean },
): ChangeResult {
  if (signals < 0) return { status: "fenced" }
  switch (change.kind) {
    case "checkpoint":
      return change.park === null ? { status: "ok", signals } : { status: "ok", signals, parked }
    case "end-run":
      // One that was cancelled meanwhile is to be undone first: its job waits for that.
      if (parked) return { status: "ok", count, parked }
      return open ? { status: "ok", count, open } : { status: "ok", count }
    case "close-run":
      return { status: "ok" }
  }
}
