import { EVENT_ERASED } from "../core/erasure.ts"
import { deliveryId } from "../core/ids.ts"
import type { AttemptDetails, AttemptRecord } from "../core/job.ts"
import { type Router, roadOf } from "../core/route.ts"
import { isWithin, type Scopes } from "../core/scope.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { EventView } from "../core/view.ts"
import type { BatchRow, JobRow, PartRow, TraceRows } from "../engine/queries.ts"
import type { Staff } from "./staff.ts"
import { whyCancelled, whyDead, whyRetry, whyRunning, whyWaiting, withoutDetail } from "./why.ts"

export const DELIVERY_STATES = ["delivered", "running", "waiting", "retry", "dead", "cancelled"] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** What became of one event for one subscription. */
export interface DeliveryReport {
  readonly deliveryId: string
  readonly eventId: string
  readonly eventName: string | null // null = its event was pruned
  readonly subscription: string
  readonly group: string
  readonly replay: number // 0 = the emit itself; else the number of the replay that asked for it
  readonly state: DeliveryState
  /** What the store keeps it in: a job of its own, a part with others, a batch with all of its commit. */
  readonly home: "job" | "part" | "batch"
  /** Why it is so, in words; null when there is nothing to explain. */
  readonly why: string | null
  readonly since: Date
  readonly dueAt: Date | null // null = as soon as there is room
  readonly error: string | null
  readonly worker: number | null
  /** Every attempt that is known, oldest first. */
  readonly attempts: readonly AttemptReport[]
  /**
   * What is known instead of single attempts of deliveries that were handled from memory. null as well where only
   * some scopes were asked for: events of others may be among them.
   */
  readonly together: TogetherReport | null
}

export interface AttemptReport {
  readonly attempt: number
  readonly at: Date
  readonly ms: number
  readonly outcome: AttemptRecord["outcome"]
  readonly error: string | null
  readonly worker: number
  /** What was sent and answered, of a webhook. null as well for whoever is bound to scopes, and may not see that webhook. */
  readonly details: AttemptDetails | null
}

/** Deliveries that were settled as one: times of their own were not kept. */
export interface TogetherReport {
  readonly deliveries: number
  readonly averageMs: number
  readonly longestMs: number
  readonly settledAt: Date
}

/**
 * Every delivery of one event, those of its emit first, then those of replays.
 *
 * Deliveries of events of all scopes may be settled together: within some scopes nothing is said of that.
 */
export function reportsWithin(
  scopes: Scopes | undefined,
  ...of: Parameters<typeof reportsOf>
): DeliveryReport[] {
  return reportsOf(...of).map(([report, subscription]) => shownWithin(scopes, report, subscription))
}

/** Where a webhook of all scopes sends to, and what it answers, is not for one of them to know. */
export function shownWithin(
  scopes: Scopes | undefined,
  report: DeliveryReport,
  { definition }: Pick<Named, "definition">,
): DeliveryReport {
  if (scopes === undefined || scopes === "all") return report
  const scope = definition?.scope ?? null
  const isTheirs = scope !== null && isWithin(scopes, scope)
  if (isTheirs || definition?.target.kind === "handler") return { ...report, together: null }
  const attempts = report.attempts.map((each) => ({ ...each, error: untold(each.error), details: null }))
  const why = report.why === null ? null : withoutDetail(report.why)
  return { ...report, why, error: untold(report.error), attempts, together: null }
}

function untold(error: string | null): string | null {
  return error === null ? null : "its endpoint failed"
}

type Told = readonly [DeliveryReport, Named]

function reportsOf(view: EventView, rows: TraceRows, router: Router, staff: Staff): Told[] {
  const told = (subscription: Named, replay: number): Told => [
    reportOf(subscription, replay, view, rows, staff),
    subscription,
  ]
  const emitted = router.subscriptionsOf(view).map((each) => told(each, 0))
  const replayed = replaysIn(rows).map(([no, replay]) =>
    told(staff.current.get(no) ?? unknownSubscription(no, rows), replay),
  )
  return [...emitted, ...replayed]
}

function replaysIn(rows: TraceRows): [number, number][] {
  const found = new Map<string, [number, number]>()
  for (const { subscription, replay } of [...rows.parts, ...rows.jobs])
    if (replay > 0) found.set(`${replay} ${subscription}`, [subscription, replay])
  return [...found.values()].sort((a, b) => a[1] - b[1])
}

export interface Named {
  readonly no: number
  readonly id: string
  readonly group: string
  readonly definition: SubscriptionVersion["definition"] | null // null = the subscription was removed
}

function unknownSubscription(no: number, { jobs, parts }: TraceRows): Named {
  const row = [...jobs, ...parts].find((each) => each.subscription === no)
  return { no, id: `removed subscription ${no}`, group: row?.group ?? "", definition: null }
}

/** A job knows best; then the newest part; then the batch, which means delivered once it is closed. */
function reportOf(
  subscription: Named,
  replay: number,
  view: EventView,
  rows: TraceRows,
  staff: Staff,
): DeliveryReport {
  const mine = (row: JobRow | PartRow): boolean =>
    row.subscription === subscription.no && row.replay === replay
  const job = rows.jobs.find(mine)
  if (job !== undefined) return reportOfJob(job, subscription, view.id, view.name, staff)
  const base = {
    deliveryId: deliveryId(view.commitId, view.index, subscription.no, replay),
    eventId: view.id,
    eventName: view.name,
    subscription: subscription.id,
    group: subscription.group,
    replay,
    dueAt: null,
    error: null,
    attempts: [],
    together: null,
  }
  const part = rows.parts.filter(mine).at(-1)
  const erasedAt = view.extra.erased?.at ?? null
  if (part !== undefined)
    return { ...base, home: "part", ...(leftOut(part, erasedAt) ?? partState(part, subscription, staff)) }
  const road = subscription.definition && roadOf(subscription.definition, toRoad(view)).road
  const priority = view.extra.priority ?? 1
  const batch = rows.batches.find((each) => each.group === subscription.group && each.priority === priority)
  if (batch !== undefined && road !== "job")
    return { ...base, home: "batch", ...(leftOut(batch, erasedAt) ?? batchState(batch, subscription, staff)) }
  return {
    ...base,
    home: "job",
    state: "delivered",
    why: "settled long ago: its history is pruned",
    since: view.at,
    worker: null,
  }
}

/** Its event was erased while it waited: whoever takes the others leaves it out. */
function leftOut(
  { closedAt, worker }: Pick<BatchRow | PartRow, "closedAt" | "worker">,
  erasedAt: number | null, // null = it was not
) {
  if (erasedAt === null || (closedAt !== null && closedAt <= erasedAt)) return null
  return { state: "cancelled" as const, why: EVENT_ERASED, since: new Date(erasedAt), worker }
}

function toRoad(view: EventView): { key: string | null; deliverAt: number | null } {
  return { key: view.key, deliverAt: view.extra.deliverAt ?? null }
}

export function reportOfJob(
  job: JobRow,
  subscription: Named,
  eventId: string,
  eventName: string | null,
  staff: Staff,
): DeliveryReport {
  return {
    deliveryId: job.id,
    eventId,
    eventName,
    subscription: subscription.id,
    group: job.group,
    replay: job.replay,
    home: "job",
    ...jobState(job, subscription, staff),
    since: new Date(job.state === "waiting" && job.attempt === 0 ? job.createdAt : job.updatedAt),
    dueAt: job.state === "waiting" && job.dueAt > staff.now ? new Date(job.dueAt) : null,
    error: job.error === "" ? null : job.error,
    worker: job.worker ?? job.history.at(-1)?.worker ?? null,
    attempts: job.history.map(toAttempt),
    together: null,
  }
}

function jobState(
  job: JobRow,
  subscription: Named,
  staff: Staff,
): { state: DeliveryState; why: string | null } {
  switch (job.state) {
    case "delivered":
      return { state: "delivered", why: null }
    case "dead":
      return { state: "dead", why: whyDead(job) }
    case "cancelled":
      return { state: "cancelled", why: whyCancelled(job.reason) }
    case "leased":
      return { state: "running", why: whyRunning(job.reason, job.worker) }
    case "waiting":
      return job.reason === "retry" && job.history.length > 0
        ? { state: "retry", why: whyRetry(job, subscription, staff) }
        : { state: "waiting", why: whyWaiting(job, subscription, staff) }
  }
}

function partState(part: PartRow, subscription: Named, staff: Staff) {
  const { worker } = part
  if (part.state === "closed" && part.reason === "cancelled")
    return {
      state: "cancelled" as const,
      why: whyCancelled("subscription removed"),
      since: new Date(part.closedAt ?? 0),
      worker,
    }
  if (part.state === "closed")
    return {
      state: "delivered" as const,
      why: "with others of its subscription: times of its own are not kept",
      since: new Date(part.closedAt ?? 0),
      worker,
    }
  const since = new Date(part.createdAt)
  if (part.state === "leased")
    return { state: "running" as const, why: whyRunning("taken", worker), since, worker }
  const waiting = { reason: part.reason, dueAt: 0, key: null, isolated: false }
  return { state: "waiting" as const, why: whyWaiting(waiting, subscription, staff), since, worker: null }
}

function batchState(batch: BatchRow, subscription: Named, staff: Staff) {
  const { worker } = batch
  if (batch.state === "closed") {
    const settledAt = new Date(batch.closedAt ?? 0)
    const sums = batch.outcome?.[subscription.no]
    const together =
      sums === undefined
        ? null
        : {
            deliveries: sums[0],
            averageMs: Math.round((sums[1] / sums[0]) * 1000) / 1000,
            longestMs: sums[2],
            settledAt,
          }
    return { state: "delivered" as const, why: null, since: settledAt, worker, together }
  }
  const since = new Date(batch.createdAt)
  if (batch.state === "leased")
    return { state: "running" as const, why: whyRunning("taken", worker), since, worker }
  const waiting = { reason: "queued", dueAt: 0, key: null, isolated: false }
  return { state: "waiting" as const, why: whyWaiting(waiting, subscription, staff), since, worker: null }
}

function toAttempt({ attempt, at, ms, outcome, error, worker, details }: AttemptRecord): AttemptReport {
  return { attempt, at: new Date(at), ms, outcome, error: error ?? null, worker, details: details ?? null }
}
