import { expected, InvalidInputError, NotFoundError, StoreError } from "../core/errors.ts"
import { commitIdFrom, parseDeliveryId } from "../core/ids.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { Change, ReplayRequest } from "../engine/commit.ts"
import type { JobRow, QueriesPort } from "../engine/queries.ts"
import type { Committer } from "../worker/committer.ts"
import { findSubscription, type SubscriptionName } from "./find-subscription.ts"
import { timeOf } from "./listing.ts"
import type { Replays } from "./replay.ts"
import type { StaffSources } from "./staff.ts"

/** Which deliveries are meant: by id, by subscription, by event name (together: both), or every one. */
export interface DeliverySelection {
  /** Delivery ids, or event ids for all deliveries of that event. */
  readonly ids?: readonly string[]
  readonly subscription?: string
  /** Whose subscription it is. @defaultValue the Carillon's own group */
  readonly group?: string
  /** The event's name, exact. */
  readonly name?: string
  /** All there are, of every group. */
  readonly all?: boolean
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /** Called after each slice with how many there were so far. */
  readonly onProgress?: (count: number) => void
}

export interface RedriveResult {
  /** How many went, or with `dryRun` would go, again. */
  readonly redriven: number
  readonly skipped: readonly SkippedDelivery[]
  readonly dryRun: boolean
}

export interface CancelResult {
  readonly cancelled: number
  readonly skipped: readonly SkippedDelivery[]
  readonly dryRun: boolean
}

/** A delivery that was named and left as it is. */
export interface SkippedDelivery {
  readonly id: string
  readonly why: string
}

export interface ReplayOptions extends SubscriptionName {
  /** Events from then on; not needed with `eventId`. */
  readonly since?: Date | number
  /** Events before then. @defaultValue now */
  readonly until?: Date | number
  /** Only this event. */
  readonly eventId?: string
  /** Leave out events that were routed to the subscription when they were emitted. @defaultValue false */
  readonly missingOnly?: boolean
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /** Called while counting, with the count so far. */
  readonly onProgress?: (count: number) => void
}

export interface ReplayResult {
  readonly id: string | null // null = it was a dry run
  readonly subscription: string
  readonly count: number // deliveries that it makes
  readonly dryRun: boolean
}

export interface ReplayProgress {
  readonly id: string
  readonly subscription: string
  readonly state: "waiting" | "running" | "done" | "failed"
  readonly made: number // deliveries so far
}

/** Rows to a slice: small, so that nobody waits for it. */
const SLICE = 200

export interface SteeringOptions {
  readonly sources: StaffSources
  readonly committer: Committer
  readonly replays: Replays
  readonly group: string
}

/** Changes what becomes of deliveries: again, not at all, later, once more. */
export class Steering {
  readonly #options: SteeringOptions
  readonly #queries: QueriesPort

  constructor(options: SteeringOptions) {
    this.#options = options
    this.#queries = options.sources.engine.queries
  }

  async pause(name: SubscriptionName): Promise<void> {
    await this.#setPaused(name, true)
  }

  async resume(name: SubscriptionName): Promise<void> {
    await this.#setPaused(name, false)
  }

  /** Ends the wish for good; says how many waiting deliveries that cancelled. */
  async remove(name: SubscriptionName): Promise<{ id: string; group: string; cancelled: number }> {
    const { id, group } = await this.#find(name)
    const cancelled = await this.#write({ kind: "end-subscription", group, id })
    await this.#options.sources.catalog.refresh()
    return { id, group, cancelled }
  }

  async redrive(selection: DeliverySelection): Promise<RedriveResult> {
    const { count, skipped } = await this.#each(selection, ["dead"], (nos) => ({ kind: "redrive", nos }))
    if (count > 0) this.#options.sources.worker.poke()
    return { redriven: count, skipped, dryRun: selection.dryRun === true }
  }

  async cancel(selection: DeliverySelection): Promise<CancelResult> {
    const reason = "cancelled by an operator"
    const states = selection.ids === undefined ? (["waiting"] as const) : (["waiting", "dead"] as const)
    const { count, skipped } = await this.#each(selection, states, (nos) => ({ kind: "cancel", nos, reason }))
    return { cancelled: count, skipped, dryRun: selection.dryRun === true }
  }

  async replay(options: ReplayOptions): Promise<ReplayResult> {
    const { sources, replays } = this.#options
    const target = await this.#find(options)
    const request = await this.#toRequest(options, target)
    const count = await replays.count(request, target, options.onProgress)
    const result = { id: null, subscription: target.id, count, dryRun: options.dryRun === true }
    if (result.dryRun || count === 0) return result
    const number = await this.#write({ kind: "put-replay", token: crypto.randomUUID(), request })
    sources.worker.poke()
    return { ...result, id: `rpl_${number}` }
  }

  async replayProgress(id: string): Promise<ReplayProgress> {
    const job = await this.#queries.job(id)
    if (job === null || job.kind !== "replay")
      throw new NotFoundError(expected("the id of a replay, such as `rpl_1`", id))
    const { subscription, made } = JSON.parse(job.data ?? "{}") as { subscription: number; made: number }
    await this.#options.sources.catalog.refresh()
    const version = this.#options.sources.catalog.subscriptions.findLast((each) => each.no === subscription)
    return { id, subscription: version?.id ?? String(subscription), state: PROGRESS[job.state], made }
  }

  async #find({ subscription, group = this.#options.group }: SubscriptionName): Promise<SubscriptionVersion> {
    if (typeof subscription !== "string" || subscription === "")
      throw new InvalidInputError(expected("the name of a subscription", subscription))
    const { catalog, ready } = this.#options.sources
    await ready()
    await catalog.refresh()
    return findSubscription(catalog.router.subscriptions, { subscription, group })
  }

  async #setPaused(name: SubscriptionName, paused: boolean): Promise<void> {
    const { id, group } = await this.#find(name)
    const { catalog, worker } = this.#options.sources
    await this.#write({
      kind: "put-subscription",
      group,
      id,
      worker: null,
      definition: { paused },
      startAt: null,
      keepPaused: false,
    })
    await catalog.refresh()
    worker.heedPauses()
    worker.poke()
  }

  async #write(change: Change): Promise<number> {
    const result = await this.#options.committer.write(change)
    if (result.status === "conflict") throw new NotFoundError(result.message)
    if (result.status !== "ok") throw new StoreError(`The store refused the change \`${change.kind}\`.`)
    return result.count ?? 0
  }

  async #each(
    selection: DeliverySelection,
    states: readonly JobRow["state"][],
    toChange: (nos: number[]) => Change,
  ): Promise<{ count: number; skipped: SkippedDelivery[] }> {
    const { dryRun = false, onProgress = () => {} } = selection
    const skipped: SkippedDelivery[] = []
    let count = 0
    for await (const slice of this.#slices(selection, states, skipped)) {
      const nos = slice.map((job) => job.no)
      count += dryRun ? nos.length : await this.#write(toChange(nos))
      onProgress(count)
    }
    return { count, skipped }
  }

  async *#slices(
    selection: DeliverySelection,
    states: readonly JobRow["state"][],
    skipped: SkippedDelivery[],
  ): AsyncGenerator<readonly JobRow[]> {
    const { ids, subscription, name, all, group } = selection
    if (ids !== undefined) {
      yield* this.#named(ids, states, skipped)
      return
    }
    if (subscription === undefined && name === undefined && all !== true) {
      throw new InvalidInputError(
        "Expected one of `ids`, `subscription`, `name` or `all: true`, got none of them: say which deliveries are meant.",
      )
    }
    const target = subscription === undefined ? null : await this.#find({ subscription, group })
    for (const state of states) {
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await this.#queries.jobs({
          kind: "delivery",
          state,
          name,
          subscriptions: target === null ? undefined : [target.no],
          cursor,
          limit: SLICE,
        })
        if (page.items.length > 0) yield page.items
        cursor = page.cursor
      }
    }
  }

  async *#named(
    ids: readonly string[],
    states: readonly JobRow["state"][],
    skipped: SkippedDelivery[],
  ): AsyncGenerator<readonly JobRow[]> {
    for (const id of ids) {
      if (isRunId(id) && states.includes("waiting")) {
        skipped.push({ id, why: `a run is undone, not cancelled: carillon runs cancel ${id}` })
        continue
      }
      const jobs = await this.#jobsNamed(id)
      const fit = jobs.filter((job) => states.includes(job.state))
      if (fit.length > 0) yield fit
      else skipped.push({ id, why: whySkipped(jobs, states) })
    }
  }

  async #jobsNamed(id: string): Promise<readonly JobRow[]> {
    if (parseDeliveryId(id) !== null || isRunId(id)) {
      const job = await this.#queries.job(id)
      return job === null ? [] : [job]
    }
    const key = await this.#queries.findEvent(id)
    return key === null ? [] : (await this.#queries.traceOf(key)).jobs
  }

  async #toRequest(options: ReplayOptions, target: SubscriptionVersion): Promise<ReplayRequest> {
    const { missingOnly = false } = options
    const base = { group: target.group, subscription: target.no, missingOnly }
    if (options.eventId !== undefined) {
      const eventId = await this.#queries.findEvent(options.eventId)
      if (eventId === null || (await this.#queries.event(eventId)) === null)
        throw new NotFoundError(expected("the id of an event that is kept", options.eventId))
      return { ...base, fromCommit: eventId.commitId, toCommit: `${eventId.commitId}~`, eventId }
    }
    const since = timeOf("since", options.since)
    if (since === null) throw new InvalidInputError(expected("`since` or `eventId`", undefined))
    const until = timeOf("until", options.until) ?? this.#options.sources.now() + 1
    if (until <= since)
      throw new InvalidInputError(expected("`until` to be later than `since`", options.until))
    return { ...base, fromCommit: commitIdFrom(since), toCommit: commitIdFrom(until), eventId: null }
  }
}

const PROGRESS = {
  waiting: "waiting",
  leased: "running",
  delivered: "done",
  dead: "failed",
  cancelled: "failed",
} as const

/** A run's job has the run's id; one that crashed its workers is redriven like a delivery. */
function isRunId(id: string): boolean {
  return id.startsWith("run_")
}

function whySkipped(jobs: readonly JobRow[], states: readonly JobRow["state"][]): string {
  const states_ = states.join(" or ")
  if (jobs.length > 0) return `it is ${jobs.map((job) => job.state).join(", ")}, not ${states_}`
  return `there is no delivery of its own under that id that is ${states_}`
}
