import type { Clock, Timer } from "../core/clock.ts"
import {
  codeOf,
  IdConflictError,
  InvalidInputError,
  isUnavailable,
  OverloadedError,
  StoppedError,
  StoreError,
} from "../core/errors.ts"
import type { DraftEvent } from "../core/event.ts"
import { type EventKey, eventId, MAX_EVENTS_PER_COMMIT } from "../core/ids.ts"
import type { AppendResult, Change, ChangeResult, RejectedEmit } from "../engine/commit.ts"
import type { Engine } from "../engine/engine.ts"
import type { Tallies } from "../telemetry/tally.ts"
import type { CatalogCache } from "./catalog-cache.ts"
import { inCleanContext } from "./clean-context.ts"
import { EmitQueue, type EmitWishes, type WaitingEmit } from "./emit-queue.ts"
import { concernedBy } from "./hints.ts"
import { Outage } from "./outage.ts"
import { pause } from "./patience.ts"
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
  /** A commit was given up that may have been written, with work that is leased to us. */
  doubt(): void
  /** Commits work again after a time in which they did not. */
  resume(): void
}

export interface CommitterOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly catalog: CatalogCache
  readonly tallies: Tallies
  readonly commitId: () => string
  readonly group: string
  readonly fastPath: boolean
  readonly mostBytes: number // waiting to be written
  readonly emitTimeoutMs: number // how long an emit waits for a store that does not answer
  readonly onUnavailable: (error: unknown) => void // the store did not answer a commit, which is tried again
  readonly mostOwnDeliveries: number // of one commit, run from memory: a crash may repeat them
}

const RECEIPTS = {}
const NO_RECEIPTS = undefined as unknown as Receipt[]
const CHANGES_PER_COMMIT = 1_000
const SETTLE_DELAY_MS = 5
const TRIES_OF_EMITS = 3
const RETRY_DELAY_MS = 100
/** A commit that takes longer is looked after so often. */
const WATCH_MS = 500

/** A commit on its way, with what is to be answered when it is written. */
interface SentCommit {
  readonly changes: readonly WaitingChange[]
  readonly emits: readonly WaitingEmit[]
  readonly plan: AppendPlan | null // null = no emits in it
  readonly worker: number | null // whom our own batches are leased to
  readonly written: readonly Change[]
  readonly at: number // when it was sent, in real monotonic ms
  readonly results: Promise<ChangeResult[]>
}

interface WaitingChange {
  readonly change: Change
  readonly resolve: (result: ChangeResult) => void
  readonly reject: (error: Error) => void
  readonly keep: boolean // tried again until it is written
  readonly urgent: boolean // somebody waits for it: it does not wait for company
  readonly at: number // when it was asked for, in real monotonic ms
  isOver: boolean // it is answered, whatever becomes of it
}

/**
 * The group commit: what arrives while a commit is under way goes into the next.
 *
 * One commit is in flight at a time. Settles ride along with emits, or go alone after 5 ms.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #emits = new EmitQueue()
  readonly #outage = new Outage()
  #changes: WaitingChange[] = []
  #sent: SentCommit | null = null // the one whose outcome is waited for
  #watched: SentCommit | null = null // the one that was so at the last look
  #watchTimer: NodeJS.Timeout | null = null
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

  /** The store wrote something for somebody else: where nothing is left to try here, that has to do. */
  heedAnswer(): void {
    if (this.#isIdle()) this.#recover()
  }

  /** Since when the commit is under way that waits for its answer, in real monotonic ms; null = none does. */
  get sentAt(): number | null {
    return this.#sent?.at ?? null
  }

  /** Resolves once the events are written. Never waits for handlers. */
  emit(events: readonly DraftEvent[], bytes: number, wishes: EmitWishes = RECEIPTS): Promise<Receipt[]> {
    this.#options.tallies.emits++
    if (this.#closed) return Promise.reject(this.#counted(stopped()))
    if (events.length > MAX_EVENTS_PER_COMMIT) return Promise.reject(this.#counted(tooMany(events.length)))
    if (this.#emits.bytes + bytes > this.#options.mostBytes && this.#emits.bytes > 0)
      return Promise.reject(this.#counted(this.#overloaded()))
    this.#schedule()
    const { receipts = true, release = null } = wishes
    const single = receipts || release !== null || events.length !== 1 ? undefined : events[0]
    if (single !== undefined && single.id === null) return this.#emits.join(single, bytes)
    return this.#emits.push(events, bytes, wishes)
  }

  /** Writes any other change with the next commit. */
  write(change: Change): Promise<ChangeResult> {
    return this.#enqueue(change, { keep: false, urgent: true })
  }

  /** Writes what must not be lost and is waited for: with the next commit, and tried again until it is written. */
  record(change: Change): Promise<ChangeResult> {
    return this.#enqueue(change, { keep: true, urgent: true })
  }

  /** Writes what must not be lost: it is tried again until it is written, and may wait 5 ms for company. */
  settle(change: Change): Promise<ChangeResult> {
    return this.#enqueue(change, { keep: true, urgent: false })
  }

  /** Of emits that wait here or are being written. */
  get waitingBytes(): number {
    return this.#emits.bytes
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

  /** Like `flush`, but waits no longer than this for a store that fails. */
  async flushWithin(patienceMs: number): Promise<void> {
    const endsAt = performance.now() + patienceMs
    const { promise: outOfPatience, resolve } = Promise.withResolvers<void>()
    const watch = setInterval(() => {
      if (this.#failing && performance.now() >= endsAt) resolve()
    }, RETRY_DELAY_MS)
    await Promise.race([this.flush(), outOfPatience])
    clearInterval(watch)
  }

  /** Writes what waits, then refuses everything; what a failing store keeps waiting is given up. */
  async close(): Promise<void> {
    await this.flushWithin(0)
    this.#closed = true
    this.#reject(this.#emits.takeOlder(Number.POSITIVE_INFINITY), stopped)
    for (const each of this.#changes.splice(0)) each.reject(stopped())
  }

  #enqueue(change: Change, terms: Pick<WaitingChange, "keep" | "urgent">): Promise<ChangeResult> {
    if (this.#closed) return Promise.reject(stopped())
    return new Promise((resolve, reject) => {
      this.#changes.push({ change, resolve, reject, ...terms, at: performance.now(), isOver: false })
      if (terms.urgent || this.#changes.length >= CHANGES_PER_COMMIT) this.#schedule()
      else if (!this.#running && !this.#scheduled) {
        this.#settleTimer ??= this.#options.clock.setTimeout(() => this.#schedule(), SETTLE_DELAY_MS)
      }
    })
  }

  #isIdle(): boolean {
    return !this.#running && !this.#hasWaiting
  }

  get #hasWaiting(): boolean {
    return this.#emits.length > 0 || this.#changes.length > 0
  }

  #schedule(): void {
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void inCleanContext(() => this.#run())
    })
  }

  /** While one commit is in flight the next is gathered; it is sent before the last one's handlers run. */
  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    this.#options.clock.clearTimeout(this.#settleTimer)
    this.#settleTimer = null
    this.#watchTimer ??= setTimeout(() => this.#watch(), WATCH_MS).unref()
    this.#sent = this.#send()
    while (this.#sent !== null) {
      const sent: SentCommit = this.#sent
      const results = await this.#outcomeOf(sent)
      this.#sent = results !== null && this.#isUrgent() ? this.#send() : null
      if (results !== null) await this.#answer(sent, results)
    }
    this.#running = false
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve()
    else if (this.#isUrgent()) this.#schedule()
    else this.#settleTimer ??= this.#options.clock.setTimeout(() => this.#schedule(), SETTLE_DELAY_MS)
  }

  #isUrgent(): boolean {
    if (this.#emits.length > 0 || this.#changes.length >= CHANGES_PER_COMMIT) return true
    return this.#changes.length > 0 && (this.#idle.length > 0 || this.#changes.some((each) => each.urgent))
  }

  #send(): SentCommit | null {
    const changes = this.#changes.splice(0, CHANGES_PER_COMMIT)
    const emits = this.#emits.takeNext()
    if (changes.length === 0 && emits.length === 0) return null
    const plan = emits.length === 0 ? null : this.#plan(emits, this.#options.commitId())
    const worker = plan === null || plan.ownDeliveries === 0 ? null : (this.#runner?.adopt() ?? null)
    const written = changes.map((each) => each.change)
    if (plan !== null) written.push(plan.toChange(worker, false, emits[0]?.release ?? null))
    return { changes, emits, plan, worker, written, at: performance.now(), results: this.#write(written) }
  }

  #write(changes: readonly Change[]): Promise<ChangeResult[]> {
    const results = this.#options.engine.commit(changes)
    results.catch(() => {}) // seen when its turn comes; until then a failure is nobody's unhandled rejection
    return results
  }

  /** Its results; null when it could not be written and was given up. */
  async #outcomeOf(sent: SentCommit): Promise<ChangeResult[] | null> {
    let results = sent.results
    for (let failures = 0; ; results = this.#write(sent.written.map(again))) {
      try {
        const done = await results
        this.#count(sent)
        this.#recover()
        return done
      } catch (error) {
        this.#failing = true
        this.#options.tallies.failedCommits++
        const away = isUnavailable(error)
        const pauseMs = this.#outage.tried(error as Error)
        if (away) this.#options.onUnavailable(error)
        await pause(away ? pauseMs : RETRY_DELAY_MS)
        if (!away) failures++
        if (failures === TRIES_OF_EMITS || this.#closed || !this.#isWanted(sent)) {
          this.#giveUp(sent, error as Error)
          return null
        }
      }
    }
  }

  #count({ at, written, plan }: SentCommit): void {
    const { commitMs, commitEvents, commitChanges } = this.#options.tallies
    commitMs.add(performance.now() - at)
    commitEvents.add(plan?.events.length ?? 0)
    commitChanges.add(written.length)
  }

  /** Does anybody still wait for what is in it? Settles alone are tried for ever. */
  #isWanted({ emits, changes }: SentCommit): boolean {
    if (emits.length > 0) return emits.some((emit) => !emit.isOver)
    return changes.some((each) => each.keep || !each.isOver)
  }

  /** While a commit takes long: what was asked for too long ago is answered, whatever becomes of it. */
  #watch(): void {
    this.#watchTimer = null
    if (!this.#running) return
    const { emitTimeoutMs } = this.#options
    const isSlow = this.#sent !== null && this.#sent === this.#watched
    if (isSlow || this.#outage.isOn) this.#emits.closeLast()
    if (this.#outage.isOn || (isSlow && performance.now() - (this.#sent?.at ?? 0) >= emitTimeoutMs))
      this.#rejectLate()
    this.#watched = this.#sent
    this.#watchTimer = setTimeout(() => this.#watch(), WATCH_MS).unref()
  }

  #rejectLate(): void {
    const { emitTimeoutMs } = this.#options
    const before = performance.now() - emitTimeoutMs
    const isLate = ({ at }: { readonly at: number }): boolean => at <= before
    this.#reject(this.#emits.takeOlder(before), () => this.#outage.neverSent(emitTimeoutMs))
    this.#reject(this.#sent?.emits.filter(isLate) ?? [], () => this.#outage.unknownOutcome(emitTimeoutMs))
    for (const each of [...(this.#sent?.changes ?? []), ...this.#changes]) {
      if (each.keep || each.isOver || !isLate(each)) continue
      each.isOver = true
      each.reject(this.#outage.unknownResult(emitTimeoutMs))
    }
    this.#changes = this.#changes.filter((each) => !each.isOver)
  }

  #reject(emits: readonly WaitingEmit[], error: () => Error): void {
    for (const emit of emits)
      this.#emits.answer(emit, () =>
        emit.reject(this.#counted(error(), emit.joined ? emit.events.length : 1)),
      )
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
        this.#emits.putBack(emits.splice(emit))
        break
      }
      const { events, release } = emits[emit] as WaitingEmit
      for (let i = 0; i < events.length; i++) plan.add(events[i] as DraftEvent, release === null ? emit : i)
    }
    return plan
  }

  async #answer(sent: SentCommit, results: readonly ChangeResult[]): Promise<void> {
    const { changes, emits, plan, worker } = sent
    for (const [i, each] of changes.entries()) each.resolve(results[i] as ChangeResult)
    this.#hint(sent.written, results)
    if (plan === null) return
    const result = results[changes.length] as ChangeResult
    if (result.status === "stale") {
      this.#emits.putBack(emits)
      // A catalog that cannot be read just now is asked for again when the commit is stale again.
      await this.#options.catalog.refresh().catch(() => pause(RETRY_DELAY_MS))
      return
    }
    if (result.status !== "ok" || result.append === undefined) {
      const message = result.status === "conflict" ? result.message : "The store fenced an emit."
      this.#reject(emits, () => new StoreError(message))
      return
    }
    this.#options.tallies.events += newIn(plan, result.append)
    this.#acknowledge(emits, plan.commitId, result.append)
    if (worker !== null) this.#runner?.begin(plan, worker, result.append)
    if (plan.ownQueued || (worker === null && plan.ownDeliveries > 0)) this.#runner?.poke()
  }

  #hint(written: readonly Change[], results: readonly ChangeResult[]): void {
    const concerned = concernedBy(written, results, this.#options.group)
    if (concerned === null || concerned.includes(this.#options.group)) this.#runner?.poke()
    if (concerned === null || concerned.length > 0) this.#options.engine.wakeup.hint(concerned)
  }

  #acknowledge(emits: readonly WaitingEmit[], commitId: string, append: AppendResult): void {
    const rejected = new Map(append.rejected.map((each) => [each.emit, each]))
    const existing = new Map<number, EventKey>(append.existing.map((each) => [each.index, each.key]))
    let index = 0
    for (let i = 0; i < emits.length; i++) {
      const emit = emits[i] as WaitingEmit
      const first = index
      index += emit.events.length
      const refusal = rejected.size === 0 || emit.release !== null ? undefined : rejected.get(i)
      if (emit.release !== null)
        for (const each of rejected.values()) emit.onRefused?.(each.emit, errorOf(each))
      this.#emits.answer(emit, () => {
        if (refusal !== undefined) emit.reject(this.#counted(errorOf(refusal)))
        else emit.resolve(emit.receipts ? receiptsOf(emit.events, commitId, first, existing) : NO_RECEIPTS)
      })
    }
  }

  #recover(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#outage.end()
    this.#runner?.resume()
  }

  #giveUp({ emits, changes, worker }: SentCommit, error: Error): void {
    if (worker !== null) this.#runner?.doubt()
    this.#reject(emits, () => error)
    const isKept = (each: WaitingChange): boolean =>
      !this.#closed && (each.keep || (isUnavailable(error) && !each.isOver))
    this.#changes = [...changes.filter(isKept), ...this.#changes]
    for (const each of changes) if (!isKept(each)) each.reject(error)
    // It answered, and nobody would ask again whether it takes the next.
    if (!isUnavailable(error) && !this.#hasWaiting) this.#recover()
  }

  #counted(error: Error, emits = 1): Error {
    this.#options.tallies.reject(codeOf(error) ?? "other", emits)
    return error
  }

  #overloaded(): OverloadedError {
    const { mostBytes } = this.#options
    return new OverloadedError(
      `Expected fewer than ${mostBytes} bytes of events to be waiting for the disk, got more: events are emitted faster than they can be written. Await each emit, emit in arrays, or try again later.`,
    )
  }
}

/** Every try of a commit says the same, so that an earlier one with an unknown outcome is recognised. */
function again(change: Change): Change {
  return change.kind === "append" ? { ...change, again: true } : change
}

function newIn({ events, emits }: AppendPlan, { rejected, existing, missing }: AppendResult): number {
  const refused = new Set(rejected.map(({ emit }) => emit))
  const lost = refused.size === 0 ? 0 : emits.filter((emit) => refused.has(emit)).length
  return events.length - lost - existing.length - missing.length
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
