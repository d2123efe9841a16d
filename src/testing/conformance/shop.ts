import type { StoredEvent } from "../../core/event.ts"
import { commitIds, deliveryId } from "../../core/ids.ts"
import { WAITING } from "../../core/job.ts"
import type { Outcome } from "../../core/outcome.ts"
import { type Policy, resolvePolicy } from "../../core/policy.ts"
import type {
  AppendEvents,
  AppendResult,
  BatchLease,
  Change,
  ChangeResult,
  ContinuedJob,
  NewBatch,
  NewJob,
  NewPart,
  PutSubscription,
  SettleBatch,
  SettleJob,
} from "../../engine/commit.ts"
import type { Engine } from "../../engine/engine.ts"
import type { ClaimedJob, ClaimRequest, ClaimResult, TakenBatch, TakeRequest } from "../../engine/leases.ts"
import type { JobRow } from "../../engine/queries.ts"
import type { StoreUnderTest } from "./harness.ts"

export const GROUP = "shop"
export const LEASE_MS = 15_000

type AppendWish = Partial<Omit<AppendEvents, "kind" | "events">> & { readonly events: readonly StoredEvent[] }
type Leased = { readonly no: number; readonly epoch: number }

/** A shop on a store under test: says the usual in one word, so that a test shows what is unusual. */
export class Shop {
  readonly store: StoreUnderTest
  readonly engine: Engine
  /** Makes commit ids, ascending. */
  readonly commitId: () => string

  constructor(store: StoreUnderTest) {
    this.store = store
    this.engine = store.engine
    this.commitId = commitIds(store.now, Math.random)
  }

  now(): number {
    return this.store.now()
  }

  advance(ms: number): Promise<void> {
    return this.store.advance(ms)
  }

  /** An `order.placed`, as the road hands it to the store. */
  order(id: string, over: Partial<StoredEvent> = {}): StoredEvent {
    return {
      name: "order.placed",
      scope: "",
      sender: null,
      key: null,
      at: this.now(),
      data: JSON.stringify({ id }),
      extra: null,
      id: null,
      hash: null,
      ...over,
    }
  }

  orders(count: number, over: Partial<StoredEvent> = {}): StoredEvent[] {
    return Array.from({ length: count }, (_, i) => this.order(`ord_${1001 + i}`, over))
  }

  async write(...changes: Change[]): Promise<ChangeResult[]> {
    const results = await this.engine.commit(changes)
    await this.store.flush()
    return results
  }

  async writeOne(change: Change): Promise<ChangeResult> {
    const [result] = await this.write(change)
    return result as ChangeResult
  }

  /** An append by the current catalog; unless said otherwise each event is an emit of its own. */
  async append(wish: AppendWish): Promise<AppendEvents> {
    const { version } = await this.engine.queries.catalog()
    return {
      kind: "append",
      commitId: this.commitId(),
      again: false,
      catalogVersion: version,
      emits: wish.events.map((_, i) => i),
      batches: [],
      worker: null,
      jobs: [],
      parts: [],
      release: null,
      ...wish,
    }
  }

  /** Appends and says what came of it. */
  async emit(wish: AppendWish): Promise<AppendResult & { readonly commitId: string }> {
    const change = await this.append(wish)
    const result = await this.writeOne(change)
    if (result.status !== "ok" || result.append === undefined)
      throw new Error(`The store did not append: ${JSON.stringify(result)}`)
    return { ...result.append, commitId: change.commitId }
  }

  putSubscription(
    id: string,
    {
      policy,
      paused = false,
      pattern = "order.placed",
      ...over
    }: Partial<PutSubscription> & { policy?: Policy; paused?: boolean; pattern?: string } = {},
  ): PutSubscription {
    const definition = {
      pattern,
      filter: null,
      sender: null,
      scope: null,
      target: { kind: "handler" as const },
      policy: resolvePolicy(policy),
      paused,
    }
    return {
      kind: "put-subscription",
      group: GROUP,
      id,
      worker: null,
      definition,
      startAt: null,
      keepPaused: true,
      ...over,
    }
  }

  /** Puts a subscription and says its number. */
  async subscribe(id: string, over?: Parameters<Shop["putSubscription"]>[1]): Promise<number> {
    const result = await this.writeOne(this.putSubscription(id, over))
    if (result.status !== "ok") throw new Error(`The store refused a subscription: ${JSON.stringify(result)}`)
    return result.jobs?.[0]?.no as number
  }

  newBatch(subscription: number, count: number, over: Partial<NewBatch> = {}): NewBatch {
    return { group: GROUP, priority: 1, deliveries: { [subscription]: count }, worker: null, ...over }
  }

  newJob(subscription: number, index: number, over: Partial<NewJob> = {}): NewJob {
    return {
      index,
      subscription,
      group: GROUP,
      scope: "",
      key: null,
      priority: 1,
      dueAt: 0,
      reason: "queued",
      leased: false,
      ...over,
    }
  }

  newPart(subscription: number, refs: NewPart["refs"], over: Partial<NewPart> = {}): NewPart {
    return {
      group: GROUP,
      subscription,
      priority: 1,
      replay: 0,
      reason: "paused",
      catalogVersion: 1,
      refs,
      ...over,
    }
  }

  continued(
    commitId: string,
    index: number,
    subscription: number,
    over: Partial<ContinuedJob> = {},
  ): ContinuedJob {
    return {
      commitId,
      index,
      subscription,
      group: GROUP,
      replay: 0,
      scope: "",
      priority: 1,
      state: WAITING,
      reason: "retry",
      dueAt: 0,
      attempt: 1,
      crashes: 0,
      isolated: false,
      error: "The CMS is down",
      history: [],
      ...over,
    }
  }

  /** Emits one order a job; returns the jobs' ids. */
  async queue(subscription: number, jobs: readonly Partial<NewJob>[]): Promise<string[]> {
    const { commitId } = await this.emit({
      events: this.orders(jobs.length),
      jobs: jobs.map((job, i) => this.newJob(subscription, i, job)),
    })
    return jobs.map((_, i) => deliveryId(commitId, i, subscription, 0))
  }

  async join(engine = this.engine): Promise<number> {
    const { worker } = await engine.leases.join({ group: GROUP, leaseMs: LEASE_MS })
    return worker
  }

  async beat(
    worker: number,
    engine = this.engine,
  ): Promise<{ readonly alive: boolean; readonly freed: number }> {
    const beat = { worker, group: GROUP, leaseMs: LEASE_MS, handles: [] }
    const { alive, freed } = await engine.leases.heartbeat(beat)
    return { alive, freed }
  }

  take(
    worker: number,
    subscriptions: readonly number[],
    over: Partial<TakeRequest> = {},
  ): Promise<readonly TakenBatch[]> {
    return this.engine.leases.take({
      worker,
      group: GROUP,
      slots: subscriptions.map((no) => [no, 100]),
      batches: 10,
      priorities: [0, 1, 2],
      thorough: true,
      ...over,
    })
  }

  claim(
    worker: number,
    subscription: number,
    free = 100,
    over: Partial<ClaimRequest> = {},
  ): Promise<ClaimResult> {
    return this.engine.leases.claim({
      worker,
      group: GROUP,
      slots: [[subscription, free]],
      limits: {},
      priorities: [0, 1, 2],
      thorough: true,
      isolated: false,
      system: 0,
      ...over,
    })
  }

  /** Claims the one job that there is to claim. */
  async claimOne(
    worker: number,
    subscription: number,
    over: Partial<ClaimRequest> = {},
  ): Promise<ClaimedJob> {
    const { jobs } = await this.claim(worker, subscription, 100, over)
    if (jobs.length !== 1) throw new Error(`Expected one job to claim, got ${jobs.length}.`)
    return jobs[0] as ClaimedJob
  }

  settleBatch(
    worker: number,
    { source = "batch", no, epoch }: Leased & { readonly source?: BatchLease["source"] },
    over: Partial<SettleBatch> = {},
  ): SettleBatch {
    return {
      kind: "settle-batch",
      lease: { source, no, worker, epoch },
      outcome: {},
      jobs: [],
      parts: [],
      ...over,
    }
  }

  settleJob(
    worker: number,
    { no, epoch, attempt = 0 }: Leased & { readonly attempt?: number },
    outcome: Outcome = { kind: "delivered" },
    over: Partial<SettleJob> = {},
  ): SettleJob {
    const record = { attempt: attempt + 1, at: this.now(), ms: 5, outcome: outcome.kind, worker }
    return { kind: "settle-job", no, worker, epoch, outcome, record, unordered: false, ...over }
  }

  retry(ms = 0): Outcome {
    return { kind: "retry", dueAt: this.now() + ms, error: "The CMS is down" }
  }

  async job(id: string): Promise<JobRow> {
    const row = await this.engine.queries.job(id)
    if (row === null) throw new Error(`Expected a job ${id}, there is none.`)
    return row
  }

  /** How many events the store holds, by name. */
  async eventsOf(name = "order.placed"): Promise<number> {
    let count = 0
    let cursor: string | undefined
    do {
      const page = await this.engine.queries.events({ name, cursor, limit: 500 })
      count += page.items.length
      cursor = page.cursor ?? undefined
    } while (cursor !== undefined)
    return count
  }
}
