import { isErased } from "../core/erasure.ts"
import type { CarillonEvent, EventRow } from "../core/event.ts"
import { compileFilter } from "../core/filter.ts"
import { checkEventName } from "../core/pattern.ts"
import type { StepRecord, StepWait } from "../core/run.ts"
import { writeValue } from "../core/value.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { Committer } from "../worker/committer.ts"
import type { EventWait } from "./definition.ts"

export interface EventWaitsOptions {
  readonly queries: QueriesPort
  readonly committer: Committer
  readonly catalog: CatalogCache
  readonly group: string
  /** Subscribes the group to an event of every scope, under this subscriber id; resolves when it stands. */
  readonly subscribe: (event: string, subscriberId: string, handle: EventHandler) => Promise<void>
  /** A run was told something; it may be held here. */
  readonly onSignal: (run: string) => void
}

export type EventHandler = (event: CarillonEvent) => Promise<void>

const SUBSCRIBER = "carillon-runs"
const PAGE = 100

/**
 * Steps that wait for events: the group listens to those once for all its runs, in every scope. A run hears those of
 * its own scope only.
 */
export class EventWaits {
  readonly #options: EventWaitsOptions
  readonly #listening = new Map<string, Promise<void>>()

  constructor(options: EventWaitsOptions) {
    this.#options = options
  }

  /** What others of the group have listened to: this process may outlive them. */
  async join(): Promise<void> {
    const { catalog, group } = this.#options
    const ours = catalog.router.subscriptions.filter(
      (each) => each.group === group && each.id === `${SUBSCRIBER}@${each.definition.pattern}`,
    )
    await Promise.all(ours.map((each) => this.#listen(each.definition.pattern)))
  }

  /** From here on no such event of the group's can pass unheard. */
  async prepare(input: unknown): Promise<EventWait> {
    const { event, filter, timeoutMs } = (input ?? {}) as Partial<EventWait>
    checkEventName(event)
    if (filter !== undefined && filter !== null) compileFilter(filter)
    await this.#listen(event)
    return { event, filter: filter ?? null, timeoutMs: timeoutMs ?? null }
  }

  /** The first such event since then, which came before the wait was known. */
  async past(
    wait: Extract<StepWait, { kind: "event" }>,
    { scope, since }: { readonly scope: string; readonly since: number },
  ): Promise<Partial<StepRecord> | null> {
    const { queries } = this.#options
    const matches = matcherOf(wait.filter)
    let first: EventRow | null = null
    for (let cursor: string | undefined; ; ) {
      const page = await queries.events({
        name: wait.event,
        scopes: [scope],
        from: since,
        limit: PAGE,
        ...(cursor ? { cursor } : {}),
      })
      for (const row of page.items)
        if (!isErased(row) && matches(new EventView(row, row.commitId, row.index))) first = row
      if (page.cursor === null) break
      cursor = page.cursor
    }
    if (first === null) return null
    return { outcome: "done", output: outputOf(new EventView(first, first.commitId, first.index)) }
  }

  #listen(event: string): Promise<void> {
    let listening = this.#listening.get(event)
    if (listening === undefined) {
      listening = this.#options.subscribe(event, SUBSCRIBER, (heard) => this.#heard(heard))
      this.#listening.set(event, listening)
      listening.catch(() => this.#listening.delete(event)) // whoever waits for it is told, and the next tries again
    }
    return listening
  }

  async #heard(event: CarillonEvent): Promise<void> {
    const { queries, committer, group, onSignal } = this.#options
    for (let cursor: string | undefined; ; ) {
      const page = await queries.waits({
        group,
        scope: (event as EventView).stored.scope,
        event: event.name,
        limit: PAGE,
        ...(cursor ? { cursor } : {}),
      })
      for (const { run, step, filter, startedAt } of page.items) {
        if (event.at.getTime() < startedAt || !matcherOf(filter)(event as EventView)) continue
        await committer.record({
          kind: "signal-run",
          run,
          signal: {
            kind: "step",
            step,
            phase: "invoke",
            outcome: "done",
            output: outputOf(event),
            undo: null,
            error: null,
            dueAt: null,
          },
        }) // a conflict: it does not wait any more
        onSignal(run)
      }
      if (page.cursor === null) return
      cursor = page.cursor
    }
  }
}

function matcherOf(filter: unknown): (event: EventView) => boolean {
  if (filter === null || filter === undefined) return () => true
  const compiled = compileFilter(filter)
  return (event) => compiled.matches(event)
}

function outputOf({ id, name, data, metadata, at, key }: CarillonEvent): string | null {
  return writeValue({ id, name, data, metadata: { ...metadata }, at, key }, `the event \`${name}\``)
}
