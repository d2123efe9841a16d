import type { Clock } from "../../core/clock.ts"

/**
 * The database's time, as this process knows it.
 *
 * Leases and due times of many machines only compare by one clock, so statements read the server's own.
 * What is decided here (ids, due times of retries) follows it too: each heartbeat tells the difference to
 * our monotonic clock, and a wall clock that is wrong or jumps changes nothing. A clock that was handed in,
 * as tests do, is the time instead.
 */
export class ServerTime {
  readonly #clock: Clock | null // null = the server's
  #serverAt = Date.now()
  #heardAt = performance.now()

  constructor(clock: Clock | null) {
    this.#clock = clock
  }

  /** What is given to statements; null = they look at the server's clock. */
  get given(): number | null {
    return this.#clock === null ? null : Math.floor(this.#clock.now())
  }

  now(): number {
    if (this.#clock !== null) return Math.floor(this.#clock.now())
    return Math.floor(this.#serverAt + performance.now() - this.#heardAt)
  }

  /** The server said its time in a call that began and ended at these moments of our monotonic clock. */
  hear(serverNow: number, startedAt: number, endedAt: number): void {
    if (endedAt - startedAt > LONGEST_CALL_MS) return
    this.#serverAt = serverNow
    this.#heardAt = (startedAt + endedAt) / 2
  }
}

/** An answer that took longer tells the time too roughly. */
const LONGEST_CALL_MS = 1_000
