import type { Clock, Timer } from "../core/clock.ts"
import type { DraftEvent } from "../core/event.ts"
import { parseDeliveryId } from "../core/ids.ts"
import type { RunState } from "../core/run.ts"
import { INSTALLATION, parseScope } from "../core/scope.ts"
import { isOperational, patternsOf, wishesForEvents } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { QueriesPort } from "../engine/queries.ts"
import { OUTBOX } from "../engine/transactions.ts"
import type { Committer } from "../worker/committer.ts"
import type { Delivery } from "../worker/delivery.ts"
import type { Death } from "../worker/worker.ts"
import type { EraseReport } from "./erase-report.ts"
import { type Cause, OperationalRuns, type Voice } from "./operational-runs.ts"
import { OperationalWebhooks, type WebhookNews } from "./operational-webhooks.ts"
import { type RefusedMessage, tellOfRefused } from "./refused-message.ts"
import { lookAtStaff, type Staff, type StaffSources } from "./staff.ts"
import { type CountedSubscription, subscriptionReport } from "./subscription-report.ts"

export interface OperationalOptions {
  readonly sources: StaffSources
  readonly committer: Committer
  readonly clock: Clock
  readonly laggingMs: number
  readonly stagedTtlMs: number
  readonly orphanedMs: number // so long without a handler, and a subscription is orphaned
  readonly onError: (error: unknown) => void
}

const DEAD_LETTER = "carillon.dead_letter"
const STUCK = "carillon.delivery.stuck"
const LAGGING = "carillon.subscription.lagging"
const RECOVERED = "carillon.subscription.recovered"
const ORPHANED = "carillon.subscription.orphaned"
const EXPIRED = "carillon.event_group.expired"
const REFUSED = "carillon.event.refused"
const ERASED = "carillon.data.erased"

const WATCH_MS = 5_000
const CRASHED = "crashed worker"
const CRASHES_LOOKED_AT = 100
const CRASHES_SINCE_MS = 600_000

/**
 * Carillon's events about itself. They are ordinary events, emitted only while somebody listens, and
 * heard only by patterns that begin with `carillon.`.
 */
export class Operational {
  readonly #options: OperationalOptions
  readonly #runs: OperationalRuns
  readonly #webhooks: OperationalWebhooks
  readonly #voice: Voice
  readonly #laggingSince = new Map<number, number>()
  readonly #orphanedSince = new Map<number, number>()
  readonly #reported = new Set<string>()
  readonly #telling = new Set<Promise<void>>()
  #timer: Timer | null = null
  #stopped = false
  #watching: Promise<unknown> | null = null

  constructor(options: OperationalOptions) {
    this.#options = options
    this.#voice = {
      isSilent: (name) => this.#isSilent(name),
      emit: (name, data, about, cause) => this.#emit(name, data, about, cause),
    }
    this.#runs = new OperationalRuns(options.sources.engine.queries, this.#voice)
    this.#webhooks = new OperationalWebhooks(this.#voice)
  }

  /** Watches lag, orphans and event groups, as long as this is the store's longest-serving worker. */
  start(): void {
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer)
    await this.#watching
  }

  /** Is nothing being told right now of what has happened, nor looked for? */
  get isIdle(): boolean {
    return this.#telling.size === 0 && this.#watching === null
  }

  async whenIdle(): Promise<void> {
    while (!this.isIdle) await Promise.all([...this.#telling, this.#watching])
  }

  dead(death: Death): void {
    if (this.#isSilent(DEAD_LETTER)) return
    this.#tell(this.#dead(death, this.#options.clock.now()))
  }

  stuck(delivery: Delivery): void {
    const { view, handler } = delivery
    if (this.#isSilent(STUCK) || isOperational(view.name)) return
    const data = {
      ...aboutDelivery(view, delivery.deliveryId),
      subscription: handler.id,
      group: this.#groupOf(handler.no),
      attempt: delivery.attempt,
    }
    this.#tell(this.#emit(STUCK, data, `${delivery.deliveryId}/${delivery.attempt}`, causeOf(view)))
  }

  runEnded(id: string, state: RunState): void {
    this.#tell(this.#runs.ended(id, state))
  }

  /** A message of another system's that could not become an event. */
  refusedMessage(message: RefusedMessage, scope: string | null): void {
    this.#tell(tellOfRefused(this.#voice, message, scope))
  }

  /** Whom webhooks are sent to was left alone, is back, was given up, or cannot be sent to by us. */
  webhook(kind: "resting" | "recovered" | "disabled" | "stalled", webhook: WebhookNews): void {
    this.#tell(this.#webhooks[kind](webhook))
  }

  /** An event that was emitted in a transaction, and could not be released for its id. */
  refused({ id: eventId, name: eventName, key, scope, at }: DraftEvent, reason: string): void {
    if (this.#isSilent(REFUSED) || isOperational(eventName)) return
    const data = { eventId, eventName, key, scope: parseScope(scope), at: new Date(at).toISOString(), reason }
    this.#tell(this.#emit(REFUSED, data, `${eventId}/${at}`, inScope(scope)))
  }

  /** That data was erased within these scopes and how much; never whose. */
  async erased(
    { events, staged, deliveries, runs, steps }: EraseReport,
    scopes: readonly string[] | undefined,
  ): Promise<void> {
    if (this.#isSilent(ERASED)) return
    const counts = { events, staged, deliveries, runs, steps }
    await this.#emit(ERASED, counts, crypto.randomUUID(), inScope(onlyOf(scopes)))
  }

  #tell(telling: Promise<void>): void {
    const told = telling.catch(this.#options.onError).finally(() => this.#telling.delete(told))
    this.#telling.add(told)
  }

  /** One look at everything that is not an attempt's outcome. */
  async watch(): Promise<void> {
    const { sources } = this.#options
    const wanted = [DEAD_LETTER, LAGGING, RECOVERED, ORPHANED, EXPIRED].filter(
      (name) => !this.#isSilent(name),
    )
    if (wanted.length === 0 && this.#runs.isSilent) return
    const staff = await lookAtStaff(sources)
    if (!isFirst(staff, sources.worker.number)) return
    if (wanted.includes(EXPIRED)) await this.#watchGroups(staff.now)
    if (wanted.includes(DEAD_LETTER)) await this.#watchCrashes(staff.now)
    await this.#runs.watch(staff.now)
    if (wanted.some((name) => name !== EXPIRED && name !== DEAD_LETTER)) await this.#watchSubscriptions(staff)
  }

  /** A dead letter whose worker died of it was made by the store, so no worker tells of it. */
  async #watchCrashes(now: number): Promise<void> {
    const { items } = await this.#options.sources.engine.queries.jobs({
      kind: "delivery",
      state: "dead",
      limit: CRASHES_LOOKED_AT,
    })
    for (const job of items) {
      const tag = `${job.id}/${job.updatedAt}`
      if (job.reason !== CRASHED || now - job.updatedAt > CRASHES_SINCE_MS || this.#reported.has(tag))
        continue
      this.#reported.add(tag)
      const { id: deliveryId, subscription, attempt, reason, error } = job
      await this.#dead({ deliveryId, subscription, attempt, reason, error: error ?? CRASHED }, job.updatedAt)
    }
  }

  async #dead(death: Death, at: number): Promise<void> {
    const key = parseDeliveryId(death.deliveryId)
    const row = key && (await this.#options.sources.engine.queries.event(key))
    if (row === null) return
    const view = new EventView(row, row.commitId, row.index)
    if (isOperational(view.name)) return // else one broken listener of dead letters would never end
    const { deliveryId, reason, error, attempt } = death
    const version = this.#options.sources.catalog.subscriptions.findLast(
      (each) => each.no === death.subscription,
    )
    const data = {
      ...aboutDelivery(view, deliveryId),
      subscription: version?.id ?? String(death.subscription),
      group: version?.group ?? null,
      attempt,
      reason,
      error,
    }
    await this.#emit(DEAD_LETTER, data, `${deliveryId}/${at}`, causeOf(view))
  }

  async #watchSubscriptions(staff: Staff): Promise<void> {
    const rows = await this.#options.sources.engine.queries.lag()
    const lag = new Map(rows.map((row) => [row.subscription, row]))
    for (const [no, version] of staff.current) {
      if (!wishesForEvents(version) || patternsOf(version.definition).some(isOperational)) continue
      const report = subscriptionReport(version, lag.get(no), staff)
      await this.#watchLag(no, report, staff.now)
      await this.#watchOrphan(no, report, staff.now)
    }
  }

  /** A paused subscription waits because somebody wants it to. */
  async #watchLag(no: number, report: CountedSubscription, now: number): Promise<void> {
    const { id: subscription, group, scope, lagSeconds, waiting, paused } = report
    const isLagging = !paused && lagSeconds * 1000 >= this.#options.laggingMs
    const since = this.#laggingSince.get(no)
    if (isLagging === (since !== undefined)) return
    if (isLagging) {
      this.#laggingSince.set(no, now)
      await this.#emit(LAGGING, { subscription, group, lagSeconds, waiting }, `${no}/${now}`, inScope(scope))
    } else if (since !== undefined) {
      this.#laggingSince.delete(no)
      if (!paused)
        await this.#emit(
          RECOVERED,
          { subscription, group, laggedSeconds: (now - since) / 1000 },
          `${no}/${now}`,
          inScope(scope),
        )
    }
  }

  async #watchOrphan(no: number, report: CountedSubscription, now: number): Promise<void> {
    if (!report.orphaned) {
      this.#orphanedSince.delete(no)
      this.#reported.delete(`orphan ${no}`)
      return
    }
    const since = this.#orphanedSince.get(no) ?? report.lastHandledAt?.getTime() ?? now
    this.#orphanedSince.set(no, since)
    if (now - since < this.#options.orphanedMs || this.#reported.has(`orphan ${no}`)) return
    this.#reported.add(`orphan ${no}`)
    const { id: subscription, group, scope, waiting } = report
    await this.#emit(
      ORPHANED,
      { subscription, group, waiting, since: new Date(since).toISOString() },
      `${no}/${since}`,
      inScope(scope),
    )
  }

  /** Only said, never done: releasing or clearing a group is its owner's decision. */
  async #watchGroups(now: number): Promise<void> {
    const { sources, stagedTtlMs } = this.#options
    const old = (await sources.engine.queries.stagedGroups()).filter(
      // The outbox is nobody's to release or to clear but ours.
      (each) => each.eventGroupId !== OUTBOX && now - each.oldestAt >= stagedTtlMs,
    )
    if (old.length === 0) return
    const held = await groupsOfLiveRuns(sources.engine.queries)
    for (const { eventGroupId, events, oldestAt } of old) {
      const tag = `${eventGroupId}/${oldestAt}`
      if (held.has(eventGroupId) || this.#reported.has(tag)) continue
      this.#reported.add(tag)
      const data = { eventGroupId, events, oldestAt: new Date(oldestAt).toISOString() }
      const staged = await sources.engine.queries.staged(eventGroupId)
      await this.#emit(EXPIRED, data, tag, inScope(onlyOf(staged.map(({ scope }) => scope))))
    }
  }

  #isSilent(name: string): boolean {
    const { router } = this.#options.sources.catalog
    return !router.subscriptions.some(
      ({ definition }) =>
        patternsOf(definition).some(isOperational) &&
        router.route(name, definition.scope ?? "", definition.sender).candidates.length > 0,
    )
  }

  #groupOf(no: number): string | null {
    return this.#options.sources.catalog.subscriptions.find((each) => each.no === no)?.group ?? null
  }

  /** Said twice by two workers, it is one event: the id says what it is about. It lies where that lies. */
  async #emit(name: string, data: object, about: string, cause: Cause): Promise<void> {
    const { committer, clock } = this.#options
    const id = `${name}/${about}`.slice(0, LONGEST_ID)
    const extra =
      cause.id === null
        ? null
        : JSON.stringify({ causationId: cause.id, correlationId: cause.correlationId ?? cause.id })
    const draft = {
      name,
      scope: cause.scope,
      sender: "carillon",
      key: null,
      at: clock.now(),
      data: JSON.stringify(data),
      extra,
      id,
      hash: id,
      priority: 1 as const,
      deliverAt: null,
    }
    await committer.emit([draft], draft.data.length)
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#watching = this.watch()
        .catch(this.#options.onError)
        .finally(() => {
          this.#watching = null
          this.#schedule()
        })
    }, WATCH_MS)
  }
}

const LONGEST_ID = 255
const RUNS_PER_PAGE = 1_000

/** A run that goes on releases or clears its events itself, however long it waits. */
async function groupsOfLiveRuns(queries: QueriesPort): Promise<ReadonlySet<string>> {
  const groups = new Set<string>()
  for (const state of ["invoking", "compensating"] as const) {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await queries.runs({ state, cursor, limit: RUNS_PER_PAGE })
      for (const { context } of page.items) groups.add(context.eventGroupId)
      cursor = page.cursor
    }
  }
  return groups
}

function aboutDelivery(view: EventView, deliveryId: string) {
  const { id: eventId, name: eventName, key, stored } = view
  return { deliveryId, eventId, eventName, key, scope: parseScope(stored.scope) }
}

/** Nothing in particular has caused it, but it is about what lies there; null = about what belongs to no scope. */
function inScope(scope: string | null): Cause {
  return { id: null, correlationId: null, scope: scope ?? INSTALLATION }
}

/** The one scope that is meant; null = several are, or all. */
function onlyOf(scopes: readonly string[] | undefined): string | null {
  const [only = null, ...others] = new Set(scopes)
  return others.length === 0 ? only : null
}

function causeOf({ id, correlationId, stored }: EventView): Cause {
  return { id, correlationId, scope: stored.scope }
}

/** One worker of all watches: what each of them saw would be said as often. */
function isFirst(staff: Staff, worker: number | null): boolean {
  const live = staff.workers.filter((each) => each.expiresAt > staff.now)
  return live.every((each) => worker !== null && each.no >= worker)
}
