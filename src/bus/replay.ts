import { PART_SIZE, slices } from "../core/batch.ts"
import { isErased } from "../core/erasure.ts"
import { StoreError } from "../core/errors.ts"
import { WAITING } from "../core/job.ts"
import { lineOf } from "../core/line.ts"
import { isExactName } from "../core/pattern.ts"
import { Router, roadOf } from "../core/route.ts"
import { isWithin } from "../core/scope.ts"
import { patternsOf, type SubscriptionVersion } from "../core/subscription.ts"
import { EventView } from "../core/view.ts"
import type { AdvanceReplay, ContinuedJob, NewPart, ReplayRequest } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { ClaimedJob } from "../engine/leases.ts"
import type { ScanResult } from "../engine/queries.ts"
import type { CatalogCache } from "../worker/catalog-cache.ts"
import type { Committer } from "../worker/committer.ts"

interface ReplayState extends ReplayRequest {
  readonly cursor: string
  readonly made: number
}

/** Events looked at in one step: small, so that nobody waits for it. */
const EVENTS_PER_STEP = 500

/** What happens now goes first, however much is replayed. */
const LOW = 2

/** Makes the deliveries of a replay, a few parts at a time; a kill goes on at the cursor. */
export class Replays {
  readonly #engine: Engine
  readonly #catalog: CatalogCache
  readonly #committer: Committer

  constructor({
    engine,
    catalog,
    committer,
  }: { engine: Engine; catalog: CatalogCache; committer: Committer }) {
    this.#engine = engine
    this.#catalog = catalog
    this.#committer = committer
  }

  /** Runs to its end, or until `goesOn` says no: whoever gets its lease goes on at the cursor. */
  async run(job: ClaimedJob, worker: number, goesOn: () => boolean): Promise<void> {
    const state = JSON.parse(job.data as string) as ReplayState
    await this.#catalog.refresh()
    const target = this.#catalog.router.subscriptions.find((each) => each.no === state.subscription)
    let { cursor, made } = state
    for (;;) {
      const scan =
        target === undefined ? EMPTY : await this.#engine.queries.scan(scanOf(state, target, cursor))
      const deliveries = target === undefined ? [] : this.wanted(scan, state, target)
      made += deliveries.length
      const done = scan.cursor === null
      cursor = scan.cursor ?? state.toCommit
      const change = advance(job, worker, { cursor, made, done })
      const result = await this.#committer.record(
        target === undefined
          ? change
          : withDeliveries(change, target, deliveries, job, this.#catalog.version),
      )
      if (result.status === "fenced") return
      if (result.status !== "ok") throw new StoreError("The store refused a step of a replay.")
      if (done || !goesOn()) return
    }
  }

  /** How many deliveries a replay would make, without making any. */
  async count(
    request: ReplayRequest,
    target: SubscriptionVersion,
    onProgress: (count: number) => void = () => {},
  ): Promise<number> {
    let count = 0
    for (let cursor: string | null = request.fromCommit; cursor !== null; ) {
      const scan: ScanResult = await this.#engine.queries.scan(scanOf(request, target, cursor))
      count += this.wanted(scan, request, target).length
      cursor = scan.cursor
      onProgress(count)
    }
    return count
  }

  wanted(scan: ScanResult, request: ReplayRequest, target: SubscriptionVersion): EventView[] {
    const router = new Router({
      version: target.fromVersion,
      subscriptions: [{ ...target, toVersion: null }],
    })
    const views: EventView[] = []
    for (const row of scan.events) {
      const { eventId, scopes } = request
      if (!isWithin(scopes, row.scope) || isErased(row)) continue
      if (eventId !== null && (row.index !== eventId.index || row.commitId !== eventId.commitId)) continue
      const view = new EventView(row, row.commitId, row.index)
      if (router.subscriptionsOf(view).length === 0) continue
      if (request.missingOnly && this.#hadIt(view, target.no, scan.versions[row.commitId] as number)) continue
      views.push(view)
    }
    return views
  }

  /** Was it routed to that subscription when it was emitted? */
  #hadIt(view: EventView, subscription: number, version: number): boolean {
    return this.#catalog
      .routerAt(version)
      .subscriptionsOf(view)
      .some((each) => each.no === subscription)
  }
}

const EMPTY: ScanResult = { events: [], versions: {}, cursor: null }

function scanOf(request: ReplayRequest, target: SubscriptionVersion, cursor: string) {
  const patterns = patternsOf(target.definition)
  return {
    names: patterns.every(isExactName) ? patterns : null,
    fromCommit: cursor,
    toCommit: request.toCommit,
    limit: EVENTS_PER_STEP,
  }
}

function advance(
  job: ClaimedJob,
  worker: number,
  step: { cursor: string; made: number; done: boolean },
): AdvanceReplay {
  return {
    kind: "advance-replay",
    no: job.no,
    worker,
    epoch: job.epoch,
    ...step,
    parts: [],
    jobs: [],
    keys: [],
  }
}

/** Ordered, limited and transactional deliveries get a job each, the others wait together. */
function withDeliveries(
  change: AdvanceReplay,
  target: SubscriptionVersion,
  views: readonly EventView[],
  job: ClaimedJob,
  catalogVersion: number,
): AdvanceReplay {
  const alone = views.filter(
    (view) => roadOf(target.definition, { key: view.key, deliverAt: null }).road === "job",
  )
  const { order, keyConcurrency } = target.definition.policy
  const hasKeys = order !== null || Boolean(keyConcurrency)
  const together = views.filter((view) => !alone.includes(view))
  return {
    ...change,
    parts: slices(together, PART_SIZE).map((some) => toPart(some, target, job.replay, catalogVersion)),
    jobs: alone.map((view) => toJob(view, target, job.replay)),
    keys: alone.map(({ key, stored }) => (hasKeys && key !== null ? lineOf(stored.scope, key) : null)),
  }
}

function toPart(
  views: readonly EventView[],
  target: SubscriptionVersion,
  replay: number,
  catalogVersion: number,
): NewPart {
  return {
    group: target.group,
    subscription: target.no,
    priority: LOW,
    replay,
    reason: "replayed",
    catalogVersion,
    refs: views.map(({ commitId, index }) => ({ commitId, index })),
  }
}

function toJob(view: EventView, target: SubscriptionVersion, replay: number): ContinuedJob {
  return {
    commitId: view.commitId,
    index: view.index,
    subscription: target.no,
    group: target.group,
    replay,
    scope: view.stored.scope,
    priority: LOW,
    state: WAITING,
    reason: "replayed",
    dueAt: 0,
    attempt: 0,
    crashes: 0,
    isolated: false,
    error: null,
    history: [],
  }
}
