import type { LiveRun } from "./live-run.ts"
import { flowStepOf, outcomeOf, transactionOf, viewOfLive } from "./outcome.ts"
import type { RunMomentName } from "./run-seat.ts"
import type { Runs } from "./runs.ts"
import type { RunEvents } from "./service-contract.ts"

const NAMES: Readonly<Record<Exclude<RunMomentName, "background">, keyof RunEvents>> = {
  begin: "onBegin",
  resume: "onResume",
  finish: "onFinish",
  compensateBegin: "onCompensateBegin",
  timeout: "onTimeout",
  stepBegin: "onStepBegin",
  stepSuccess: "onStepSuccess",
  stepFailure: "onStepFailure",
  stepAwaiting: "onStepAwaiting",
  stepSkipped: "onStepSkipped",
  compensateStepSuccess: "onCompensateStepSuccess",
  compensateStepFailure: "onCompensateStepFailure",
}

/** Calls what the caller of a run wants to hear, as long as the run is held here. */
export function callEvents(
  runs: Runs,
  id: string,
  events: RunEvents | undefined,
  onError: (error: unknown) => void,
): void {
  if (events === undefined) return
  const off = runs.listeners.add(id, (run, moment, step) => {
    if (typeof moment === "object") {
      if (moment.kind === "ended") off()
      return
    }
    if (moment === "background") return
    call(
      events[NAMES[moment]] as ((about: object) => unknown) | undefined,
      () => aboutOf(run, moment, step),
      onError,
    )
  })
}

function aboutOf(run: LiveRun, moment: RunMomentName, step: string | null): object {
  const view = viewOfLive(run)
  if (moment === "finish") return outcomeOf(view)
  const transaction = transactionOf(view)
  return step === null ? { transaction } : { transaction, step: flowStepOf(view, step) }
}

/** Its errors are its own: the run goes on. */
export function call(
  listener: ((about: object) => unknown) | undefined,
  about: () => object,
  onError: (error: unknown) => void,
): void {
  if (listener === undefined) return
  try {
    Promise.resolve(listener(about())).catch(onError)
  } catch (error) {
    onError(error)
  }
}
