import { isErased } from "../core/erasure.ts"
import { ErasedError, expected, InvalidInputError, NotFoundError, StoreError } from "../core/errors.ts"
import { commitIdFrom } from "../core/ids.ts"
import { isWithin, scopeKeys } from "../core/scope.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { Change, ReplayRequest } from "../engine/commit.ts"
import type { JobRow, QueriesPort } from "../engine/queries.ts"
import type { Committer } from "../worker/committer.ts"
import type { SubscriptionName } from "./find-subscription.ts"
import { timeOf } from "./listing.ts"
import type { Replays } from "./replay.ts"
import type { DeliverySelection, Fate, Selector, SkippedDelivery } from "./selection.ts"
import type { StaffSources } from "./staff.ts"
import type { Standing } from "./standing.ts"
import { findEventWithin, type WithinScopes } from "./within.ts"

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
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled"
  readonly made: number // deliveries so far
}

export interface SteeringOptions {
  readonly sources: StaffSources
  readonly committer: Committer
  readonly replays: Replays
  readonly standing: Standing
  readonly selector: Selector
}

/** Changes what becomes of deliveries: again, not at all, later, once more. */
export class Steering {
  readonly #options: SteeringOptions
  readonly #queries: QueriesPort

  constructor(options: SteeringOptions) {
    this.#options = options
    this.#queries = options.sources.engine.queries
  }

  async redrive(selection: DeliverySelection): Promise<RedriveResult> {
    const { retrying } = selection
    const { count, skipped } = await this.#each(selection, "redrive", (nos) => ({
      kind: "redrive",
      nos,
      retrying,
    }))
    if (count > 0) this.#options.sources.worker.poke()
    return { redriven: count, skipped, dryRun: selection.dryRun === true }
  }

  async cancel(selection: DeliverySelection): Promise<CancelResult> {
    const reason = "cancelled by an operator"
    const { count, skipped } = await this.#each(selection, "cancel", (nos) => ({
      kind: "cancel",
      nos,
      reason,
    }))
    return { cancelled: count, skipped, dryRun: selection.dryRun === true }
  }

  async replay(options: ReplayOptions): Promise<ReplayResult> {
    const { sources, replays } = this.#options
    const target = await this.#options.standing.subscription(options)
    const request = await this.#toRequest(options, target)
    const count = await replays.count(request, target, options.onProgress)
    const result = { id: null, subscription: target.id, count, dryRun: options.dryRun === true }
    if (result.dryRun || count === 0) return result
    const number = await this.#write({ kind: "put-replay", token: crypto.randomUUID(), request })
    sources.worker.poke()
    return { ...result, id: `rpl_${number}` }
  }

  /** A replay is theirs who may see all that it may deliver. */
  async replayProgress(id: string, { scopes }: WithinScopes = {}): Promise<ReplayProgress> {
    const keys = scopeKeys(scopes)
    const job = await this.#queries.job(id)
    if (job === null || job.kind !== "replay" || !covers(keys, requestOf(job).scopes))
      throw new NotFoundError(expected("the id of a replay that was asked for", id))
    const { subscription, made } = requestOf(job)
    await this.#options.sources.catalog.refresh()
    const version = this.#options.sources.catalog.subscriptions.findLast((each) => each.no === subscription)
    return { id, subscription: version?.id ?? String(subscription), state: PROGRESS[job.state], made }
  }

  async #write(change: Change): Promise<number> {
    const result = await this.#options.committer.write(change)
    if (result.status === "conflict") throw new NotFoundError(result.message)
    if (result.status !== "ok") throw new StoreError(`The store refused the change \`${change.kind}\`.`)
    return result.count ?? 0
  }

  async #each(
    selection: DeliverySelection,
    fate: Fate,
    toChange: (nos: number[]) => Change,
  ): Promise<{ count: number; skipped: SkippedDelivery[] }> {
    const { dryRun = false, onProgress = () => {} } = selection
    const skipped: SkippedDelivery[] = []
    let count = 0
    for await (const slice of this.#options.selector.slices(selection, fate, skipped)) {
      const nos = slice.map((job) => job.no)
      count += dryRun ? nos.length : await this.#write(toChange(nos))
      onProgress(count)
    }
    return { count, skipped }
  }

  async #toRequest(options: ReplayOptions, target: SubscriptionVersion): Promise<ReplayRequest> {
    const { missingOnly = false } = options
    const scopes = scopeKeys(options.scopes)
    const base = { group: target.group, subscription: target.no, missingOnly, scopes }
    if (options.eventId !== undefined) {
      const row = await findEventWithin(this.#queries, options.eventId, scopes)
      if (row === null) throw new NotFoundError(expected("the id of an event that is kept", options.eventId))
      if (isErased(row))
        throw new ErasedError(
          `Expected an event that can be delivered, got \`${options.eventId}\`, whose data was erased.`,
        )
      const eventId = { commitId: row.commitId, index: row.index }
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

type KeptReplay = Pick<ReplayRequest, "subscription" | "scopes"> & { readonly made: number }

function requestOf({ data }: JobRow): KeptReplay {
  return JSON.parse(data ?? "{}") as KeptReplay
}

function covers(keys: readonly string[] | undefined, scopes: readonly string[] | undefined): boolean {
  return keys === undefined || scopes?.every((each) => isWithin(keys, each)) === true
}

const PROGRESS = {
  waiting: "waiting",
  leased: "running",
  delivered: "done",
  dead: "failed",
  cancelled: "cancelled",
} as const
