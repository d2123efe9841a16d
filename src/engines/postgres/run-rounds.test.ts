import { describe, expect, it } from "vitest"
import type { StepRecord } from "../../core/run.ts"
import type { Checkpoint, EndRun, RunLease } from "../../engine/runs.ts"
import { roundsOf } from "./run-rounds.ts"

describe("rounds of what is written of runs", () => {
  it("are one where every run is written of once", () => {
    expect(shown([record(1, "charge"), record(2, "charge"), end(3, "ship")])).toEqual(["1 2 3"])
  })

  it("are one for steps of a run that end side by side", () => {
    expect(shown([record(1, "reserve-stock"), record(1, "charge"), end(1, "ship")])).toEqual(["1 1 1"])
  })

  it("go on with another when an attempt is recorded again: the later record counts", () => {
    expect(shown([record(1, "charge"), record(2, "ship"), record(1, "charge")])).toEqual(["1 2", "1"])
  })

  it("go on with another behind what parks a run or ends it", () => {
    const park = { dueAt: null, reason: "event", signals: 0 }

    expect(shown([{ ...record(1, "charge"), park }, record(1, "ship"), record(2, "ship")])).toEqual([
      "1 2",
      "1",
    ])
    expect(shown([end(1, "ship"), end(1, "ship"), end(2, "ship")])).toEqual(["1 2", "1"])
  })
})

function shown(changes: readonly (Checkpoint | EndRun)[]): string[] {
  const rounds = roundsOf(changes.map((change) => ({ change })))
  return rounds.map((round) => round.map(({ change }) => change.lease.run).join(" "))
}

function record(run: number, step: string): Checkpoint {
  return { kind: "checkpoint", lease: leaseOf(run), records: [recordOf(step)], state: null, park: null }
}

function end(run: number, step: string): EndRun {
  const how = { state: "done", result: null, error: null, keepUntil: null, close: true } as const
  return { kind: "end-run", lease: leaseOf(run), records: [recordOf(step)], ...how }
}

function leaseOf(run: number): RunLease {
  return { run, job: run, worker: 1, epoch: 1 }
}

function recordOf(step: string): StepRecord {
  const when = { at: 1_767_268_800_000, ms: 5, dueAt: null, wait: null, worker: 1 }
  const what = { input: null, output: null, undo: null, error: null }
  return { step, phase: "invoke", attempt: 1, outcome: "done", ...when, ...what }
}
