import type { ResolvedPolicy } from "../core/policy.ts"
import type { EventView } from "../core/view.ts"
import type { FleetLimits } from "../engine/leases.ts"
import type { TransactionsPort } from "../engine/transactions.ts"
import type { Delivery, DeliveryContext } from "./delivery.ts"

/** A handler as the runner calls it. */
export type HandlerFunction = (event: EventView, context: DeliveryContext) => unknown

/** What handlers are handed beside the event. */
export interface HandlerTools {
  readonly container: unknown
  readonly transactions: TransactionsPort | null // null = the store is not the application's database
  loggerFor(delivery: Delivery): unknown
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
  readonly fleetLimits: FleetLimits | null // null = none
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
  }) {
    this.no = entry.no
    this.id = entry.id
    this.run = entry.run
    this.policy = entry.policy
    this.ephemeral = entry.ephemeral
    this.paused = entry.paused
    this.fleetLimits = fleetLimitsOf(entry.policy)
  }

  get hasSlot(): boolean {
    return this.running < this.policy.concurrency && !this.paused
  }

  /** How many more it could be given so that its slots never run dry. */
  get room(): number {
    return Math.max(0, this.#reach - this.running - this.waiting)
  }

  /** How long its attempts take lately decides how many are worth holding ready. */
  took(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) / 16
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
    if (this.sharesSlots) return this.policy.concurrency
    const rounds = Math.min(MOST_ROUNDS, Math.max(2, AHEAD_MS / Math.max(this.#averageMs, 0.1)))
    return Math.floor(this.policy.concurrency * rounds)
  }

  /** Why none of its deliveries may run from a batch, with others; null = they may. */
  get aloneBecause(): string | null {
    if (this.policy.transactional) return "transactional"
    return this.policy.globalConcurrency === null && this.policy.rateLimit === null ? null : "limited"
  }

  /** So much of it is free that asking the store for more is worth a call. */
  get isHungry(): boolean {
    return this.room * 4 >= this.policy.concurrency
  }

  enqueue(delivery: Delivery): void {
    this.#queue.push(delivery)
    this.waiting++
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
      this.waiting--
      return delivery
    }
    return null
  }

  /** It is not to run here any more; its place in the queue is skipped. */
  giveUp(delivery: Delivery): void {
    delivery.state = "given-up"
    this.waiting--
    // A handler that hangs dequeues nothing: what it was spared must not stay in memory for its sake.
    if (this.#queue.length - this.#head > 2 * this.waiting + SPARE_PLACES) this.#compact()
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

  add(entry: HandlerEntry): void {
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
