import { commitIdFrom, commitTime } from "../core/ids.ts"
import { compileNamePattern } from "../core/pattern.ts"
import { EventView } from "../core/view.ts"
import { type DeliveryReport, reportsOf } from "./delivery-report.ts"
import { type EventReport, eventReport } from "./event-report.ts"
import { timeOf } from "./listing.ts"
import { lookAtStaff, type Staff, type StaffSources } from "./staff.ts"

export interface TailOptions {
  /** An event name or pattern. @defaultValue every event */
  readonly name?: string
  /** Begin with events from then on. @defaultValue now */
  readonly since?: Date | number
  /** Ends the tail. */
  readonly signal?: AbortSignal
}

/** Something new: an event with its deliveries so far, or a delivery that came further. */
export type TailEntry =
  | { readonly kind: "event"; readonly event: EventReport; readonly deliveries: readonly DeliveryReport[] }
  | { readonly kind: "outcome"; readonly delivery: DeliveryReport }

/** How long a commit may take until it can be seen: one looks back so far for late ones. */
const LOOK_BACK_MS = 12_000
const COMMITS_PER_READ = 1_000
const WAIT_MS = 200
const MOST_WATCHED = 500

/** Follows the store: new events as they are written, and what becomes of them. */
export class Tail {
  readonly #sources: StaffSources
  readonly #isClosed: () => boolean
  readonly #seen = new Set<string>()
  readonly #watched = new Map<string, { view: EventView; known: Map<string, string> }>()
  #newest: number
  readonly #since: number

  constructor(sources: StaffSources, { since }: TailOptions, isClosed: () => boolean) {
    this.#sources = sources
    this.#isClosed = isClosed
    this.#since = timeOf("since", since) ?? sources.now()
    this.#newest = this.#since
  }

  async *entries({ name, signal }: TailOptions): AsyncGenerator<TailEntry, void, undefined> {
    const fits = compileNamePattern(name ?? "*")
    const alarm = new Alarm()
    const stopListening = this.#sources.engine.wakeup.listen(() => alarm.ring())
    const onAbort = (): void => alarm.ring()
    signal?.addEventListener("abort", onAbort)
    try {
      while (!signal?.aborted && !this.#isClosed()) {
        yield* this.#newEvents(fits)
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

  async *#newEvents(fits: (name: string) => boolean): AsyncGenerator<TailEntry> {
    const { queries } = this.#sources.engine
    let from = commitIdFrom(Math.max(this.#since, this.#newest - LOOK_BACK_MS))
    let staff: Staff | null = null
    for (;;) {
      const ids = await queries.commits({ from, to: "~", limit: COMMITS_PER_READ })
      for (const id of ids) {
        if (this.#seen.has(id)) continue
        this.#seen.add(id)
        this.#newest = Math.max(this.#newest, commitTime(id))
        const { events } = await queries.scan({ names: null, fromCommit: id, toCommit: `${id}~`, limit: 1 })
        for (const row of events) {
          if (!fits(row.name)) continue
          staff ??= await lookAtStaff(this.#sources)
          const view = new EventView(row, row.commitId, row.index)
          const deliveries = await this.#deliveriesOf(view, staff)
          this.#watch(view, deliveries)
          yield { kind: "event", event: eventReport(view), deliveries }
        }
      }
      if (ids.length < COMMITS_PER_READ) break
      from = `${ids.at(-1)}~`
    }
    this.#forgetOld()
  }

  async *#outcomes(): AsyncGenerator<TailEntry> {
    if (this.#watched.size === 0) return
    const staff = await lookAtStaff(this.#sources)
    for (const [id, { view, known }] of [...this.#watched]) {
      const deliveries = await this.#deliveriesOf(view, staff)
      for (const delivery of deliveries) {
        const stage = stageOf(delivery)
        if (known.get(delivery.deliveryId) === stage) continue
        known.set(delivery.deliveryId, stage)
        yield { kind: "outcome", delivery }
      }
      if (deliveries.every(isEnded)) this.#watched.delete(id)
    }
  }

  async #deliveriesOf(view: EventView, staff: Staff): Promise<DeliveryReport[]> {
    const { engine, catalog } = this.#sources
    const rows = await engine.queries.traceOf(view)
    return reportsOf(view, rows, await catalog.routerOf(rows.catalogVersion ?? catalog.version), staff)
  }

  /** What is not settled yet is looked at again; of very many, the newest. */
  #watch(view: EventView, deliveries: readonly DeliveryReport[]): void {
    if (deliveries.every(isEnded)) return
    const known = new Map(deliveries.map((each) => [each.deliveryId, stageOf(each)]))
    this.#watched.set(view.id, { view, known })
    const oldest = this.#watched.keys().next().value
    if (this.#watched.size > MOST_WATCHED && oldest !== undefined) this.#watched.delete(oldest)
  }

  #forgetOld(): void {
    const oldest = commitIdFrom(this.#newest - LOOK_BACK_MS)
    for (const id of this.#seen) if (id < oldest) this.#seen.delete(id)
  }
}

function stageOf({ state, attempts }: DeliveryReport): string {
  return `${state} ${attempts.length}`
}

function isEnded({ state }: DeliveryReport): boolean {
  return state === "delivered" || state === "dead" || state === "cancelled"
}

/** Waits in real time: what it waits for is another process, not the application's clock. */
class Alarm {
  #wake: (() => void) | null = null
  #rang = false

  ring(): void {
    this.#rang = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rang) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#wake = null
    this.#rang = false
  }
}
