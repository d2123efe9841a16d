import { expected, InvalidInputError } from "../core/errors.ts"
import type { EventRow } from "../core/event.ts"
import { commitTime } from "../core/ids.ts"
import { isWithin, type Scope, scopeKey, scopeKeys } from "../core/scope.ts"
import { hearerOf, wishesForEvents } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { StoreStats } from "../engine/maintenance.ts"
import type { NameRow, QueriesPort, WorkerRow } from "../engine/queries.ts"
import type { RunCounts, RunRow } from "../engine/runs.ts"
import { checkState, DeliveryList } from "./delivery-list.ts"
import type { DeliveryReport, DeliveryState } from "./delivery-report.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { eventsMatching, searchedFor } from "./event-search.ts"
import { findSubscription, type SubscriptionName } from "./find-subscription.ts"
import { type ScheduleReport, scheduleReports } from "./schedule-report.ts"
import { type ScopeReport, scopeReports } from "./scope-report.ts"
import { lookAtStaff, type StaffSources } from "./staff.ts"
import { type SubscriptionReport, subscriptionReport, withoutCounts } from "./subscription-report.ts"
import { whyRunIsHeld } from "./why.ts"
import { eventsWithin, isOfOthersToo, visibleOf, type WithinScopes } from "./within.ts"
import {
  type StandingShape,
  shapesOf,
  type WorkflowReport,
  withoutRuns,
  workflowReports,
} from "./workflow-report.ts"

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

export interface EventListRequest extends PageRequest, WithinScopes {
  /** Exact. */
  readonly name?: string
  /** Of this scope only; with `scopes`, if it is one of these. */
  readonly scope?: Partial<Scope> | string
  readonly from?: Date | number // inclusive
  readonly to?: Date | number // exclusive
  /**
   * An event pattern: only events that match. It needs `name` and `from`, and looks through 5,000 events at most for a
   * page, which may so be short, or empty, before the end.
   */
  readonly filter?: unknown
}

export interface DeadLetterRequest extends PageRequest, WithinScopes {
  /** `sync-cms@brand.created`, or `sync-cms` where that is one. @defaultValue all */
  readonly subscription?: string
  /** Whose subscription it is. @defaultValue the Carillon's own group */
  readonly group?: string
  /** The event's name, exact. */
  readonly name?: string
  /** When the delivery was made; inclusive. */
  readonly from?: Date | number
  readonly to?: Date | number // exclusive
  /** An event pattern: only deliveries of events that match. It needs `name` and `from`, as for events. */
  readonly filter?: unknown
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
    const { queries } = this.#sources.engine
    const query = {
      name: request.name,
      scopes: keysOf(request),
      from: timeOf("from", request.from) ?? undefined,
      to: timeOf("to", request.to) ?? undefined,
      cursor: checkCursor(request.cursor),
      limit: limitOf(request.limit),
    }
    const filter = searchedFor(request)
    if (filter !== null) {
      const { items, cursor } = await eventsMatching(queries, filter, query)
      return { items: items.map(eventReport), cursor }
    }
    const { items, cursor } = await eventsWithin(queries, query)
    return { items: items.map((row) => eventReport(new EventView(row, row.commitId, row.index))), cursor }
  }

  async deliveries(request: DeliveryListRequest = {}): Promise<ListPage<DeliveryReport>> {
    const { engine, catalog } = this.#sources
    const state = checkState(request.state)
    const staff = await lookAtStaff(this.#sources)
    const { subscription: name, group = this.#group } = request
    const scopes = scopeKeys(request.scopes)
    const visible = visibleOf(staff.current.values(), scopes)
    const subscription = name === undefined ? null : findSubscription(visible, { subscription: name, group })
    return new DeliveryList({ queries: engine.queries, catalog, staff }).page({
      state,
      subscription,
      scopes,
      name: request.name ?? null,
      filter: searchedFor(request),
      from: timeOf("from", request.from),
      to: timeOf("to", request.to),
      cursor: request.cursor ?? null,
      limit: limitOf(request.limit),
    })
  }

  async names(request: WithinScopes = {}): Promise<EventNameReport[]> {
    const { queries } = this.#sources.engine
    const scopes = scopeKeys(request.scopes)
    const staff = await lookAtStaff(this.#sources)
    const visible = visibleOf(staff.current.values(), scopes)
    const listeners = visible.filter(wishesForEvents).map((each) => ({
      id: each.id,
      hears: hearerOf(each.definition),
    }))
    const reports: EventNameReport[] = []
    for (const { name, events, complete, lastCommit, row } of await namesWithin(queries, scopes)) {
      const sample = row && new EventView(row, row.commitId, row.index)
      reports.push({
        name,
        events,
        complete,
        lastAt: sample?.at ?? new Date(commitTime(lastCommit)),
        sender: sample?.sender ?? null,
        sample: sample?.data ?? null,
        sampleId: sample?.id ?? null,
        subscribers: listeners.filter(({ hears }) => hears(name)).map((each) => each.id),
      })
    }
    return reports
  }

  async subscriptions(request: WithinScopes = {}): Promise<SubscriptionReport[]> {
    const scopes = scopeKeys(request.scopes)
    const staff = await lookAtStaff(this.#sources)
    const lag = new Map((await this.#sources.engine.queries.lag()).map((row) => [row.subscription, row]))
    return visibleOf(staff.current.values(), scopes)
      .filter(wishesForEvents)
      .map((each) => shown(subscriptionReport(each, lag.get(each.no), staff), scopes))
  }

  async scopes(request?: WithinScopes): Promise<ScopeReport[]> {
    return scopeReports(this.#sources, request)
  }

  /** The one of that name. @throws NotFoundError; InvalidInputError where several go by it */
  async subscription({
    subscription,
    group = this.#group,
    ...request
  }: SubscriptionName): Promise<SubscriptionReport> {
    const scopes = scopeKeys(request.scopes)
    const staff = await lookAtStaff(this.#sources)
    const visible = visibleOf(staff.current.values(), scopes)
    const found = findSubscription(visible, { subscription, group })
    const lag = (await this.#sources.engine.queries.lag()).find((row) => row.subscription === found.no)
    return shown(subscriptionReport(found, lag, staff), scopes)
  }

  async workflows(request: WithinScopes = {}): Promise<WorkflowReport[]> {
    const reports = await workflowReports(this.#sources.engine.queries, await lookAtStaff(this.#sources))
    return isOfOthersToo(null, scopeKeys(request.scopes)) ? reports.map(withoutRuns) : reports
  }

  /** Every shape of one workflow, the newest last. */
  async shapesOf(workflow: string): Promise<StandingShape[]> {
    return shapesOf(workflow, await lookAtStaff(this.#sources))
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
      subscriptions: (kinds.get("handler")?.length ?? 0) + (kinds.get("webhook")?.length ?? 0),
      workflows: kinds.get("workflow")?.length ?? 0,
      ...countedRuns(await queries.runCounts()),
      schedules: kinds.get("schedule")?.length ?? 0,
      workers: live.length,
    }
  }
}

function shown(report: SubscriptionReport, scopes: readonly string[] | undefined): SubscriptionReport {
  return isOfOthersToo(report.scope, scopes) ? withoutCounts(report) : report
}

/** The keys of the scopes that both fields of a request allow. */
function keysOf({ scope, scopes }: EventListRequest): readonly string[] | undefined {
  const keys = scopeKeys(scopes)
  if (scope === undefined) return keys
  return [scopeKey(scope)].filter((key) => isWithin(keys, key))
}

/** A name with its newest event; null = that one is gone. */
type NameWithSample = NameRow & { readonly row: EventRow | null }

async function namesWithin(
  queries: QueriesPort,
  scopes: readonly string[] | undefined,
): Promise<NameWithSample[]> {
  const found: NameWithSample[] = []
  for (const all of await queries.names()) {
    const own = scopes === undefined ? null : await countWithin(queries, all.name, scopes)
    if (own !== null && own.row === null) continue // nobody within these scopes has emitted it
    const row = own?.row ?? (await queries.events({ name: all.name, limit: 1 })).items[0] ?? null
    found.push({ ...(own ?? all), row })
  }
  return found
}

/** No count is kept by scope: the newest of the name are looked through. */
async function countWithin(
  queries: QueriesPort,
  name: string,
  scopes: readonly string[],
): Promise<NameWithSample> {
  const query = { name, scopes, limit: MOST_COUNTED }
  const { items, cursor } = await eventsWithin(queries, query, LOOKS_TO_COUNT)
  const row = items[0] ?? null
  return { name, events: items.length, complete: cursor === null, lastCommit: row?.commitId ?? "", row }
}

const MOST_COUNTED = 1_000
const LOOKS_TO_COUNT = 5

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
