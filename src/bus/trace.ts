import { isErased } from "../core/erasure.ts"
import { NotFoundError } from "../core/errors.ts"
import { parseDeliveryId } from "../core/ids.ts"
import { nearestName } from "../core/pattern.ts"
import { isRunId, type RunState } from "../core/run.ts"
import { scopeKeys } from "../core/scope.ts"
import { patternsOf, type SubscriptionVersion, wishesForEvents } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import { causesOf, eventsCausedBy, type RelatedEvent } from "./causes.ts"
import { type DeliveryReport, reportsWithin } from "./delivery-report.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { lookAtStaff, type StaffSources } from "./staff.ts"
import { type UncalledReport, uncalledOf, writtenAt } from "./uncalled.ts"
import { eventWithin, findEventWithin, isRunWithin, visibleOf, type WithinScopes } from "./within.ts"

/** All that is known of one event. */
export interface Trace {
  readonly event: EventReport
  readonly writtenAt: Date
  /** Set while it is staged: nobody gets it before its event group is released. */
  readonly stagedIn: string | null
  /** The delivery that was asked for; null = an event was. */
  readonly deliveryId: string | null
  /** One for each subscription that it was routed to, and one for each replay that asked for it. */
  readonly deliveries: readonly DeliveryReport[]
  /** The subscriptions that came near, and why they were not called. */
  readonly notCalled: readonly UncalledReport[]
  /** When nobody at all was called: the pattern somebody listens to that is nearest to this name. */
  readonly didYouMean: string | null
  /** What caused it, its cause's cause, and so on; nearest first. */
  readonly causes: readonly RelatedEvent[]
  /** What was emitted because of it. What the steps of a run emit is caused by the run. */
  readonly caused: readonly RelatedEvent[]
  /** False = more events follow than were searched for what it caused. */
  readonly searchedAll: boolean
  /** The runs of workflows that its deliveries have started under their own ids. */
  readonly runs: readonly StartedRunReport[]
}

/** A run that a delivery of the event started. */
export interface StartedRunReport {
  readonly id: string
  readonly workflow: string
  readonly state: RunState
  readonly startedAt: Date
  readonly deliveryId: string
}

type Keys = readonly string[] | undefined // undefined = every scope

const DELIVERIES_SEARCHED = 50
const RUNS_OF_ONE = 20

/** Tells what became of an event, from what the store keeps and from routing, which is pure. */
export async function traceOf(sources: StaffSources, id: string, within: WithinScopes = {}): Promise<Trace> {
  const { queries } = sources.engine
  const scopes = scopeKeys(within.scopes)
  const asked = parseDeliveryId(id)
  const row = await (asked === null
    ? findEventWithin(queries, id, scopes)
    : eventWithin(queries, asked, scopes))
  if (row === null)
    return (await stagedTrace(queries, id, scopes)) ?? notFound(queries, id, asked !== null, scopes)
  const view = new EventView(row, row.commitId, row.index)
  const rows = await queries.traceOf(row)
  const staff = await lookAtStaff(sources)
  const version = rows.catalogVersion ?? sources.catalog.version
  const deliveries = reportsWithin(scopes, view, rows, await sources.catalog.routerOf(version), staff)
  const called = new Set(
    [...rows.jobs, ...rows.parts]
      .map((each) => each.subscription)
      .concat(
        sources.catalog
          .routerAt(version)
          .subscriptionsOf(view)
          .map((each) => each.no),
      ),
  )
  const after = await eventsCausedBy(queries, view, scopes)
  const current = visibleOf(sources.catalog.router.subscriptions, scopes)
  return {
    event: eventReport(view),
    writtenAt: writtenAt(view),
    stagedIn: null,
    deliveryId: asked === null ? null : id,
    deliveries,
    notCalled: isErased(row)
      ? [] // what filters said of it nobody can tell any more
      : uncalledOf(view, version, visibleOf(sources.catalog.subscriptions, scopes), called),
    didYouMean: deliveries.length > 0 ? null : nearestPattern(view.name, current),
    causes: await causesOf(queries, view, scopes),
    caused: after.events,
    searchedAll: after.searchedAll,
    runs: await runsOf(queries, deliveries, scopes),
  }
}

function nearestPattern(name: string, current: readonly SubscriptionVersion[]): string | null {
  const patterns = current.filter(wishesForEvents).flatMap((each) => patternsOf(each.definition))
  return nearestName(
    name,
    patterns.filter((each) => each !== name),
  )
}

/** By default a run's transaction id is the delivery's that started it. */
async function runsOf(
  queries: QueriesPort,
  deliveries: readonly DeliveryReport[],
  scopes: Keys,
): Promise<StartedRunReport[]> {
  const runs: StartedRunReport[] = []
  for (const { deliveryId } of deliveries.slice(0, DELIVERIES_SEARCHED)) {
    const { items } = await queries.runs({ transactionId: deliveryId, limit: RUNS_OF_ONE })
    for (const { id, workflow, state, startedAt } of items.filter((each) => isRunWithin(each, scopes)))
      runs.push({ id, workflow, state, startedAt: new Date(startedAt), deliveryId })
  }
  return runs
}

/** A staged event stands apart from all others until its group is released. */
async function stagedTrace(queries: QueriesPort, id: string, scopes: Keys): Promise<Trace | null> {
  const row = await queries.findStaged(id, scopes)
  if (row === null) return null
  const view = new EventView(row, row.commitId, row.index)
  return {
    event: eventReport(view),
    writtenAt: writtenAt(view),
    stagedIn: row.eventGroupId,
    deliveryId: null,
    deliveries: [],
    notCalled: [],
    didYouMean: null,
    causes: await causesOf(queries, view, scopes),
    caused: [],
    searchedAll: true,
    runs: [],
  }
}

/** @throws NotFoundError that says what there might be instead, within these scopes */
export async function notFound(
  queries: QueriesPort,
  id: string,
  isDelivery: boolean,
  scopes: Keys,
): Promise<never> {
  const run = isRunId(id) ? await queries.run(id) : null
  if (run !== null && isRunWithin(run, scopes))
    throw new NotFoundError(
      `Expected the id of an event or a delivery, got that of a run, \`${id}\`. \`carillon runs show ${id}\` or \`carillon.workflows.retrieve\` tells of runs.`,
    )
  const what = isDelivery ? "a delivery whose event is kept" : "the id of an event or a delivery"
  throw new NotFoundError(
    `Expected ${what}, got \`${id}\`: there is none here. It may be past retention, or in another database.`,
  )
}
