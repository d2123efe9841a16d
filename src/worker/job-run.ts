import type { AttemptRecord } from "../core/job.ts"
import type { Outcome } from "../core/outcome.ts"
import type { ChangeResult, LeasedRow } from "../engine/commit.ts"
import { reach } from "../engine/faults.ts"
import type { SubscriptionTally } from "../telemetry/tally.ts"
import type { Delivery, Home } from "./delivery.ts"
import type { Desk } from "./desk.ts"
import type { DeliveryTransaction } from "./handler-transaction.ts"
import type { HeldLease } from "./held.ts"
import { outcomeOf, recordOf } from "./verdict.ts"

/** Where a delivery reports while its batch is being spilled: the result waits for the job's number. */
export class SpillingHome implements Home {
  readonly #desk: Desk
  readonly #delivery: Delivery
  #result: { error: unknown; ms: number } | null = null

  constructor(desk: Desk, delivery: Delivery) {
    this.#desk = desk
    this.#delivery = delivery
    delivery.home = this
  }

  done(_: Delivery, error: unknown, ms: number): void {
    this.#result = { error, ms }
  }

  /** The job is written, or it was fenced (number 0): then the delivery is somebody else's. */
  arrive(row: LeasedRow, worker: number): void {
    reach("spill.after")
    const home =
      row.no === 0
        ? new NoHome(this.#desk)
        : new JobRun(this.#desk, { ...row, worker, skips: false, isolated: false })
    this.#delivery.home = home
    if (this.#result !== null) home.done(this.#delivery, this.#result.error, this.#result.ms)
  }
}

/** Nobody waits for this result any more. */
export class NoHome implements Home {
  readonly #desk: Desk

  constructor(desk: Desk) {
    this.#desk = desk
  }

  done(): void {
    this.#desk.settled(null, 1, false)
  }
}

/** Thrown where nothing was tried: the delivery waits until then, and keeps all its attempts. */
export class Postponed extends Error {
  readonly until: number // epoch ms

  constructor(until: number, why: string) {
    super(why)
    this.until = until
  }
}

export interface JobTerms {
  readonly worker: number
  readonly skips: boolean // a failure lets the later ones of its key pass
  readonly isolated: boolean
}

/** A job that this worker holds. */
export class JobRun implements Home, HeldLease {
  readonly source = "job"
  readonly no: number
  readonly epoch: number
  readonly worker: number
  readonly #desk: Desk
  readonly #skips: boolean
  readonly #isolated: boolean
  #settledWithin: ChangeResult | null = null

  constructor(desk: Desk, lease: LeasedRow & JobTerms) {
    this.#desk = desk
    this.no = lease.no
    this.epoch = lease.epoch
    this.worker = lease.worker
    this.#skips = lease.skips
    this.#isolated = lease.isolated
    desk.held.add(this)
  }

  async settleWithin(transaction: DeliveryTransaction, delivery: Delivery, ms: number): Promise<void> {
    const { no, worker, epoch } = this
    const outcome: Outcome = { kind: "delivered" }
    const record = recordOf(this.#desk, delivery, outcome, ms, worker)
    const change = { kind: "settle-job", no, worker, epoch, outcome, record, unordered: false } as const
    this.#settledWithin = await transaction.settle(change)
  }

  done(delivery: Delivery, error: unknown, ms: number): void {
    if (this.#settledWithin !== null) {
      if (this.#settledWithin.status === "ok") delivery.handler.tally.delivered++
      this.#ended(1, this.#settledWithin.status === "ok" && isWaitedFor(delivery))
      return
    }
    if (error instanceof Postponed) {
      this.#settle({ kind: "retry", dueAt: error.until, error: error.message }, null, delivery)
      return
    }
    const outcome: Outcome =
      error === undefined ? { kind: "delivered" } : outcomeOf(this.#desk, delivery, error)
    this.#settle(outcome, recordOf(this.#desk, delivery, outcome, ms, this.worker), delivery)
  }

  /** It was not begun, or its result does not count: another worker, or a later time, may have it. */
  handBack(): void {
    this.#settle({ kind: "retry", dueAt: this.#desk.clock.now(), error: "" }, null, null)
  }

  /** It is not tried any more; `tally` counts that for its subscription, where that is handled here. */
  cancel(reason: string, tally: SubscriptionTally | undefined): void {
    this.#settle({ kind: "cancelled", reason }, null, null)
    if (tally !== undefined) tally.cancelled++
  }

  mark(reason: string): void {
    const { no, worker, epoch } = this
    this.#desk.committer.settle({ kind: "mark-job", no, worker, epoch, reason }).catch(ignore)
  }

  #ended(counted: number, more: boolean): void {
    this.#desk.held.delete(this)
    if (this.#isolated) this.#desk.isolatedEnded(this.no)
    this.#desk.settled(this.worker, counted, more)
  }

  #settle(outcome: Outcome, record: AttemptRecord | null, delivery: Delivery | null): void {
    const { no, worker, epoch } = this
    const unordered = this.#skips && outcome.kind === "retry" && record !== null // what was not tried keeps its place
    const counted = delivery === null ? 0 : 1
    this.#desk.committer.settle({ kind: "settle-job", no, worker, epoch, outcome, record, unordered }).then(
      (result) => {
        if (result.status === "ok" && delivery !== null && record !== null)
          delivery.handler.tally[outcome.kind]++
        if (result.status === "ok" && outcome.kind === "dead" && delivery !== null)
          this.#desk.died(delivery, outcome)
        if (result.status === "ok" && outcome.kind === "retry") this.#desk.dueBy(outcome.dueAt)
        this.#ended(counted, result.status === "ok" && delivery !== null && isWaitedFor(delivery))
      },
      () => this.#ended(counted, false),
    )
    if (delivery !== null && isWaitedFor(delivery)) this.#desk.committer.hurry()
  }
}

/** Others of its key, or for its slot, may go only now that it is written as settled. */
function isWaitedFor({ view, handler }: Delivery): boolean {
  return handler.sharesSlots || (view.key !== null && handler.policy.order !== null)
}

function ignore(): void {
  // The store is closing: what only informs may be lost.
}
