import type { StepRecord } from "../../core/run.ts"
import type { RunWrite } from "./run-lines.ts"

interface Placed {
  readonly change: RunWrite
}

/** How far the writing of one run has come. */
interface Progress {
  round: number
  isOver: boolean // the last one in this round was more than records
  readonly keys: Set<string>
}

/**
 * Calls one after another, in each of which a record stands once, and of a run nothing follows what ends or parks it.
 * Mostly it is one call.
 */
export function roundsOf<W extends Placed>(writes: readonly W[]): W[][] {
  const rounds: W[][] = []
  const runs = new Map<number, Progress>()
  for (const write of writes) {
    const { change } = write
    const keys = change.kind === "close-run" ? [] : change.records.map(keyOf)
    const progress = runs.get(change.lease.run) ?? { round: 0, isOver: false, keys: new Set() }
    runs.set(change.lease.run, progress)
    if (progress.isOver || keys.some((key) => progress.keys.has(key))) {
      progress.round++
      progress.keys.clear()
    }
    progress.isOver = !isOnlyRecords(change)
    for (const key of keys) progress.keys.add(key)
    const round = rounds[progress.round] ?? []
    rounds[progress.round] = round
    round.push(write)
  }
  return rounds
}

function keyOf({ step, phase, attempt }: StepRecord): string {
  return `${phase} ${attempt} ${step}`
}

function isOnlyRecords(change: RunWrite): boolean {
  return change.kind === "checkpoint" && change.state === null && change.park === null
}
