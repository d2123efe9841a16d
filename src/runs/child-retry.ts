import { isPermanent } from "../core/errors.ts"
import type { StepPhase, StepRecord } from "../core/run.ts"
import type { StepDefinition } from "./definition.ts"
import { readError } from "./step-error.ts"

type Ended = Pick<StepRecord, "outcome"> & Partial<Pick<StepRecord, "error" | "dueAt">>

/** A child that failed has undone itself: while its step may be tried again, it is begun anew. */
export function retryOfChild<End extends Ended>(
  end: End,
  { config, action }: StepDefinition,
  { phase, attempt, now }: { readonly phase: StepPhase; readonly attempt: number; readonly now: number },
): End {
  const isFailure = action.kind === "workflow" && phase === "invoke" && end.outcome === "permanent"
  if (!isFailure || attempt > config.maxRetries || isPermanent(readError(end.error ?? null))) return end
  return {
    ...end,
    outcome: "failed",
    dueAt: config.retryInterval === 0 ? null : now + config.retryInterval * 1000,
  }
}
