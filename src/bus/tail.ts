import { commitIdFrom, commitTime, type EventKey } from "../core/ids.ts"
import { compileNamePattern } from "../core/pattern.ts"
import { isWithin, scopeKeys } from "../core/scope.ts"
import { EventView } from "../core/view.ts"
import { Alarm } from "./alarm.ts"
import { type DeliveryReport, reportsWithin } from "./delivery-report.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { timeOf } from "./listing.ts"
import { lookAtStaff, type Staff, type StaffSources } from "./staff.ts"
import {
  earlierOf,
  formatPlace,
  formatPosition,
  isBehind,
  laterOf,
  parsePosition,
  type TailPosition,
} from "./tail-position.ts"
import { eventWithin, type WithinScopes } from "./within.ts"

export interface TailOptions extends WithinScopes {
  /** An event name or pattern. @defaultValue every event */
  readonly name?: string
  /** Begin with events from then on. @defaultValue now */
  readonly since?: Date | number
  /**
   * Go on after the `position` of an entry of an earlier tail with the same filters; wins over `since`. Nothing is
   * missed; what was written in the 12 s before it may be told again.
   */
  readonly after?: string
  /** Ends the tail. */
  readonly signal?: AbortSignal
}

/** Something new: an event with its deliveries so far, or a delivery that came further. */
export type TailEntry = (
  | { readonly kind: "event"; readonly event: EventReport; readonly deliveries: readonly DeliveryReport[] }
  | { readonly kind: "outcome"; readonly delivery: DeliveryReport }
) & {
  /** From here a later tail goes on: `tail({ after: position })`. */
  readonly position: string
}

/** How long a commit may take until it can be seen: one looks back so far for late ones. */
const LOOK_BACK_MS = 12_000
const COMMITS_PER_READ = 1_000
const WAIT_MS = 200
const MOST_WATCHED = 500

interface Watched {
  readonly view: EventView
  readonly known: Map<string, string> // delivery → how far it was when it was told
}

/** Follows the store: new events as they are written, and what becomes of them. */
export class Tail {
  readonly #sources: StaffSources
  readonly #isClosed: () => boolean
  readonly #scopes: readonly string[] | undefined
  readonly #fits: (name: string) => boolean
  readonly #seen = new Set<string>()
  readonly #watched = new Map<string, Watched>() // by places: several scopes may have an id
  readonly #start: TailPosition
  #newest: number
  #from: string // the first commit to look at
  #told: EventKey // nothing before it is still to be told

  constructor(sources: StaffSources, { name, since, after, scopes }: TailOptions, isClosed: () => boolean) {
    this.#sources = sources
    this.#isClosed = isClosed
    this.#scopes = scopeKeys(scopes)
    this.#fits = compileNamePattern(name ?? "*")
    const begin = timeOf("since", since) ?? sources.now()
    this.#start = after === undefined ? { told: placeAt(begin), open: [] } : parsePosition(after)
    this.#told = this.#start.told
    this.#from = this.#told.commitId
    this.#newest = commitTime(this.#from)
  }

  async *entries({ signal }: TailOptions): AsyncGenerator<TailEntry, void, undefined> {
    const alarm = new Alarm()
    const stopListening = this.#sources.engine.wakeup.listen(() => alarm.ring())
    const onAbort = (): void => alarm.ring()
    signal?.addEventListener("abort", onAbort)
    try {
      await this.#watchAgain()
      while (!signal?.aborted && !this.#isClosed()) {
        yield* this.#newEvents()
        yield* this.#outcomes()
        if (!signal?.aborted) await alarm.wait(WAIT_MS)
      }
    } catch (error) {
      if (!this.#isClosed()) throw error // a store that closes under us is the end, not a failure
    } finally {
      stopListening()
      signal?.removeEventListener("abort", onAbort)
    }
  }

  /** What became of them meanwhile is told with the first outcomes, of each delivery anew. */
  async #watchAgain(): Promise<void> {
    for (const key of this.#start.open) {
      const row = await eventWithin(this.#sources.engine.queries, key, this.#scopes)
      if (row === null || !this.#fits(row.name)) continue
      const view = new EventView(row, row.commitId, row.index)
      this.#watched.set(formatPlace(row), { view, known: new Map() })
    }
  }

  async *#newEvents(): AsyncGenerator<TailEntry> {
    const { queries } = this.#sources.engine
    const startedAt = this.#sources.now()
    // What cannot be seen yet at this moment is younger than that, however long these events take their reader.
    const certain = laterOf(placeAt(startedAt - LOOK_BACK_MS), this.#start.told)
    let staff: Staff | null = null
    for (let from = this.#from; ; ) {
      const ids = await queries.commits({ from, to: "~", limit: COMMITS_PER_READ })
      for (const id of ids) {
        if (this.#seen.has(id)) continue
        this.#seen.add(id)
        this.#newest = Math.max(this.#newest, commitTime(id))
        const { events } = await queries.scan({ names: null, fromCommit: id, toCommit: `${id}~`, limit: 1 })
        for (const row of events) {
          if (!this.#fits(row.name) || !isWithin(this.#scopes, row.scope)) continue
          if (!isBehind(row, this.#start.told)) continue
          staff ??= await lookAtStaff(this.#sources)
          const view = new EventView(row, row.commitId, row.index)
          const deliveries = await this.#deliveriesOf(view, staff)
          this.#watch(view, deliveries)
          this.#told = laterOf(this.#told, earlierOf(row, certain))
          yield { kind: "event", event: eventReport(view), deliveries, position: this.#position() }
        }
      }
      this.#forgetBefore(commitIdFrom(Math.min(this.#newest, startedAt) - LOOK_BACK_MS))
      if (ids.length < COMMITS_PER_READ) break
      from = `${ids.at(-1)}~`
    }
    this.#told = laterOf(this.#told, certain)
  }

  async *#outcomes(): AsyncGenerator<TailEntry> {
    if (this.#watched.size === 0) return
    const staff = await lookAtStaff(this.#sources)
    for (const [place, { view, known }] of [...this.#watched]) {
      const deliveries = await this.#deliveriesOf(view, staff)
      for (const delivery of deliveries) {
        const stage = stageOf(delivery)
        if (known.get(delivery.deliveryId) === stage) continue
        known.set(delivery.deliveryId, stage)
        yield { kind: "outcome", delivery, position: this.#position() }
      }
      if (deliveries.every(isEnded)) this.#watched.delete(place)
    }
  }

  /** An event that is watched stands in it until each of its outcomes was told. */
  #position(): string {
    const open = [...this.#watched.values()]
      .map(({ view }) => view)
      .filter((view) => !isBehind(view, this.#told))
    return formatPosition({ told: this.#told, open })
  }

  async #deliveriesOf(view: EventView, staff: Staff): Promise<DeliveryReport[]> {
    const { engine, catalog } = this.#sources
    // A view's fields are getters, which do not travel to the thread of a store.
    const rows = await engine.queries.traceOf({ commitId: view.commitId, index: view.index })
    const router = await catalog.routerOf(rows.catalogVersion ?? catalog.version)
    return reportsWithin(this.#scopes, view, rows, router, staff)
  }

  /** What is not settled yet is looked at again; of very many, the newest. */
  #watch(view: EventView, deliveries: readonly DeliveryReport[]): void {
    if (deliveries.every(isEnded)) return
    const known = new Map(deliveries.map((each) => [each.deliveryId, stageOf(each)]))
    this.#watched.set(formatPlace(view), { view, known })
    const oldest = this.#watched.keys().next().value
    if (this.#watched.size > MOST_WATCHED && oldest !== undefined) this.#watched.delete(oldest)
  }

  #forgetBefore(commitId: string): void {
    if (commitId <= this.#from) return
    this.#from = commitId
    for (const id of this.#seen) if (id < commitId) this.#seen.delete(id)
  }
}

/** The position from which a tail tells of what is written from then on. */
export function positionAt(time: number): string {
  return formatPosition({ told: placeAt(time), open: [] })
}

function placeAt(time: number): EventKey {
  return { commitId: commitIdFrom(time), index: 0 }
}

function stageOf({ state, attempts }: DeliveryReport): string {
  return `${state} ${attempts.length}`
}

function isEnded({ state }: DeliveryReport): boolean {
  return state === "delivered" || state === "dead" || state === "cancelled"
}
