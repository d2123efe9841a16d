import type { Clock } from "../core/clock.ts"
import type { Failure } from "../core/failure.ts"
import type { Outcome } from "../core/outcome.ts"
import type { ContinuedJob } from "../engine/commit.ts"
import type { Committer } from "./committer.ts"
import type { Delivery } from "./delivery.ts"
import type { Handlers, HandlerTools } from "./handlers.ts"
import type { Held } from "./held.ts"
import type { OpenBatch } from "./open-batches.ts"
import type { Runner } from "./runner.ts"

/** What leased work needs of its worker: where it runs, where it is written, whom it tells. */
export interface Desk {
  readonly clock: Clock
  readonly random: () => number
  readonly runner: Runner
  readonly committer: Committer
  readonly handlers: Handlers
  readonly tools: HandlerTools
  readonly held: Held
  /** This batch is closed: nothing of it runs under its lease any more. */
  closed(run: OpenBatch): void
  /** So many deliveries handled under this worker number (null = whatever it was) are written; `more` = something waits now that did not before. */
  settled(worker: number | null, count: number, more: boolean): void
  /** Something that waits in the store falls due then. */
  dueBy(at: number): void
  /** The one isolated job that may run here is written; the next may be claimed. */
  isolatedEnded(job: number): void
  /** A delivery of a batch goes on as this job. */
  reported(job: ContinuedJob): void
  /** An attempt failed; this is what becomes of its delivery. */
  failed(delivery: Delivery, outcome: Outcome, failure: Failure): void
  /** A delivery has no attempts left. */
  died(delivery: Delivery, outcome: Extract<Outcome, { kind: "dead" }>): void
}
