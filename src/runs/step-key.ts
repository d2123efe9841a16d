import { expected, InvalidInputError } from "../core/errors.ts"
import type { StepPhase } from "../core/run.ts"

export interface StepKey {
  readonly workflowId: string
  readonly transactionId: string // or the run's id
  readonly stepId: string
  readonly action: StepPhase
}

/** As steps get it, with the run's id in it, which no name of ours looks like; workflows and steps may have colons. */
const OURS = /^(.+?):(run_[0-9A-Z]{26}):(.+):(invoke|compensate)$/s
/** As somebody may put it together who knows the transaction's id. */
const OTHERS = /^([^:]+):(.+):([^:]+):(invoke|compensate)$/s

export function parseStepKey(key: string): StepKey {
  const [, workflowId, transactionId, stepId, action] = OURS.exec(key) ?? OTHERS.exec(key) ?? []
  if (action === undefined)
    throw new InvalidInputError(
      expected(
        "an idempotency key as steps get it (workflow:run:step:invoke), or an object of its parts",
        key,
      ),
    )
  return { workflowId, transactionId, stepId, action } as StepKey
}
