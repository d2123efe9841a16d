import type { Clock } from "../core/clock.ts"
import type { RunState, StepRecord } from "../core/run.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { RunLease } from "../engine/runs.ts"
import type { Tracing } from "../telemetry/tracing.ts"
import type { WorkSpan } from "../telemetry/work-span.ts"
import type { Committer } from "../worker/committer.ts"
import type { Children } from "./children.ts"
import type { WorkflowDefinition } from "./definition.ts"
import type { EventWaits } from "./event-waits.ts"

/** The room that a run lives in. */
export interface RunSeat<Run> {
  readonly clock: Clock
  readonly committer: Committer
  readonly queries: QueriesPort
  readonly children: Children
  readonly waits: EventWaits
  readonly tracing: Tracing
  /** Not without a lease, nor while the store refuses writes, nor once we stop. */
  mayStart(): boolean
  /** Somebody wants the workflow to wait: what runs may end, and nothing begins. */
  isPaused(run: Run): boolean
  loggerFor(run: Run, step: string): unknown
  /** Releases or clears what its steps emitted, for good. */
  finish(run: Run, state: RunState): Promise<void>
  tell(run: Run, moment: RunMomentName, step: string | null): void
  /** An attempt of one of its steps has ended, after so long. */
  ran(run: Run, ms: number): void
  /** It is not held here any more. */
  gone(run: Run, how: RunEnd): void
  onError(error: unknown): void
}

export type RunMomentName =
  | "begin"
  | "resume"
  | "finish"
  | "compensateBegin"
  | "timeout"
  | "background"
  | "stepBegin"
  | "stepSuccess"
  | "stepFailure"
  | "stepAwaiting"
  | "stepSkipped"
  | "compensateStepSuccess"
  | "compensateStepFailure"

export type RunEnd =
  | { readonly kind: "ended" | "lost" }
  | { readonly kind: "parked"; readonly dueAt: number | null; readonly isHeldBack: boolean } // by a pause

/** How a run came to be held here. */
export interface RunTake {
  readonly lease: RunLease
  readonly definition: WorkflowDefinition
  readonly container: unknown
  readonly records: readonly StepRecord[]
  readonly state: RunState
  readonly signals: number
  readonly cancelled: string | null
  readonly recovered: boolean // another process may have begun what no record tells of
  readonly suspected: boolean // whoever held it before died with it
  readonly staged: boolean // events may be staged under its group
  readonly span: WorkSpan | null // null = nobody traces it
}
