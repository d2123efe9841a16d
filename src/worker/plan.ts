import { PART_SIZE, slices } from "../core/batch.ts"
import type { DraftEvent } from "../core/event.ts"
import { lineOf } from "../core/line.ts"
import type { ResolvedPolicy } from "../core/policy.ts"
import { type Road, type Router, roadOf, wants } from "../core/route.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { AppendEvents, NewBatch, NewJob, NewPart, StagedRelease } from "../engine/commit.ts"

export interface PlanOptions {
  readonly router: Router
  readonly commitId: string
  readonly group: string // whose batches this process may run from memory
  readonly fastPath: boolean
  /** How many more deliveries of a subscription could start here at once; 0 where nothing may. */
  readonly freeSlots: (subscription: number) => number
}

/**
 * What routing decided for the events of one commit: batches, jobs and parts, and, for our own
 * group, everything needed to run its batches from memory once they are written.
 */
export class AppendPlan {
  readonly events: DraftEvent[] = []
  readonly emits: number[] = []
  readonly #router: Router
  readonly #commitId: string
  readonly #group: string
  readonly #fastPath: boolean
  readonly #batches = new Map<string, PlannedBatch>()
  readonly #jobs: NewJob[] = []
  readonly #leased: LeasedJob[] = []
  readonly #freeSlots: (subscription: number) => number
  readonly #slotsUsed = new Map<number, number>()
  readonly #waiting = new Map<
    string,
    { subscription: SubscriptionVersion; priority: number; reason: string; indexes: number[] }
  >()
  #ownDeliveries = 0
  #ownQueued = false

  constructor({ router, commitId, group, fastPath, freeSlots }: PlanOptions) {
    this.#freeSlots = freeSlots
    this.#router = router
    this.#commitId = commitId
    this.#group = group
    this.#fastPath = fastPath
  }

  get commitId(): string {
    return this.#commitId
  }

  get catalogVersion(): number {
    return this.#router.version
  }

  /** Deliveries that our own group would run from memory. */
  get ownDeliveries(): number {
    return this.#ownDeliveries
  }

  /** Is there work in it for our own group that is not run from memory? */
  get ownQueued(): boolean {
    return this.#ownQueued
  }

  add(event: DraftEvent, emit: number): void {
    const index = this.events.length
    this.events.push(event)
    this.emits.push(emit)
    const { candidates, plain } = this.#router.route(event.name, event.scope, event.sender)
    if (candidates.length === 0) return
    if (plain !== null && event.deliverAt === null && this.#fastPath) {
      for (const subscription of plain) this.#direct(subscription, event, index, null)
      return
    }
    let view: EventView | null = null
    for (const candidate of candidates) {
      if (candidate.filter !== null) view ??= new EventView(event, this.#commitId, index)
      if (view !== null && !wants(candidate, view)) continue
      this.#send(candidate.subscription, event, index, view)
    }
  }

  toChange(worker: number | null, again: boolean, release: StagedRelease | null): AppendEvents {
    return {
      kind: "append",
      commitId: this.#commitId,
      again,
      catalogVersion: this.#router.version,
      events: this.events,
      emits: this.emits,
      batches: [...this.#batches.values()].map((batch) =>
        batch.toNew(batch.group === this.#group ? worker : null),
      ),
      worker,
      jobs: this.#jobs,
      parts: [...this.#waiting.values()].flatMap((each) => this.#toParts(each)),
      release,
    }
  }

  /** The planned batches in the order of the change, which is the order of its results. */
  get batches(): readonly PlannedBatch[] {
    return [...this.#batches.values()]
  }

  /** The jobs that are born leased, in the order of the change's results. */
  get leased(): readonly LeasedJob[] {
    return this.#leased
  }

  #send(subscription: SubscriptionVersion, event: DraftEvent, index: number, view: EventView | null): void {
    const { road, reason } = roadOf(subscription.definition, event)
    if (road === "direct" && this.#fastPath) {
      this.#direct(subscription, event, index, view)
      return
    }
    if (road === "part" && this.#fastPath) {
      if (subscription.group === this.#group) this.#ownQueued = true
      this.#wait(subscription, event.priority, reason, index)
      return
    }
    const leased = mayBeBornLeased(subscription, road, reason) && this.#takeSlot(subscription)
    this.#jobs.push(toJob(subscription, event, index, reason, leased))
    if (leased) this.#leased.push({ subscription, index, view })
    else if (subscription.group === this.#group) this.#ownQueued = true
  }

  /** A job that nothing but its row keeps waiting is born leased where a slot is free: no claim is needed. */
  #takeSlot(subscription: SubscriptionVersion): boolean {
    if (subscription.group !== this.#group) return false
    const used = this.#slotsUsed.get(subscription.no) ?? 0
    if (used >= this.#freeSlots(subscription.no)) return false
    this.#slotsUsed.set(subscription.no, used + 1)
    this.#ownDeliveries++
    return true
  }

  #direct(subscription: SubscriptionVersion, event: DraftEvent, index: number, view: EventView | null): void {
    const { group } = subscription
    const key = event.priority === 1 ? group : `${group}\n${event.priority}`
    let batch = this.#batches.get(key)
    if (batch === undefined) {
      batch = new PlannedBatch(group, event.priority)
      this.#batches.set(key, batch)
    }
    batch.add(subscription, index, view)
    if (group === this.#group) this.#ownDeliveries++
  }

  #wait(subscription: SubscriptionVersion, priority: number, reason: string, index: number): void {
    const key = `${subscription.no}\n${priority}\n${reason}`
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) this.#waiting.set(key, { subscription, priority, reason, indexes: [index] })
    else waiting.indexes.push(index)
  }

  #toParts({
    subscription,
    priority,
    reason,
    indexes,
  }: {
    subscription: SubscriptionVersion
    priority: number
    reason: string
    indexes: number[]
  }): NewPart[] {
    return slices(indexes, PART_SIZE).map((some) => ({
      group: subscription.group,
      subscription: subscription.no,
      priority,
      replay: 0,
      reason,
      catalogVersion: this.#router.version,
      refs: some.map((index) => ({ commitId: this.#commitId, index })),
    }))
  }
}

/** What nothing but a free slot is needed for: no order, no limit over all workers, no time, no pause. */
function mayBeBornLeased({ definition }: SubscriptionVersion, road: Road, reason: string): boolean {
  return road === "direct" || reason === "recorded" || (reason === "transactional" && !definition.paused)
}

export interface LeasedJob {
  readonly subscription: SubscriptionVersion
  readonly index: number
  readonly view: EventView | null
}

/** A batch to be: which subscription gets which event of the commit. */
export class PlannedBatch {
  readonly group: string
  readonly priority: number
  readonly indexes: number[] = []
  readonly subscriptions: SubscriptionVersion[] = []
  readonly views: (EventView | null)[] = []
  readonly #counts = new Map<number, number>()

  constructor(group: string, priority: number) {
    this.group = group
    this.priority = priority
  }

  add(subscription: SubscriptionVersion, index: number, view: EventView | null): void {
    this.indexes.push(index)
    this.subscriptions.push(subscription)
    this.views.push(view)
    this.#counts.set(subscription.no, (this.#counts.get(subscription.no) ?? 0) + 1)
  }

  toNew(worker: number | null): NewBatch {
    return {
      group: this.group,
      priority: this.priority,
      deliveries: Object.fromEntries(this.#counts),
      worker,
    }
  }
}

function toJob(
  subscription: SubscriptionVersion,
  event: DraftEvent,
  index: number,
  reason: string,
  leased: boolean,
): NewJob {
  return {
    index,
    subscription: subscription.no,
    group: subscription.group,
    scope: event.scope,
    key: jobKey(subscription.definition.policy, event),
    priority: event.priority,
    dueAt: event.deliverAt ?? 0,
    reason,
    leased,
  }
}

/** The line in which a job is ordered or limited. */
function jobKey({ order, keyConcurrency }: ResolvedPolicy, event: DraftEvent): string | null {
  if (event.key === null) return null
  const { deliverAt } = event
  const line = lineOf(event.scope, event.key)
  // A delayed event keeps nobody of its key waiting: its place is when it falls due.
  if (order !== null) return deliverAt === null ? line : null
  return keyConcurrency ? line : null
}
