import { expected, InvalidInputError } from "../core/errors.ts"
import { commitTime } from "../core/ids.ts"
import { compileNamePattern } from "../core/pattern.ts"
import { isOperational } from "../core/route.ts"
import { type Scope, scopeKey } from "../core/scope.ts"
import { wishesForEvents } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { StoreStats } from "../engine/maintenance.ts"
import type { WorkerRow } from "../engine/queries.ts"
import type { RunCounts, RunRow } from "../engine/runs.ts"
import { checkState, DeliveryList } from "./delivery-list.ts"
import type { DeliveryReport, DeliveryState } from "./delivery-report.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { findSubscription } from "./find-subscription.ts"
import { type ScheduleReport, scheduleReports } from "./schedule-report.ts"
import { lookAtStaff, type StaffSources } from "./staff.ts"
import { type SubscriptionReport, subscriptionReport } from "./subscription-report.ts"
import { whyRunIsHeld } from "./why.ts"
import { type WorkflowReport, workflowReports } from "./workflow-report.ts"

/** Which part of a list is wanted. */
export interface PageRequest {
  /** What the page before said under `cursor`. */
  readonly cursor?: string
  /** From 1 to 1,000. @defaultValue 50 */
  readonly limit?: number
}

/** Part of a list. It may be short, or empty, before the end: only `cursor: null` is the end. */
export interface ListPage<T> {
  readonly items: readonly T[]
  readonly cursor: string | null
}

export interface EventListRequest extends PageRequest {
  /** Exact. */
  readonly name?: string
  readonly scope?: Partial<Scope> | string
  readonly from?: Date | number // inclusive
  readonly to?: Date | number // exclusive
}

export interface DeadLetterRequest extends PageRequest {
  /** `sync-cms@brand.created`, or `sync-cms` where that is one. @defaultValue all */
  readonly subscription?: string
  /** Whose subscription it is. @defaultValue the Carillon's own group */
  readonly group?: string
  /** The event's name, exact. */
  readonly name?: string
  /** When the delivery was made; inclusive. */
  readonly from?: Date | number
  readonly to?: Date | number // exclusive
}

export interface DeliveryListRequest extends DeadLetterRequest {
  readonly state?: DeliveryState
}

/** A name under which events were emitted. */
export interface EventNameReport {
  readonly name: string
  readonly events: number
  readonly complete: boolean // false = more than were counted: only the newest are
  readonly lastAt: Date
  readonly sender: string | null // of the newest
  readonly sample: unknown // the data of the newest
  readonly sampleId: string | null
  readonly subscribers: readonly string[]
}

export interface WorkerReport {
  readonly no: number
  readonly group: string
  readonly host: string
  readonly pid: number
  readonly startedAt: Date
  readonly seenAt: Date
  readonly alive: boolean
  readonly handles: readonly string[]
}

export interface StatsReport extends StoreStats {
  readonly subscriptions: number
  readonly workflows: number // in all their shapes
  readonly liveRuns: number // that have not ended
  readonly crashedRuns: number // that stand still until they are redriven; among the dead jobs as well
  readonly failedRuns: number // that could not be undone
  readonly schedules: number
  readonly workers: number // live ones
}

/** Lists what the store keeps. Reads only. */
export class Listing {
  readonly #sources: StaffSources
  readonly #group: string

  constructor(sources: StaffSources, group: string) {
    this.#sources = sources
    this.#group = group
  }

  async events(request: EventListRequest = {}): Promise<ListPage<EventReport>> {
    const { items, cursor } = await this.#sources.engine.queries.events({
      name: request.name,
      scope: request.scope === undefined ? undefined : scopeKey(request.scope),
      from: timeOf("from", request.from) ?? undefined,
      to: timeOf("to", request.to) ?? undefined,
      cursor: checkCursor(request.cursor),
      limit: limitOf(request.limit),
    })
    return { items: items.map((row) => eventReport(new EventView(row, row.commitId, row.index))), cursor }
  }

  async deliveries(request: DeliveryListRequest = {}): Promise<ListPage<DeliveryReport>> {
    const { engine, catalog } = this.#sources
    const state = checkState(request.state)
    const staff = await lookAtStaff(this.#sources)
    const { subscription: name, group = this.#group } = request
    const subscription =
      name === undefined ? null : findSubscription([...staff.current.values()], { subscription: name, group })
    return new DeliveryList({ queries: engine.queries, catalog, staff }).page({
      state,
      subscription,
      name: request.name ?? null,
      from: timeOf("from", request.from),
      to: timeOf("to", request.to),
      cursor: request.cursor ?? null,
      limit: limitOf(request.limit),
    })
  }

  async names(): Promise<EventNameReport[]> {
    const { queries } = this.#sources.engine
    const staff = await lookAtStaff(this.#sources)
    const listeners = [...staff.current.values()].filter(wishesForEvents).map((each) => ({
      id: each.id,
      pattern: each.definition.pattern,
      hears: compileNamePattern(each.definition.pattern),
    }))
    const reports: EventNameReport[] = []
    for (const { name, events, complete, lastCommit } of await queries.names()) {
      const [row] = (await queries.events({ name, limit: 1 })).items
      const sample = row && new EventView(row, row.commitId, row.index)
      reports.push({
        name,
        events,
        complete,
        lastAt: sample?.at ?? new Date(commitTime(lastCommit)),
        sender: sample?.sender ?? null,
        sample: sample?.data ?? null,
        sampleId: sample?.id ?? null,
        subscribers: listeners
          .filter(({ pattern, hears }) => hears(name) && (!isOperational(name) || isOperational(pattern)))
          .map((each) => each.id),
      })
    }
    return reports
  }

  async subscriptions(): Promise<SubscriptionReport[]> {
    const staff = await lookAtStaff(this.#sources)
    const lag = new Map((await this.#sources.engine.queries.lag()).map((row) => [row.subscription, row]))
    return [...staff.current.values()]
      .filter(wishesForEvents)
      .map((each) => subscriptionReport(each, lag.get(each.no), staff))
  }

  async workflows(): Promise<WorkflowReport[]> {
    return workflowReports(this.#sources.engine.queries, await lookAtStaff(this.#sources))
  }

  async schedules(): Promise<ScheduleReport[]> {
    return scheduleReports(this.#sources.engine.queries, await lookAtStaff(this.#sources))
  }

  /** Tells of runs why nobody goes on with them, as it is at this moment; null = nothing keeps them. */
  async whyRunsAreHeld(): Promise<(row: RunRow) => string | null> {
    const staff = await lookAtStaff(this.#sources)
    return (row) => whyRunIsHeld(row, staff)
  }

  async workers(): Promise<WorkerReport[]> {
    const staff = await lookAtStaff(this.#sources)
    return staff.workers.map((row) => workerReport(row, staff.now, (no) => staff.current.get(no)?.id))
  }

  async stats(): Promise<StatsReport> {
    const { maintenance, queries } = this.#sources.engine
    const staff = await lookAtStaff(this.#sources)
    const stats = await maintenance.stats()
    const live = staff.workers.filter((each) => each.expiresAt > staff.now)
    const kinds = Map.groupBy(staff.current.values(), (each) => each.definition.target.kind)
    return {
      ...stats,
      subscriptions: kinds.get("handler")?.length ?? 0,
      workflows: kinds.get("workflow")?.length ?? 0,
      ...countedRuns(await queries.runCounts()),
      schedules: kinds.get("schedule")?.length ?? 0,
      workers: live.length,
    }
  }
}

function countedRuns(
  counts: readonly RunCounts[],
): Pick<StatsReport, "liveRuns" | "crashedRuns" | "failedRuns"> {
  const sum = (of: (each: RunCounts) => number): number => counts.reduce((all, each) => all + of(each), 0)
  return {
    liveRuns: sum(({ running, waiting, crashed }) => running + waiting + crashed),
    crashedRuns: sum(({ crashed }) => crashed),
    failedRuns: sum(({ failed }) => failed),
  }
}

function workerReport(row: WorkerRow, now: number, idOf: (no: number) => string | undefined): WorkerReport {
  return {
    no: row.no,
    group: row.group,
    host: row.host.split(" ")[0] as string,
    pid: row.pid,
    startedAt: new Date(row.startedAt),
    seenAt: new Date(row.seenAt),
    alive: row.expiresAt > now,
    handles: row.handles.map(idOf).filter((id) => id !== undefined),
  }
}

const MOST_ITEMS = 1_000

export function limitOf(limit: unknown): number {
  if (limit === undefined) return 50
  if (Number.isSafeInteger(limit) && (limit as number) >= 1 && (limit as number) <= MOST_ITEMS)
    return limit as number
  throw new InvalidInputError(expected(`\`limit\` to be a whole number from 1 to ${MOST_ITEMS}`, limit))
}

function checkCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || /^[0-9A-Z]{26}\.\d+$/.test(cursor)) return cursor
  throw new InvalidInputError(expected("a cursor that this list returned, with the same filters", cursor))
}

/** Milliseconds since 1970; null = none was given. */
export function timeOf(field: string, time: unknown): number | null {
  if (time === undefined || time === null) return null
  const ms = time instanceof Date ? time.getTime() : time
  if (typeof ms === "number" && Number.isFinite(ms)) return ms
  throw new InvalidInputError(expected(`\`${field}\` to be a valid Date or milliseconds since 1970`, time))
}
