import type { Tallies, WorkflowTally } from "../telemetry/tally.ts"
import type { RunListener } from "./run-listeners.ts"
import type { RunMomentName } from "./run-seat.ts"

const STEPS: Partial<Record<RunMomentName, keyof WorkflowTally["steps"]>> = {
  stepSuccess: "done",
  stepFailure: "failed",
  stepAwaiting: "waiting",
  stepSkipped: "skipped",
  compensateStepSuccess: "compensated",
  compensateStepFailure: "compensation_failed",
}

/** Counts what becomes of runs that are held here, by their workflow. */
export function countRuns(tallies: Tallies): RunListener {
  return (run, moment) => {
    if (typeof moment === "object") return
    const { runs, steps } = tallies.ofWorkflow(run.workflow)
    const outcome = STEPS[moment]
    if (outcome !== undefined) steps[outcome]++
    else if (moment === "begin") runs.started++
    else if (moment === "resume") runs.resumed++
    else if (
      moment === "finish" &&
      (run.state === "done" || run.state === "reverted" || run.state === "failed")
    )
      runs[run.state]++
  }
}
