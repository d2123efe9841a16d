import type { Clock } from "../core/clock.ts"
import type { RunContext } from "../core/run.ts"
import type { RunLease } from "../engine/runs.ts"
import type { Children } from "./children.ts"
import type { EventWaits } from "./event-waits.ts"

/** What stays the same of a run as long as it is. */
export interface RunIdentity {
  readonly id: string
  readonly workflow: string
  readonly scope: string // its key
  readonly transactionId: string
  readonly parentKey: string | null // the idempotency key of the step whose child it is
  readonly input: string | null
  readonly context: RunContext
  readonly startedAt: number
}

/** What a step's attempt needs to know of its run. */
export interface RunFacts extends RunIdentity {
  readonly clock: Clock
  readonly container: unknown
  readonly worker: number
  readonly lease: RunLease
  readonly children: Children
  readonly waits: EventWaits
  loggerFor(step: string): unknown
  /** A step goes on past its timeout: those who look are told. */
  stuck(step: string): void
}
