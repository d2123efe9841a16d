import type { Clock } from "../core/clock.ts"
import { isUnavailable } from "../core/errors.ts"
import type { Glance } from "../engine/leases.ts"
import { LookTimer } from "./look-timer.ts"

export interface LookoutOptions {
  readonly clock: Clock
  readonly pollMs: number
  /** May the store be asked for work at all? */
  readonly mayAsk: () => boolean
  /** Takes what can be taken now; says how much that was, and whether our own limits cut it short. */
  readonly take: (thorough: boolean) => Promise<Taken>
  readonly peek: () => Promise<Glance>
  /** Can there be anything to be released? Then somebody has to ask for it, however busy we are. */
  readonly hasOutbox: boolean
  readonly onReleased: () => void
  /** The store has the catalog in this version. */
  readonly onCatalog: (version: number) => void
  readonly untilBeatMs: () => number
  readonly onError: (error: unknown) => void
}

export interface Taken {
  readonly count: number
  readonly mayHaveLeft: boolean // it got all that it asked for: the store may hold more
  readonly hasRoom: boolean // for more
  readonly isCutShort: boolean // it could not ask for all that might be there
}

/** So often even the busiest worker looks at everything. */
const THOROUGH_MS = 1_000

/**
 * Decides when to look for work: when poked, when something falls due, and now and then to be sure.
 *
 * A worker with nothing to do asks only whether there is anything, once a poll; a heartbeat in that time
 * is such a question as well.
 */
export class Lookout {
  readonly #options: LookoutOptions
  readonly #timer: LookTimer
  #state: "new" | "open" | "closed" = "new"
  #looking: Promise<number> | null = null
  #again = false
  #pokeScheduled = false
  #wantsMore = false // the last look may have left something, or was cut short by our own limits
  #isQuiet = false // it left nothing
  #isAway = false // the store did not answer it
  #wantsThorough = false
  #thoroughAt = Number.NEGATIVE_INFINITY // monotonic, as is the next
  #glancedAt = Number.NEGATIVE_INFINITY

  constructor(options: LookoutOptions) {
    this.#options = options
    this.#timer = new LookTimer({
      clock: options.clock,
      onDue: () => void this.look(true),
      onPoll: () => void this.#poll(),
    })
  }

  get wantsMore(): boolean {
    return this.#wantsMore
  }

  /** The store did not answer the last look: there may be more than was found. */
  get isAway(): boolean {
    return this.#isAway
  }

  open(): void {
    this.#state = "open"
    this.poke(true)
  }

  /** No look begins from here on; resolves when the last one is done. */
  async close(): Promise<void> {
    this.#state = "closed"
    this.#timer.close()
    await this.#looking
  }

  /** There may be work. After a change far back only a thorough look sees it. */
  poke(thorough = false): void {
    if (thorough) this.#wantsThorough = true
    if (this.#state !== "open" || this.#pokeScheduled) return
    this.#pokeScheduled = true
    setImmediate(() => {
      this.#pokeScheduled = false
      void this.look()
    })
  }

  dueBy(at: number): void {
    if (this.#state === "open") this.#timer.dueBy(at)
  }

  /** A heartbeat is on its way: it is the next poll. */
  beginBeat(): void {
    if (this.#state === "open") this.#timer.pollIn(this.#options.pollMs)
  }

  /** What a heartbeat saw; where it knows less than a glance does, one follows before anything is believed. */
  heedBeat(glance: Glance, knowsLess: boolean): void {
    if (this.#state !== "open") return
    if (glance.work && knowsLess) void this.#glance(true)
    else this.#heed(glance, true)
  }

  /**
   * Takes what can be taken now; resolves to how much that was. A thorough look sees everything; others,
   * of which there may be thousands a second, may begin behind what was taken last.
   */
  async look(thorough = false): Promise<number> {
    if (thorough) this.#wantsThorough = true
    if (this.#looking !== null) {
      this.#again = true
      return this.#looking
    }
    this.#looking = this.#look()
    const count = await this.#looking
    this.#looking = null
    if (this.#again) {
      this.#again = false
      this.poke()
    }
    return count
  }

  /** One look of its own, not one that has begun already; what that one takes meanwhile is counted too. */
  async lookAnew(): Promise<number> {
    let count = 0
    while (this.#looking !== null) count += await this.#looking
    return count + (await this.look(true))
  }

  async #look(): Promise<number> {
    const { mayAsk, take, pollMs, onError } = this.#options
    this.#timer.forgetDue()
    this.#isQuiet = false
    try {
      if (this.#state !== "open" || !mayAsk()) return 0
      this.#glanceAside()
      const { count, mayHaveLeft, hasRoom, isCutShort } = await take(this.#isThorough())
      this.#wantsMore = mayHaveLeft || isCutShort
      this.#isQuiet = !this.#wantsMore
      this.#isAway = false
      if (mayHaveLeft && hasRoom) this.#again = true
      return count
    } catch (error) {
      this.#isAway = isUnavailable(error)
      onError(error)
      return 0
    } finally {
      this.#timer.pollIn(pollMs)
    }
  }

  #isThorough(): boolean {
    const now = this.#options.clock.monotonic()
    const thorough = this.#wantsThorough || now - this.#thoroughAt >= THOROUGH_MS
    this.#wantsThorough = false
    if (thorough) this.#thoroughAt = now
    return thorough
  }

  async #poll(): Promise<void> {
    const { mayAsk, untilBeatMs, pollMs } = this.#options
    if (!this.#isQuiet || !mayAsk()) await this.look(true)
    else if (untilBeatMs() <= pollMs / 10) this.#timer.pollIn(pollMs)
    else await this.#glance(true)
  }

  /** A look shows what can be taken, but not what transactions have left to be released. */
  #glanceAside(): void {
    const { clock, pollMs, hasOutbox } = this.#options
    if (hasOutbox && clock.monotonic() - this.#glancedAt >= pollMs) void this.#glance(false)
  }

  async #glance(heedsWork: boolean): Promise<void> {
    const { clock, peek, onError, pollMs } = this.#options
    this.#glancedAt = clock.monotonic()
    try {
      this.#heed(await peek(), heedsWork)
    } catch (error) {
      if (this.#state === "open") onError(error)
    } finally {
      if (heedsWork) this.#timer.pollIn(pollMs)
    }
  }

  #heed({ work, released, nextDueAt, catalogVersion }: Glance, heedsWork: boolean): void {
    if (this.#state !== "open") return
    this.#glancedAt = this.#options.clock.monotonic()
    if (released) this.#options.onReleased()
    if (catalogVersion !== null) this.#options.onCatalog(catalogVersion)
    if (!heedsWork) return
    if (nextDueAt !== null) this.#timer.dueBy(nextDueAt)
    if (work) void this.look(true)
  }
}
