import type { ResolvedPolicy } from "../core/policy.ts"
import type { EventView } from "../core/view.ts"
import type { FleetLimits } from "../engine/leases.ts"
import type { TransactionsPort } from "../engine/transactions.ts"
import { SubscriptionTally, type Tallies } from "../telemetry/tally.ts"
import type { Delivery, DeliveryContext } from "./delivery.ts"

/** A handler as the runner calls it. */
export type HandlerFunction = (event: EventView, context: DeliveryContext) => unknown

/** What handlers are handed beside the event. */
export interface HandlerTools {
  readonly container: unknown
  readonly transactions: TransactionsPort | null // null = the store is not the application's database
  loggerFor(delivery: Delivery): unknown
}

/** What else bounds the attempts of a subscription here, and changes while they run. */
export interface Gate {
  /** So many may run at one time, where so many do. */
  slotsBeside(running: number): number
  /** So many could, if nobody else needed slots. */
  mostBeside(running: number): number
  /** Nothing is to be started until it opens, and nothing to be held here. */
  readonly isClosed: boolean
  /** May more be held here than could run, so that its slots never run dry? */
  readonly holdsReady: boolean
  /** Shared with the gates of others. */
  readonly pool: Pool
  /** One more waits here for a slot, or one less. */
  waits(change: 1 | -1): void
}

/** So many more deliveries may be held here by all of those that share it. */
export interface Pool {
  readonly room: number
}

/** So many places in a queue may be held by what does not wait any more. */
const SPARE_PLACES = 64

const AHEAD_MS = 50
const MOST_ROUNDS = 10

/** A subscription that this process has a handler for, and what runs of it here. */
export class HandlerEntry {
  readonly no: number
  readonly id: string
  readonly run: HandlerFunction
  readonly policy: ResolvedPolicy
  readonly ephemeral: boolean
  readonly handlesEvents: boolean // false = a workflow or a schedule
  readonly isRecorded: boolean // each attempt is kept: no delivery runs from a batch
  readonly gate: Gate | null // null = nothing but the policy bounds it
  readonly fleetLimits: FleetLimits | null // null = none
  tally = new SubscriptionTally() // shared with those who handled it here before, once it is among the handlers
  paused: boolean
  #averageMs = AHEAD_MS // until more is known
  running = 0
  waiting = 0
  readonly #queue: (Delivery | undefined)[] = []
  #head = 0

  constructor(entry: {
    no: number
    id: string
    run: HandlerFunction
    policy: ResolvedPolicy
    ephemeral: boolean
    paused: boolean
    handlesEvents?: boolean
    isRecorded?: boolean
    gate?: Gate
  }) {
    this.no = entry.no
    this.id = entry.id
    this.run = entry.run
    this.policy = entry.policy
    this.ephemeral = entry.ephemeral
    this.paused = entry.paused
    this.handlesEvents = entry.handlesEvents ?? true
    this.isRecorded = entry.isRecorded ?? false
    this.gate = entry.gate ?? null
    this.fleetLimits = fleetLimitsOf(entry.policy)
  }

  get hasSlot(): boolean {
    return this.running < this.slots && !this.paused
  }

  /** Nothing of it is to be started, whatever becomes free. */
  get rests(): boolean {
    return this.paused || this.gate?.isClosed === true
  }

  /** So many attempts may run here at one time. */
  get slots(): number {
    const { concurrency } = this.policy
    return this.gate === null ? concurrency : Math.min(concurrency, this.gate.slotsBeside(this.running))
  }

  /** More waits here than would be asked for now, and may wait long. */
  get holdsTooMuch(): boolean {
    return this.gate?.holdsReady === false && this.waiting > Math.max(0, this.#reach - this.running)
  }

  /** How many more it could be given so that its slots never run dry. */
  get room(): number {
    const own = Math.max(0, this.#reach - this.running - this.waiting)
    return this.gate === null ? own : Math.min(own, this.gate.pool.room)
  }

  /** How long its attempts take lately decides how many are worth holding ready. */
  took(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) / 16
    this.tally.attemptMs.add(ms)
  }

  /** Its slots are those of the whole fleet: each is free again only when the store knows it. */
  get sharesSlots(): boolean {
    return this.policy.globalConcurrency !== null || this.policy.keyConcurrency !== null
  }

  /**
   * Twice its slots, or what it gets through in a twentieth of a second where that is more. But what is
   * held ready here takes slots of the whole fleet where those are limited.
   */
  get #reach(): number {
    const { slots, gate } = this
    if (gate?.holdsReady === false) return Math.min(this.policy.concurrency, gate.mostBeside(this.running))
    if (this.sharesSlots) return slots
    const rounds = Math.min(MOST_ROUNDS, Math.max(2, AHEAD_MS / Math.max(this.#averageMs, 0.1)))
    return Math.floor(slots * rounds)
  }

  /** Why none of its deliveries may run from a batch, with others; null = they may. */
  get aloneBecause(): string | null {
    if (this.policy.transactional) return "transactional"
    if (this.isRecorded) return "recorded"
    return this.policy.globalConcurrency === null && this.policy.rateLimit === null ? null : "limited"
  }

  /** So much of it is free that asking the store for more is worth a call. */
  get isHungry(): boolean {
    return this.rests || this.room * 4 >= Math.max(1, this.slots)
  }

  enqueue(delivery: Delivery): void {
    this.#queue.push(delivery)
    this.#waits(1)
  }

  /** The next that still wants to run. */
  dequeue(): Delivery | null {
    while (this.#head < this.#queue.length) {
      const delivery = this.#queue[this.#head] as Delivery
      this.#queue[this.#head++] = undefined
      if (this.#head === this.#queue.length) {
        this.#queue.length = 0
        this.#head = 0
      }
      if (delivery.state !== "waiting") continue
      this.#waits(-1)
      return delivery
    }
    return null
  }

  /** It is not to run here any more; its place in the queue is skipped. */
  giveUp(delivery: Delivery): void {
    delivery.state = "given-up"
    this.#waits(-1)
    // A handler that hangs dequeues nothing: what it was spared must not stay in memory for its sake.
    if (this.#queue.length - this.#head > 2 * this.waiting + SPARE_PLACES) this.#compact()
  }

  #waits(change: 1 | -1): void {
    this.waiting += change
    this.gate?.waits(change)
  }

  #compact(): void {
    const waiting = this.#queue.slice(this.#head).filter((each) => each?.state === "waiting")
    this.#queue.length = 0
    for (const delivery of waiting) this.#queue.push(delivery)
    this.#head = 0
  }
}

function fleetLimitsOf({ rateLimit, globalConcurrency, keyConcurrency }: ResolvedPolicy): FleetLimits | null {
  if (rateLimit === null && globalConcurrency === null && keyConcurrency === null) return null
  return { rate: rateLimit, concurrency: globalConcurrency, keyConcurrency }
}

/** The handlers of this process, by the number of their subscription. */
export class Handlers {
  readonly #entries = new Map<number, HandlerEntry>()
  readonly #tallies: Tallies

  constructor(tallies: Tallies) {
    this.#tallies = tallies
  }

  add(entry: HandlerEntry): void {
    entry.tally = this.#tallies.ofSubscription(entry.id, entry.ephemeral)
    this.#entries.set(entry.no, entry)
  }

  remove(no: number): void {
    this.#entries.delete(no)
  }

  get(no: number): HandlerEntry | undefined {
    return this.#entries.get(no)
  }

  values(): IterableIterator<HandlerEntry> {
    return this.#entries.values()
  }

  get size(): number {
    return this.#entries.size
  }

  numbers(): number[] {
    return [...this.#entries.keys()]
  }
}
