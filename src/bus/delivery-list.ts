import { expected, InvalidInputError } from "../core/errors.ts"
import type { EventRow } from "../core/event.ts"
import type { CompiledFilter } from "../core/filter.ts"
import { eventId } from "../core/ids.ts"
import { isExactName } from "../core/pattern.ts"
import { isWithin } from "../core/scope.ts"
import { patternsOf, type SubscriptionVersion } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { ListedJob, OpenWorkRow, Page, QueriesPort } from "../engine/queries.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import {
  DELIVERY_STATES,
  type DeliveryReport,
  type DeliveryState,
  type Named,
  reportOfJob,
  reportsWithin,
  shownWithin,
} from "./delivery-report.ts"
import type { Staff } from "./staff.ts"
import { eventsWithin } from "./within.ts"

export interface DeliverySearch {
  readonly state: DeliveryState | null // null = any
  readonly subscription: SubscriptionVersion | null // null = all
  readonly scopes: readonly string[] | undefined // keys of its event's; undefined = every scope
  readonly name: string | null // of the event
  readonly filter: CompiledFilter | null // null = whatever the event holds
  readonly from: number | null
  readonly to: number | null
  readonly cursor: string | null
  readonly limit: number
}

/** One step of a walk: what it found, if anything, and where to go on. */
interface Step {
  readonly item: DeliveryReport | null
  readonly cursor: string
  readonly looks?: number // at rows of which none was meant, to come here
  readonly reads?: number // of single rows, to come here
}

/** A page ends here even when it is short: a list must not read a whole store in one call. */
const STEPS_PER_PAGE = 5_000
/** A look goes through thousands of rows: where these are of other scopes, a page takes so many at most. */
const LOOKS_PER_PAGE = 20
const STEPS_OF_A_LOOK = STEPS_PER_PAGE / LOOKS_PER_PAGE
const ROWS_PER_READ = 200
/** A page reads a thousand single rows at most. */
const STEPS_OF_A_READ = 4

/**
 * Lists deliveries, newest first in each of their homes.
 *
 * Dead, retried and cancelled ones are jobs; what waits or runs is a job, in a part or in a batch; what
 * is delivered from memory has no row at all, so it is derived from the events, as routing did.
 */
export class DeliveryList {
  readonly #queries: QueriesPort
  readonly #catalog: CatalogCache
  readonly #staff: Staff

  constructor({ queries, catalog, staff }: { queries: QueriesPort; catalog: CatalogCache; staff: Staff }) {
    this.#queries = queries
    this.#catalog = catalog
    this.#staff = staff
  }

  async page(search: DeliverySearch): Promise<Page<DeliveryReport>> {
    const items: DeliveryReport[] = []
    let steps = 0
    for await (const { item, cursor, looks = 0, reads = 0 } of this.#walk(search)) {
      if (item !== null) items.push(item)
      steps += 1 + looks * STEPS_OF_A_LOOK + reads * STEPS_OF_A_READ
      if (items.length >= search.limit || steps >= STEPS_PER_PAGE) return { items, cursor }
    }
    return { items, cursor: null }
  }

  async *#walk(search: DeliverySearch): AsyncGenerator<Step> {
    const from = parseCursor(search.cursor)
    const homes = homesOf(search.state)
    const first = from === null ? 0 : homes.indexOf(from.home)
    if (first === -1) throw badCursor(search.cursor)
    for (const [i, home] of homes.slice(first).entries()) {
      const at = i === 0 ? from : null
      if (home === "event") yield* this.#fromEvents(search, at)
      else if (home === "job") yield* this.#fromJobs(search, at)
      else yield* this.#fromOpenWork(home, search, at)
    }
  }

  async *#fromJobs(search: DeliverySearch, at: Cursor | null): AsyncGenerator<Step> {
    const { state, name, from, to, subscription, scopes } = search
    let cursor: string | null | undefined = at?.place
    while (cursor !== null) {
      const page: Page<ListedJob> = await this.#queries.jobs({
        kind: "delivery",
        state: jobStateOf(state),
        name: name ?? undefined,
        scopes,
        from: from ?? undefined,
        to: to ?? undefined,
        subscriptions: subscription === null ? undefined : [subscription.no],
        cursor,
        limit: Math.min(search.limit, ROWS_PER_READ),
      })
      for (const job of page.items) {
        const report = (await this.#isMeant(job, search)) ? this.#reportJob(job, scopes) : null
        const item = report?.state === state ? report : null
        yield { item, cursor: toCursor("job", String(job.no)), reads: search.filter === null ? 0 : 1 }
      }
      cursor = page.cursor
      if (cursor !== null && page.items.length === 0)
        yield { item: null, cursor: toCursor("job", cursor), looks: scopes === undefined ? 0 : 1 }
    }
  }

  /** What its event holds is looked at last: that is a read of its own. */
  async #isMeant({ commitId, index }: ListedJob, { filter }: DeliverySearch): Promise<boolean> {
    if (filter === null) return true
    const row = commitId === null ? null : await this.#queries.event({ commitId, index })
    return row !== null && filter.matches(viewOf(row))
  }

  #reportJob(job: ListedJob, scopes: DeliverySearch["scopes"]): DeliveryReport {
    const id = job.eventId ?? (job.commitId === null ? "" : eventId(job.commitId, job.index))
    const named = this.#named(job.subscription, job.group)
    return shownWithin(scopes, reportOfJob(job, named, id, job.eventName, this.#staff), named)
  }

  #named(no: number, group: string): Named {
    const version = this.#catalog.subscriptions.findLast((each) => each.no === no)
    return version ?? { no, id: `removed subscription ${no}`, group, definition: null }
  }

  async *#fromOpenWork(
    source: "part" | "batch",
    search: DeliverySearch,
    at: Cursor | null,
  ): AsyncGenerator<Step> {
    let skip = at?.skip ?? 0
    let cursor: string | null | undefined = at === null ? undefined : String(Number(at.place) + 1)
    while (cursor !== null) {
      const page: Page<OpenWorkRow> = await this.#queries.openWork({
        source,
        state: search.state === "running" ? "leased" : "open",
        subscriptions: search.subscription === null ? undefined : [search.subscription.no],
        cursor,
        limit: ROWS_PER_READ,
      })
      for (const row of page.items) {
        const found = skip === 0 && !mayHold(row, search) ? [] : await this.#reportsIn(row, search)
        const rest = found.slice(skip)
        for (const [i, item] of rest.entries())
          yield { item, cursor: toCursor(source, String(row.no), skip + i + 1) }
        if (rest.length === 0) yield { item: null, cursor: toCursor(source, String(row.no), skip) }
        skip = 0
      }
      cursor = page.cursor
    }
  }

  /** The deliveries that a part or batch stands for now: what became a job of its own is listed there. */
  async #reportsIn(row: OpenWorkRow, search: DeliverySearch): Promise<DeliveryReport[]> {
    const events = row.source === "batch" ? await this.#eventsOf(row.commitId) : await this.#eventsAt(row)
    const reports: DeliveryReport[] = []
    for (const event of events) {
      if (search.name !== null && event.name !== search.name) continue
      if (!isWithin(search.scopes, event.scope)) continue
      if (search.filter?.matches(viewOf(event)) === false) continue
      for (const report of await this.#reportsOf(event, search)) {
        const isIn = report.home === row.source && report.group === row.group && report.replay === row.replay
        const isIts =
          row.subscription === null || report.subscription === this.#named(row.subscription, row.group).id
        if (isIn && isIts && matches(report, search)) reports.push(report)
      }
    }
    return reports
  }

  async #eventsOf(commitId: string): Promise<readonly EventRow[]> {
    const range = { names: null, fromCommit: commitId, toCommit: `${commitId}~`, limit: 1 }
    return (await this.#queries.scan(range)).events
  }

  async #eventsAt({ refs }: OpenWorkRow): Promise<EventRow[]> {
    const rows = await Promise.all(refs.map((ref) => this.#queries.event(ref)))
    return rows.filter((row) => row !== null)
  }

  async *#fromEvents(search: DeliverySearch, at: Cursor | null): AsyncGenerator<Step> {
    const [pattern, ...others] =
      search.subscription === null ? [] : patternsOf(search.subscription.definition)
    const isOne = pattern !== undefined && others.length === 0 && isExactName(pattern)
    const exact = isOne ? pattern : undefined
    let skip = at?.skip ?? 0
    let cursor: string | null | undefined = at === null ? undefined : behind(at.place)
    while (cursor !== null) {
      const page: Page<EventRow> = await eventsWithin(this.#queries, {
        name: search.name ?? exact,
        scopes: search.scopes,
        from: search.from ?? undefined,
        to: search.to ?? undefined,
        cursor,
        limit: ROWS_PER_READ,
      })
      for (const row of page.items) {
        const place = `${row.commitId}.${row.index}`
        const isMeant = search.filter?.matches(viewOf(row)) !== false
        const reports = isMeant ? await this.#reportsOf(row, search) : []
        const found = reports.filter((each) => matches(each, search)).slice(skip)
        for (const [i, item] of found.entries())
          yield { item, cursor: toCursor("event", place, skip + i + 1) }
        if (found.length === 0) yield { item: null, cursor: toCursor("event", place, skip) }
        skip = 0
      }
      cursor = page.cursor
      if (cursor !== null && page.items.length === 0)
        yield { item: null, cursor: toCursor("event", cursor), looks: LOOKS_PER_PAGE }
    }
  }

  async #reportsOf(row: EventRow, { scopes }: DeliverySearch): Promise<DeliveryReport[]> {
    const view = viewOf(row)
    const rows = await this.#queries.traceOf(row)
    const router = await this.#catalog.routerOf(rows.catalogVersion ?? this.#catalog.version)
    return reportsWithin(scopes, view, rows, router, this.#staff)
  }
}

function viewOf(row: EventRow): EventView {
  return new EventView(row, row.commitId, row.index)
}

type HomeKind = "job" | "part" | "batch" | "event"

function homesOf(state: DeliveryState | null): HomeKind[] {
  if (state === null || state === "delivered") return ["event"]
  return state === "waiting" || state === "running" ? ["job", "part", "batch"] : ["job"]
}

function jobStateOf(state: DeliveryState | null) {
  if (state === "retry") return "waiting"
  if (state === "running") return "leased"
  return state ?? undefined
}

function matches(report: DeliveryReport, { state, subscription }: DeliverySearch): boolean {
  return (
    (state === null || report.state === state) &&
    (subscription === null ||
      (report.subscription === subscription.id && report.group === subscription.group))
  )
}

function mayHold(row: OpenWorkRow, { subscription, from, to }: DeliverySearch): boolean {
  if (from !== null && row.createdAt < from) return false
  if (to !== null && row.createdAt >= to) return false
  return subscription === null || row.group === subscription.group
}

interface Cursor {
  readonly home: HomeKind
  readonly place: string
  readonly skip: number // how many of that place were listed already
}

function toCursor(home: HomeKind, place: string, skip = 0): string {
  return `${home}:${place}:${skip}`
}

function parseCursor(cursor: string | null): Cursor | null {
  if (cursor === null) return null
  const match = /^(job|part|batch|event):([0-9A-Z.]+):(\d+)$/.exec(cursor)
  if (match === null) throw badCursor(cursor)
  return { home: match[1] as HomeKind, place: match[2] as string, skip: Number(match[3]) }
}

/** The event itself is read again, for the rest of its deliveries. */
function behind(place: string): string {
  const [commitId, index] = place.split(".")
  return `${commitId}.${Number(index) + 1}`
}

function badCursor(cursor: string | null): InvalidInputError {
  return new InvalidInputError(expected("a cursor that this list returned, with the same filters", cursor))
}

/** @throws InvalidInputError */
export function checkState(state: unknown): DeliveryState | null {
  if (state === undefined || state === null) return null
  if (DELIVERY_STATES.includes(state as DeliveryState)) return state as DeliveryState
  throw new InvalidInputError(expected(`\`state\` to be one of ${DELIVERY_STATES.join(", ")}`, state))
}
