/** The states of a run; words in the store and everywhere else. The last three are final. */
export const RUN_STATES = ["invoking", "compensating", "done", "reverted", "failed"] as const
export type RunState = (typeof RUN_STATES)[number]

export function isEnded(state: RunState): boolean {
  return state === "done" || state === "reverted" || state === "failed"
}

/** Why a run waits whose workflow is paused; for so long, since of a pause others may hear a little later. */
export const PAUSED = { reason: "its workflow is paused", forMs: 1_000 } as const

/** Events that steps emit have ids that begin with their run's. */
export function isRunId(id: string): boolean {
  return id.startsWith("run_") && !id.includes(":")
}

export type StepPhase = "invoke" | "compensate"

/**
 * What became of an attempt of a step.
 *
 * - `done`, `skipped`: the step is over; what follows may begin
 * - `failed`: it may be tried again, as its configuration says, from `dueAt` on
 * - `permanent`: it failed for good
 * - `waiting`: its code has run, or it has none; somebody, an event or a time (`dueAt`) ends it
 * - `again`: an operator lets it have one more attempt, whatever its configuration says
 */
export type StepOutcome = "done" | "skipped" | "failed" | "permanent" | "waiting" | "again"

/** One attempt of one step, as kept. Texts are values written by `core/value.ts`. */
export interface StepRecord {
  readonly step: string
  readonly phase: StepPhase
  readonly attempt: number // from 1
  readonly outcome: StepOutcome
  readonly at: number // when it began, epoch ms
  readonly ms: number
  readonly input: string | null
  readonly output: string | null // null = undefined
  readonly undo: string | null // what its compensation gets instead of the output; null = the output
  readonly error: string | null
  readonly dueAt: number | null // of `failed`: not before; of `waiting`: until; null = at once, or for ever
  readonly wait: StepWait | null // of `waiting`: for what
  readonly worker: number
}

/** What a step waits for that has no code of its own running. */
export type StepWait =
  | { readonly kind: "response" } // `setStepSuccess` or `setStepFailure`
  | { readonly kind: "time" } // its `dueAt`
  | { readonly kind: "event"; readonly event: string; readonly filter: unknown } // filter: null = any of that name
  | { readonly kind: "run"; readonly run: string } // a child run's id

/** What a run knows of itself from its start on. */
export interface RunContext {
  readonly eventGroupId: string
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly timeoutAt: number | null // epoch ms; null = none
  readonly deadline: string | null // why, for the error
  readonly retentionMs: number | null // how long an ended run is kept; null = as long as the store's history
  readonly ownsGroup: boolean // false = a parent run releases or clears the event group
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly traceparent: string | null
  readonly erasedAt?: number // epoch ms; absent = all of it is there
}
