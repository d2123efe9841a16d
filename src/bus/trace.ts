import { NotFoundError } from "../core/errors.ts"
import { type EventKey, parseDeliveryId } from "../core/ids.ts"
import { nearestName } from "../core/pattern.ts"
import { wishesForEvents } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import { type DeliveryReport, reportsOf } from "./delivery-report.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { lookAtStaff, type StaffSources } from "./staff.ts"
import { type UncalledReport, uncalledOf, writtenAt } from "./uncalled.ts"

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
  /** What was emitted because of it. */
  readonly caused: readonly RelatedEvent[]
  /** False = more events follow than were searched for what it caused. */
  readonly searchedAll: boolean
}

export interface RelatedEvent {
  readonly id: string
  readonly name: string | null // null = it is not kept any more
  readonly at: Date | null
}

const MOST_CAUSES = 20
const EVENTS_SEARCHED = 5_000
const GROUPS_SEARCHED = 100

/** Tells what became of an event, from what the store keeps and from routing, which is pure. */
export async function traceOf(sources: StaffSources, id: string): Promise<Trace> {
  const { queries } = sources.engine
  const asked = parseDeliveryId(id)
  const key = asked ?? (await queries.findEvent(id))
  const row = key === null ? null : await queries.event(key)
  if (row === null) return (await stagedTrace(queries, id)) ?? notFound(id, asked !== null)
  const view = new EventView(row, row.commitId, row.index)
  const rows = await queries.traceOf(row)
  const staff = await lookAtStaff(sources)
  const version = rows.catalogVersion ?? sources.catalog.version
  const deliveries = reportsOf(view, rows, await sources.catalog.routerOf(version), staff)
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
  const after = await eventsCausedBy(queries, view)
  return {
    event: eventReport(view),
    writtenAt: writtenAt(view),
    stagedIn: null,
    deliveryId: asked === null ? null : id,
    deliveries,
    notCalled: uncalledOf(view, version, sources.catalog.subscriptions, called),
    didYouMean: deliveries.length > 0 ? null : nearestPattern(view.name, sources.catalog),
    causes: await causesOf(queries, view),
    caused: after.events,
    searchedAll: after.searchedAll,
  }
}

function nearestPattern(name: string, catalog: CatalogCache): string | null {
  const patterns = catalog.router.subscriptions.filter(wishesForEvents).map((each) => each.definition.pattern)
  return nearestName(
    name,
    patterns.filter((each) => each !== name),
  )
}

async function causesOf(queries: QueriesPort, view: EventView): Promise<RelatedEvent[]> {
  const causes: RelatedEvent[] = []
  const seen = new Set([view.id])
  for (let id = view.causationId; id !== null && !seen.has(id) && causes.length < MOST_CAUSES; ) {
    seen.add(id)
    const key: EventKey | null = await queries.findEvent(id)
    const row = key === null ? null : await queries.event(key)
    if (row === null) return [...causes, { id, name: null, at: null }]
    const cause = new EventView(row, row.commitId, row.index)
    causes.push({ id, name: cause.name, at: cause.at })
    id = cause.causationId
  }
  return causes
}

/** There is no index of causes: what was emitted soon after is looked through. */
async function eventsCausedBy(
  queries: QueriesPort,
  view: EventView,
): Promise<{ events: RelatedEvent[]; searchedAll: boolean }> {
  const { events, cursor } = await queries.scan({
    names: null,
    fromCommit: view.commitId,
    toCommit: "~",
    limit: EVENTS_SEARCHED,
  })
  const caused = events
    .filter((row) => row.extra?.includes(view.id))
    .map((row) => new EventView(row, row.commitId, row.index))
    .filter((each) => each.causationId === view.id)
    .map((each) => ({ id: each.id, name: each.name, at: each.at }))
  return { events: caused, searchedAll: cursor === null }
}

/** A staged event stands apart from all others until its group is released. */
async function stagedTrace(queries: QueriesPort, id: string): Promise<Trace | null> {
  for (const { eventGroupId } of (await queries.stagedGroups()).slice(0, GROUPS_SEARCHED)) {
    const row = (await queries.staged(eventGroupId)).find((each) => each.id === id)
    if (row === undefined) continue
    const view = new EventView(row, row.commitId, row.index)
    return {
      event: eventReport(view),
      writtenAt: writtenAt(view),
      stagedIn: eventGroupId,
      deliveryId: null,
      deliveries: [],
      notCalled: [],
      didYouMean: null,
      causes: await causesOf(queries, view),
      caused: [],
      searchedAll: true,
    }
  }
  return null
}

function notFound(id: string, isDelivery: boolean): never {
  const what = isDelivery ? "a delivery whose event is kept" : "the id of an event or a delivery"
  throw new NotFoundError(
    `Expected ${what}, got \`${id}\`: there is none here. It may be past retention, or in another database.`,
  )
}
