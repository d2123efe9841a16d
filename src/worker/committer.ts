import type { Clock, Timer } from "../core/clock.ts"
import {
  IdConflictError,
  InvalidInputError,
  OverloadedError,
  StoppedError,
  StoreError,
} from "../core/errors.ts"
import type { DraftEvent } from "../core/event.ts"
import { type EventKey, eventId, MAX_EVENTS_PER_COMMIT } from "../core/ids.ts"
import type { AppendResult, Change, ChangeResult, RejectedEmit, StagedRelease } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { CatalogCache } from "./catalog-cache.ts"
import { AppendPlan } from "./plan.ts"

/** What an emit becomes: the ids of its events. */
export interface Receipt {
  readonly id: string
  readonly existing: boolean // the same event was emitted before, under the same id
}

/** Who runs our own group's batches from memory; the null worker never does. */
export interface DirectRunner {
  /** The worker to lease new batches to, or null when they should be born open. */
  adopt(): number | null
  /** How many deliveries of a subscription could start here at once. */
  freeSlots(subscription: number): number
  /** The batches and jobs of a plan are written and leased to us. */
  begin(plan: AppendPlan, worker: number, result: AppendResult): void
  /** There may be work for our group in the store. */
  poke(): void
  /** Commits work again after a time in which they did not. */
  resume(): void
}

export interface CommitterOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly catalog: CatalogCache
  readonly commitId: () => string
  readonly group: string
  readonly fastPath: boolean
  readonly mostBytes: number // waiting to be written
  readonly mostOwnDeliveries: number // of one commit, run from memory: a crash may repeat them
}

const RECEIPTS = {}
const NO_RECEIPTS = undefined as unknown as Receipt[]
const EVENTS_PER_COMMIT = 1_000
// A commit is cut between emits, so what is taken together must be small beside it.
const EVENTS_TOGETHER = 250
const BYTES_TOGETHER = 1024 * 1024
const BYTES_PER_COMMIT = 4 * 1024 * 1024
const CHANGES_PER_COMMIT = 1_000
const SETTLE_DELAY_MS = 5
const TRIES_OF_EMITS = 3
const RETRY_DELAY_MS = 100

interface WaitingEmit {
  readonly events: readonly DraftEvent[]
  readonly bytes: number
  readonly release: StagedRelease | null
  readonly receipts: boolean
  readonly resolve: (receipts: Receipt[]) => void
  readonly reject: (error: Error) => void
}

interface JoinedEmit extends WaitingEmit {
  readonly events: DraftEvent[]
  bytes: number
  readonly promise: Promise<Receipt[]>
}

/** A commit on its way, with what is to be answered when it is written. */
interface SentCommit {
  readonly changes: readonly WaitingChange[]
  readonly emits: readonly WaitingEmit[]
  readonly plan: AppendPlan | null // null = no emits in it
  readonly worker: number | null // whom our own batches are leased to
  readonly results: Promise<ChangeResult[]>
}

interface WaitingChange {
  readonly change: Change
  readonly resolve: (result: ChangeResult) => void
  readonly reject: (error: Error) => void
  readonly keep: boolean // tried again until it is written
}

/**
 * The group commit: what arrives while a commit is under way goes into the next.
 *
 * One commit is in flight at a time. Settles ride along with emits, or go alone after 5 ms.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #emits: WaitingEmit[] = []
  #joined: JoinedEmit | null = null // the last waiting emit, if others may join it
  #changes: WaitingChange[] = []
  #bytes = 0
  #running = false
  #scheduled = false
  #settleTimer: Timer | null = null
  #failing = false
  #closed = false
  #runner: DirectRunner | null = null
  readonly #idle: (() => void)[] = []

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  set runner(runner: DirectRunner | null) {
    this.#runner = runner
  }

  /** The last commit failed: nothing new should start until one succeeds. */
  get isFailing(): boolean {
    return this.#failing
  }

  /** Resolves once the events are written. Never waits for handlers. */
  emit(
    events: readonly DraftEvent[],
    bytes: number,
    { release = null, receipts = true }: { release?: StagedRelease | null; receipts?: boolean } = RECEIPTS,
  ): Promise<Receipt[]> {
    if (this.#closed) return Promise.reject(stopped())
    if (events.length > MAX_EVENTS_PER_COMMIT) return Promise.reject(tooMany(events.length))
    if (this.#bytes + bytes > this.#options.mostBytes && this.#bytes > 0)
      return Promise.reject(this.#overloaded())
    this.#bytes += bytes
    const single = receipts || release !== null || events.length !== 1 ? undefined : events[0]
    if (single !== undefined && single.id === null) return this.#emitTogether(single, bytes)
    return new Promise((resolve, reject) => {
      this.#push({ events, bytes, release, receipts, resolve, reject })
    })
  }

  /**
   * Single events that nothing can refuse alone, whose receipts nobody wants, are one emit together,
   * with one promise: under a flood of emits that is most of what there is to remember of each.
   */
  #emitTogether(event: DraftEvent, bytes: number): Promise<Receipt[]> {
    const joined = this.#joined
    const fits =
      joined !== null && joined.events.length < EVENTS_TOGETHER && joined.bytes + bytes <= BYTES_TOGETHER
    if (fits) {
      joined.events.push(event)
      joined.bytes += bytes
      return joined.promise
    }
    const { promise, resolve, reject } = Promise.withResolvers<Receipt[]>()
    const opened = { events: [event], bytes, release: null, receipts: false, resolve, reject, promise }
    this.#push(opened)
    this.#joined = opened
    return promise
  }

  #push(emit: WaitingEmit): void {
    this.#joined = null // emits are written in their order
    this.#emits.push(emit)
    this.#schedule()
  }

  /** Writes any other change with the next commit. */
  write(change: Change): Promise<ChangeResult> {
    return this.#enqueue(change, false)
  }

  /** Writes what must not be lost: it is tried again until it is written, and may wait 5 ms for company. */
  settle(change: Change): Promise<ChangeResult> {
    return this.#enqueue(change, true)
  }

  get hasChanges(): boolean {
    return this.#changes.length > 0 || this.#running
  }

  /** Writes what waits now rather than in 5 ms. */
  hurry(): void {
    if (this.#changes.length > 0) this.#schedule()
  }

  /** Resolves when nothing waits to be written. */
  flush(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
      this.#schedule()
    })
  }

  /** Writes what waits, then refuses everything. */
  async close(): Promise<void> {
    await this.flush()
    this.#closed = true
  }

  #enqueue(change: Change, keep: boolean): Promise<ChangeResult> {
    if (this.#closed) return Promise.reject(stopped())
    return new Promise((resolve, reject) => {
      this.#changes.push({ change, resolve, reject, keep })
      if (!keep || this.#changes.length >= CHANGES_PER_COMMIT) this.#schedule()
      else if (!this.#running && !this.#scheduled) {
        this.#settleTimer ??= this.#options.clock.setTimeout(() => this.#schedule(), SETTLE_DELAY_MS)
      }
    })
  }

  #isIdle(): boolean {
    return !this.#running && this.#emits.length === 0 && this.#changes.length === 0
  }

  #schedule(): void {
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#run()
    })
  }

  /** While one commit is in flight the next is gathered; it is sent before the last one's handlers run. */
  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    this.#options.clock.clearTimeout(this.#settleTimer)
    this.#settleTimer = null
    let sent = this.#send()
    while (sent !== null) {
      const results = await this.#outcomeOf(sent)
      const next: SentCommit | null = results !== null && this.#isUrgent() ? this.#send() : null
      if (results !== null) await this.#answer(sent, results)
      sent = next
    }
    this.#running = false
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve()
    else if (this.#isUrgent()) this.#schedule()
    else this.#settleTimer ??= this.#options.clock.setTimeout(() => this.#schedule(), SETTLE_DELAY_MS)
  }

  #isUrgent(): boolean {
    if (this.#emits.length > 0 || this.#changes.length >= CHANGES_PER_COMMIT) return true
    return this.#changes.length > 0 && (this.#idle.length > 0 || this.#changes.some((each) => !each.keep))
  }

  #send(): SentCommit | null {
    const changes = this.#changes.splice(0, CHANGES_PER_COMMIT)
    const emits = this.#nextEmits()
    if (changes.length === 0 && emits.length === 0) return null
    const plan = emits.length === 0 ? null : this.#plan(emits, this.#options.commitId())
    const worker = plan === null || plan.ownDeliveries === 0 ? null : (this.#runner?.adopt() ?? null)
    const commit = { changes, emits, plan, worker }
    return { ...commit, results: this.#write(commit, false) }
  }

  /** Every try of a commit says the same, so that an earlier one with an unknown outcome is recognised. */
  #write(
    { changes, emits, plan, worker }: Omit<SentCommit, "results">,
    again: boolean,
  ): Promise<ChangeResult[]> {
    const written = changes.map((each) => each.change)
    if (plan !== null) written.push(plan.toChange(worker, again, emits[0]?.release ?? null))
    const results = this.#options.engine.commit(written)
    results.catch(() => {}) // seen when its turn comes; until then a failure is nobody's unhandled rejection
    return results
  }

  /** Its results; null when it could not be written and was given up. */
  async #outcomeOf(sent: SentCommit): Promise<ChangeResult[] | null> {
    let results = sent.results
    for (let tries = 1; ; tries++) {
      try {
        const done = await results
        this.#recover()
        return done
      } catch (error) {
        this.#failing = true
        await this.#pause(RETRY_DELAY_MS)
        if (tries === TRIES_OF_EMITS || this.#closed) {
          this.#giveUp(sent.emits, sent.changes, error as Error)
          return null
        }
        results = this.#write(sent, true)
      }
    }
  }

  /** The emits of the next commit; a release goes alone, for its events are left out one by one. */
  #nextEmits(): WaitingEmit[] {
    let events = 0
    let bytes = 0
    let count = 0
    for (const emit of this.#emits) {
      const isFull = events + emit.events.length > EVENTS_PER_COMMIT || bytes + emit.bytes > BYTES_PER_COMMIT
      if (count > 0 && (isFull || emit.release !== null)) break
      events += emit.events.length
      bytes += emit.bytes
      count++
      if (emit.release !== null) break
    }
    const next = this.#emits.splice(0, count)
    if (this.#joined !== null && next.includes(this.#joined)) this.#joined = null
    return next
  }

  /** Stops short where a crash would repeat too much: what is left over goes first in the next commit. */
  #plan(emits: WaitingEmit[], commitId: string): AppendPlan {
    const { catalog, group, fastPath } = this.#options
    const plan = new AppendPlan({
      router: catalog.router,
      commitId,
      group,
      fastPath,
      freeSlots: (subscription) => this.#runner?.freeSlots(subscription) ?? 0,
    })
    for (let emit = 0; emit < emits.length; emit++) {
      if (emit > 0 && plan.ownDeliveries >= this.#options.mostOwnDeliveries) {
        this.#emits.unshift(...emits.splice(emit))
        break
      }
      for (const event of (emits[emit] as WaitingEmit).events) plan.add(event, emit)
    }
    return plan
  }

  async #answer(
    { changes, emits, plan, worker }: SentCommit,
    results: readonly ChangeResult[],
  ): Promise<void> {
    for (const [i, each] of changes.entries()) each.resolve(results[i] as ChangeResult)
    if (plan === null) return
    const result = results[changes.length] as ChangeResult
    if (result.status === "stale") {
      this.#emits.unshift(...emits)
      // A catalog that cannot be read just now is asked for again when the commit is stale again.
      await this.#options.catalog.refresh().catch(() => this.#pause(RETRY_DELAY_MS))
      return
    }
    if (result.status !== "ok" || result.append === undefined) {
      const message = result.status === "conflict" ? result.message : "The store fenced an emit."
      for (const emit of emits) this.#finish(emit, () => emit.reject(new StoreError(message)))
      return
    }
    this.#acknowledge(emits, plan.commitId, result.append)
    if (worker !== null) this.#runner?.begin(plan, worker, result.append)
    if (plan.ownQueued || (worker === null && plan.ownDeliveries > 0)) this.#runner?.poke()
    this.#options.engine.wakeup.hint()
  }

  #acknowledge(emits: readonly WaitingEmit[], commitId: string, append: AppendResult): void {
    const rejected = new Map(append.rejected.map((each) => [each.emit, each]))
    const existing = new Map<number, EventKey>(append.existing.map((each) => [each.index, each.key]))
    let index = 0
    for (let i = 0; i < emits.length; i++) {
      const emit = emits[i] as WaitingEmit
      const first = index
      index += emit.events.length
      this.#bytes -= emit.bytes
      const refusal = rejected.size === 0 ? undefined : rejected.get(i)
      if (refusal !== undefined) emit.reject(errorOf(refusal))
      else emit.resolve(emit.receipts ? receiptsOf(emit.events, commitId, first, existing) : NO_RECEIPTS)
    }
  }

  #finish(emit: WaitingEmit, answer: () => void): void {
    this.#bytes -= emit.bytes
    answer()
  }

  #recover(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#runner?.resume()
  }

  #giveUp(emits: readonly WaitingEmit[], changes: readonly WaitingChange[], error: Error): void {
    for (const emit of emits) this.#finish(emit, () => emit.reject(error))
    const kept = this.#closed ? [] : changes.filter((each) => each.keep)
    this.#changes = [...kept, ...this.#changes]
    for (const each of changes) if (!kept.includes(each)) each.reject(error)
  }

  /** Real time: what is waited for is the disk, not the application's clock. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, ms)
    })
  }

  #overloaded(): OverloadedError {
    const { mostBytes } = this.#options
    return new OverloadedError(
      `Expected fewer than ${mostBytes} bytes of events to be waiting for the disk, got more: events are emitted faster than they can be written. Await each emit, emit in arrays, or try again later.`,
    )
  }
}

function errorOf({ code, message }: RejectedEmit): Error {
  return code === "conflict" ? new IdConflictError(message) : new InvalidInputError(message)
}

function receiptsOf(
  events: readonly DraftEvent[],
  commitId: string,
  first: number,
  existing: ReadonlyMap<number, EventKey>,
): Receipt[] {
  return events.map((event, i) => {
    const key = existing.size === 0 ? undefined : existing.get(first + i)
    return {
      id: event.id ?? eventId(key?.commitId ?? commitId, key?.index ?? first + i),
      existing: key !== undefined,
    }
  })
}

function stopped(): StoppedError {
  return new StoppedError(
    "Expected a running Carillon, got one that was stopped. Emit before `stop()`, or create another.",
  )
}

function tooMany(count: number): InvalidInputError {
  return new InvalidInputError(
    `Expected at most ${MAX_EVENTS_PER_COMMIT} events in one emit, which is written as a whole, got ${count}. Emit them in several arrays.`,
  )
}
