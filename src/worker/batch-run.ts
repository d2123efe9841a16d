import { type BatchOutcome, CRASHES_BEFORE_ISOLATION, PART_SIZE, slices } from "../core/batch.ts"
import type { EventKey } from "../core/ids.ts"
import { DEAD, LEASED, stateAfter, WAITING } from "../core/job.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { EventView } from "../core/view.ts"
import type { ContinuedJob, LeasedRow, NewPart } from "../engine/commit.ts"
import { reach } from "../engine/faults.ts"
import { Delivery, type Home } from "./delivery.ts"
import type { Desk } from "./desk.ts"
import type { HeldLease } from "./held.ts"
import { SpillingHome } from "./job-run.ts"
import type { OpenBatch } from "./open-batches.ts"
import { outcomeOf, recordOf } from "./verdict.ts"

/** A batch or part that this worker holds: its deliveries, and what is known of them so far. */
export class BatchRun implements Home, OpenBatch, HeldLease {
  readonly source: "batch" | "part"
  readonly no: number
  readonly epoch: number
  readonly worker: number
  readonly group: string
  readonly priority: number
  readonly replay: number
  readonly catalogVersion: number
  readonly startedAt: number
  readonly #desk: Desk
  readonly #deliveries: Delivery[] = []
  readonly #outcome = new Map<number, [number, number, number]>()
  readonly #jobs: ContinuedJob[] = []
  readonly #absent: { readonly subscription: number; readonly key: EventKey }[] = []
  #pending = 0
  #finished = 0
  #closed = false

  constructor(
    desk: Desk,
    lease: {
      source: "batch" | "part"
      no: number
      epoch: number
      worker: number
      group: string
      priority: number
      replay: number
      catalogVersion: number
    },
  ) {
    this.#desk = desk
    this.source = lease.source
    this.no = lease.no
    this.epoch = lease.epoch
    this.worker = lease.worker
    this.group = lease.group
    this.priority = lease.priority
    this.replay = lease.replay
    this.catalogVersion = lease.catalogVersion
    this.startedAt = desk.clock.monotonic()
    desk.held.add(this)
  }

  /** Something of it is handled, and can only be settled when it is closed. */
  get hasFinished(): boolean {
    return this.#finished > 0
  }

  /** One delivery of it; one whose handler lives elsewhere is left to a sibling. */
  add(subscription: SubscriptionVersion, view: EventView): void {
    const handler = this.#desk.handlers.get(subscription.no)
    if (handler === undefined) {
      this.#absent.push({
        subscription: subscription.no,
        key: { commitId: view.commitId, index: view.index },
      })
      return
    }
    const delivery = new Delivery(this, handler, view, this.#desk.tools, { replay: this.replay })
    if (handler.aloneBecause !== null) {
      // It was routed before its policy was what it is now.
      this.#jobs.push(this.#waitingJob(delivery, handler.aloneBecause))
      return
    }
    this.#deliveries.push(delivery)
    this.#pending++
  }

  start(): void {
    if (this.#pending === 0) {
      this.#settle()
      return
    }
    const { runner } = this.#desk
    for (const delivery of this.#deliveries) runner.run(delivery)
  }

  done(delivery: Delivery, error: unknown, ms: number): void {
    this.#pending--
    this.#finished++
    if (error === undefined) {
      const sums = this.#outcome.get(delivery.handler.no)
      if (sums === undefined) this.#outcome.set(delivery.handler.no, [1, ms, ms])
      else {
        sums[0]++
        sums[1] += ms
        if (ms > sums[2]) sums[2] = ms
      }
    } else this.#jobs.push(this.#failed(delivery, error, ms))
    if (this.#pending === 0 && !this.#closed) this.#settle()
  }

  /** Gives up what is not finished: running ones become jobs of this worker, the others wait as parts. */
  spill(): void {
    if (this.#closed) return
    const running = this.#deliveries.filter((each) => each.state === "running")
    const waiting = this.#deliveries.filter((each) => each.state === "waiting")
    for (const delivery of waiting) this.#desk.runner.giveUp(delivery)
    const homes = running.map((delivery) => new SpillingHome(this.#desk, delivery))
    reach("spill.before")
    this.#close(
      running.map((delivery) => this.#bornLeased(delivery)),
      [...this.#absentParts(), ...this.#partsOf(waiting)],
      homes,
    )
  }

  /** Its lease is gone: whatever its deliveries still report is nobody's business. */
  forget(): void {
    this.#closed = true
    this.#desk.held.delete(this)
  }

  #settle(): void {
    this.#close([], this.#absentParts(), [])
  }

  #close(running: readonly ContinuedJob[], parts: readonly NewPart[], homes: readonly SpillingHome[]): void {
    this.#closed = true
    this.#desk.closed(this)
    reach("handlers.after")
    const jobs = [...this.#jobs, ...running]
    const finished = this.#finished
    const settled = this.#desk.committer.settle({
      kind: "settle-batch",
      lease: { source: this.source, no: this.no, worker: this.worker, epoch: this.epoch },
      outcome: this.#rounded(),
      jobs,
      parts,
    })
    settled.then(
      (result) => {
        this.#desk.held.delete(this)
        if (result.status === "ok") this.#count()
        const rows = result.status === "ok" ? (result.jobs ?? []) : []
        for (const [i, home] of homes.entries()) home.arrive(rows[this.#jobs.length + i] ?? GONE, this.worker)
        if (result.status === "ok") for (const job of this.#jobs) this.#desk.reported(job)
        this.#desk.settled(
          this.worker,
          finished,
          result.status === "ok" && (jobs.length > 0 || parts.length > 0),
        )
      },
      () => {
        this.#desk.held.delete(this)
        for (const home of homes) home.arrive(GONE, this.worker)
        this.#desk.settled(this.worker, finished, false)
      },
    )
  }

  #count(): void {
    for (const [no, [delivered]] of this.#outcome) {
      const tally = this.#desk.handlers.get(no)?.tally
      if (tally !== undefined) tally.delivered += delivered
    }
    for (const { subscription, attempt, state } of this.#jobs) {
      const tally = attempt === 0 ? undefined : this.#desk.handlers.get(subscription)?.tally
      if (tally !== undefined) tally[state === DEAD ? "dead" : "retry"]++
    }
  }

  #rounded(): BatchOutcome {
    const outcome: Record<number, [number, number, number]> = {}
    for (const [no, [count, total, longest]] of this.#outcome) {
      outcome[no] = [count, Math.round(total * 1000) / 1000, Math.round(longest * 1000) / 1000]
    }
    return outcome
  }

  #failed(delivery: Delivery, error: unknown, ms: number): ContinuedJob {
    const outcome = outcomeOf(this.#desk, delivery, error)
    return {
      ...this.#jobOf(delivery),
      state: stateAfter(outcome),
      reason: outcome.kind === "dead" ? outcome.reason : outcome.kind,
      dueAt: outcome.kind === "retry" ? outcome.dueAt : this.#desk.clock.now(),
      attempt: delivery.attempt,
      error: "error" in outcome ? outcome.error : null,
      history: [recordOf(this.#desk, delivery, outcome, ms, this.worker)],
    }
  }

  #waitingJob(delivery: Delivery, reason: string): ContinuedJob {
    const rest = { dueAt: 0, attempt: 0, error: null, history: [] }
    return { ...this.#jobOf(delivery), ...rest, state: WAITING, reason }
  }

  #bornLeased(delivery: Delivery): ContinuedJob {
    const reason = delivery.timedOut ? "stuck" : "running"
    return {
      ...this.#jobOf(delivery),
      state: LEASED,
      reason,
      dueAt: this.#desk.clock.now(),
      attempt: 0,
      error: null,
      history: [],
    }
  }

  #jobOf(
    delivery: Delivery,
  ): Omit<ContinuedJob, "state" | "reason" | "dueAt" | "attempt" | "error" | "history"> {
    const { view, handler } = delivery
    return {
      commitId: view.commitId,
      index: view.index,
      subscription: handler.no,
      group: this.group,
      replay: this.replay,
      scope: view.stored.scope,
      priority: this.priority,
      crashes: 0,
      isolated: false,
    }
  }

  #partsOf(waiting: readonly Delivery[]): NewPart[] {
    const keys = waiting.map((each) => ({
      subscription: each.handler.no,
      key: { commitId: each.view.commitId, index: each.view.index },
    }))
    return toParts(this, keys, "spilled")
  }

  #absentParts(): NewPart[] {
    return toParts(this, this.#absent, "absent")
  }
}

const GONE: LeasedRow = { no: 0, epoch: 0 }

function toParts(
  batch: { group: string; priority: number; replay: number; catalogVersion: number },
  deliveries: readonly { readonly subscription: number; readonly key: EventKey }[],
  reason: string,
): NewPart[] {
  const bySubscription = new Map<number, EventKey[]>()
  for (const { subscription, key } of deliveries) {
    const keys = bySubscription.get(subscription)
    if (keys === undefined) bySubscription.set(subscription, [key])
    else keys.push(key)
  }
  const { group, priority, replay, catalogVersion } = batch
  return [...bySubscription].flatMap(([subscription, keys]) =>
    slices(keys, PART_SIZE).map((refs) => ({
      group,
      subscription,
      priority,
      replay,
      reason,
      catalogVersion,
      refs,
    })),
  )
}

/** A batch whose takers died twice is taken apart: each delivery alone, at most one at a time in a process. */
export function takeApart(
  group: string,
  priority: number,
  replay: number,
  deliveries: readonly { readonly subscription: SubscriptionVersion; readonly view: EventView }[],
): ContinuedJob[] {
  return deliveries.map(({ subscription, view }) => ({
    commitId: view.commitId,
    index: view.index,
    subscription: subscription.no,
    group,
    replay,
    scope: view.stored.scope,
    priority,
    state: WAITING,
    reason: "isolated",
    dueAt: 0,
    attempt: 0,
    crashes: CRASHES_BEFORE_ISOLATION,
    isolated: true,
    error: null,
    history: [],
  }))
}
