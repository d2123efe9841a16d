import { TAKES_BEFORE_ISOLATION } from "../core/batch.ts"
import { EVENT_ERASED, isErased } from "../core/erasure.ts"
import { type Router, roadOf } from "../core/route.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { AppendResult, LeasedRow } from "../engine/commit.ts"
import type { ClaimedJob, TakenBatch } from "../engine/leases.ts"
import { BatchRun, takeApart } from "./batch-run.ts"
import type { CatalogCache } from "./catalog-cache.ts"
import { Delivery } from "./delivery.ts"
import type { Desk } from "./desk.ts"
import type { IsolatedSlot } from "./isolated-slot.ts"
import { JobRun } from "./job-run.ts"
import type { OpenBatches } from "./open-batches.ts"
import type { AppendPlan } from "./plan.ts"

export interface IntakeOptions {
  readonly desk: Desk
  readonly batches: OpenBatches
  readonly isolated: IsolatedSlot
  readonly catalog: CatalogCache
  readonly group: string
  readonly onTaken: (event: EventView, subscriptions: number) => void
}

/** Turns what is leased to this worker, written by itself or taken from the store, into running deliveries. */
export class Intake {
  readonly #desk: Desk
  readonly #batches: OpenBatches
  readonly #isolated: IsolatedSlot
  readonly #catalog: CatalogCache
  readonly #group: string
  readonly #onTaken: IntakeOptions["onTaken"]

  constructor({ desk, batches, isolated, catalog, group, onTaken }: IntakeOptions) {
    this.#desk = desk
    this.#batches = batches
    this.#isolated = isolated
    this.#catalog = catalog
    this.#group = group
    this.#onTaken = onTaken
  }

  /** What a plan of ours became when it was written: leased to us, and run from memory. */
  begin(
    plan: AppendPlan,
    worker: number,
    { batches, jobs, rejected, existing, missing }: AppendResult,
  ): void {
    const left = leftOut(plan, rejected, existing, missing)
    plan.batches.forEach((planned, i) => {
      const row = batches[i]
      if (row === undefined || planned.group !== this.#group) return
      if (row.epoch !== 1) return // born open since we were given up for dead, or taken by another meanwhile
      const run = new BatchRun(this.#desk, {
        source: "batch",
        no: row.no,
        epoch: row.epoch,
        worker,
        group: planned.group,
        priority: planned.priority,
        replay: 0,
        catalogVersion: plan.catalogVersion,
      })
      let view: EventView | null = null
      let viewIndex = -1
      planned.indexes.forEach((index, j) => {
        if (left?.has(index)) return
        if (index !== viewIndex) {
          view = planned.views[j] ?? new EventView(plan.events[index] as never, plan.commitId, index)
          viewIndex = index
          this.#onTaken(view, planned.indexes.length === 1 ? 1 : countAt(planned.indexes, j))
        }
        run.add(planned.subscriptions[j] as SubscriptionVersion, view as EventView)
      })
      this.#batches.open(run)
    })
    plan.leased.forEach(({ subscription, index, view }, i) => {
      const row = jobs[i]
      if (row?.epoch !== 1) return
      const event = view ?? new EventView(plan.events[index] as never, plan.commitId, index)
      this.#onTaken(event, 1)
      this.#runJob(row, worker, subscription.no, event, NEW_JOB)
    })
  }

  /** A batch or part from the store. */
  async openTaken(taken: TakenBatch, worker: number): Promise<void> {
    const router = await this.#catalog.routerOf(taken.catalogVersion)
    const deliveries = this.#derive(taken, router)
    if (taken.takes >= TAKES_BEFORE_ISOLATION) {
      const jobs = takeApart(this.#group, taken.priority, taken.replay, deliveries)
      const lease = { source: taken.source, no: taken.no, worker, epoch: taken.epoch }
      const { held, committer } = this.#desk
      held.add(lease)
      const settled = committer.settle({ kind: "settle-batch", lease, outcome: {}, jobs, parts: [] })
      const result = await settled.finally(() => held.delete(lease))
      this.#desk.settled(worker, 0, result.status === "ok")
      return
    }
    const run = new BatchRun(this.#desk, {
      source: taken.source,
      no: taken.no,
      epoch: taken.epoch,
      worker,
      group: this.#group,
      priority: taken.priority,
      replay: taken.replay,
      catalogVersion: taken.catalogVersion,
    })
    for (const { subscription, view } of deliveries) run.add(subscription, view)
    this.#batches.open(run)
  }

  /** The deliveries of a taken batch: pure routing, the same for every taker. */
  #derive(taken: TakenBatch, router: Router): { subscription: SubscriptionVersion; view: EventView }[] {
    const deliveries: { subscription: SubscriptionVersion; view: EventView }[] = []
    for (const row of taken.events) {
      const view = new EventView(row, row.commitId, row.index)
      if (view.extra.erased !== undefined) continue // nothing is left to deliver
      if ((view.extra.priority ?? 1) !== taken.priority && taken.subscription === null) continue
      const wanted =
        taken.subscription === null ? this.#directOf(router, view) : this.#partOf(taken.subscription)
      for (const subscription of wanted) deliveries.push({ subscription, view })
      if (wanted.length > 0) this.#onTaken(view, wanted.length)
    }
    return deliveries
  }

  #directOf(router: Router, view: EventView): SubscriptionVersion[] {
    const event = { key: view.key, deliverAt: view.extra.deliverAt ?? null }
    return router
      .subscriptionsOf(view)
      .filter((each) => each.group === this.#group && roadOf(each.definition, event).road === "direct")
  }

  #partOf(no: number): SubscriptionVersion[] {
    const version = this.#catalog.subscriptions.findLast((each) => each.no === no)
    return version === undefined ? [] : [version]
  }

  /** A claimed delivery. */
  openJob(job: ClaimedJob, worker: number): void {
    if (job.event === null || isErased(job.event)) {
      const run = new JobRun(this.#desk, {
        no: job.no,
        epoch: job.epoch,
        worker,
        skips: false,
        isolated: job.isolated,
      })
      run.cancel(
        job.event === null ? "its event is gone" : EVENT_ERASED,
        this.#desk.handlers.get(job.subscription)?.tally,
      )
      return
    }
    const view = new EventView(job.event, job.event.commitId, job.event.index)
    if (job.attempt === 0) this.#onTaken(view, 1)
    this.#runJob(job, worker, job.subscription, view, job)
  }

  #runJob(row: LeasedRow, worker: number, subscription: number, view: EventView, job: JobHistory): void {
    const handler = this.#desk.handlers.get(subscription)
    const skips = handler?.policy.order === "skip"
    if (job.isolated) this.#isolated.take(row.no)
    const run = new JobRun(this.#desk, {
      no: row.no,
      epoch: row.epoch,
      worker,
      skips,
      isolated: job.isolated,
    })
    if (handler === undefined) {
      run.handBack()
      return
    }
    const { attempt, replay, isolated, crashes } = job
    const delivery = new Delivery(run, handler, view, this.#desk.tools, {
      attempt: attempt + 1,
      replay,
      isolated,
    })
    if (isolated && crashes > TAKES_BEFORE_ISOLATION) this.#desk.runner.runAlone(delivery)
    else this.#desk.runner.run(delivery)
  }
}

type JobHistory = Pick<ClaimedJob, "attempt" | "replay" | "isolated" | "crashes">

const NEW_JOB: JobHistory = { attempt: 0, replay: 0, isolated: false, crashes: 0 }

function leftOut(
  plan: AppendPlan,
  rejected: AppendResult["rejected"],
  existing: AppendResult["existing"],
  missing: readonly number[],
): Set<number> | null {
  if (rejected.length + existing.length + missing.length === 0) return null
  const left = new Set<number>([...missing, ...existing.map((each) => each.index)])
  const refused = new Set(rejected.map((each) => each.emit))
  plan.emits.forEach((emit, index) => {
    if (refused.has(emit)) left.add(index)
  })
  return left
}

/** How many entries from here on speak of the same event. */
function countAt(indexes: readonly number[], from: number): number {
  let count = 1
  while (indexes[from + count] === indexes[from]) count++
  return count
}
