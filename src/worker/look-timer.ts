import type { Clock, Timer } from "../core/clock.ts"

export interface LookTimerOptions {
  readonly clock: Clock
  /** Something is due now. */
  readonly onDue: () => void
  /** Nothing is known to be due: it is time to be sure. */
  readonly onPoll: () => void
}

/** When to look into the store next: when something falls due, else now and then. One timer for both. */
export class LookTimer {
  readonly #options: LookTimerOptions
  #dueAt = Number.POSITIVE_INFINITY // wall time, as the store says it
  #pollAt = Number.POSITIVE_INFINITY // monotonic
  #timer: Timer | null = null
  #firesAt = Number.POSITIVE_INFINITY // monotonic
  #closed = false

  constructor(options: LookTimerOptions) {
    this.#options = options
  }

  /** Something falls due then; what is due earlier stays so. */
  dueBy(at: number): void {
    if (at >= this.#dueAt) return
    this.#dueAt = at
    this.#set()
  }

  /** The next poll is so far away, wherever it was before. */
  pollIn(ms: number): void {
    this.#pollAt = this.#options.clock.monotonic() + ms
    this.#set()
  }

  /** A look has begun: it finds out anew what is due. */
  forgetDue(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
  }

  close(): void {
    this.#closed = true
    this.#clear()
  }

  #set(): void {
    if (this.#closed) return
    const { clock } = this.#options
    const monotonic = clock.monotonic()
    const at = Math.min(this.#pollAt, monotonic + Math.max(0, this.#dueAt - clock.now()))
    if (this.#timer !== null && at === this.#firesAt) return
    this.#clear()
    this.#firesAt = at
    this.#timer = clock.setTimeout(() => this.#fire(), Math.max(0, at - monotonic))
  }

  #fire(): void {
    const { clock, onDue, onPoll } = this.#options
    this.#timer = null
    if (this.#dueAt <= clock.now()) {
      this.#dueAt = Number.POSITIVE_INFINITY
      onDue()
    } else if (this.#pollAt <= clock.monotonic()) {
      this.#pollAt = Number.POSITIVE_INFINITY
      onPoll()
    }
    if (this.#timer === null && Math.min(this.#pollAt, this.#dueAt) < Number.POSITIVE_INFINITY) this.#set()
  }

  #clear(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer)
    this.#timer = null
  }
}
