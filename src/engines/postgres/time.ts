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
  #heard: Heard = { serverAt: Date.now(), at: performance.now(), errorMs: Number.POSITIVE_INFINITY }

  constructor(clock: Clock | null) {
    this.#clock = clock
  }

  /** What is given to statements; null = they look at the server's clock. */
  get given(): number | null {
    return this.#clock === null ? null : Math.floor(this.#clock.now())
  }

  now(): number {
    if (this.#clock !== null) return Math.floor(this.#clock.now())
    return Math.floor(serverTimeAt(this.#heard, performance.now()))
  }

  /**
   * The server said its time in a call that began and ended at these moments of our monotonic clock. A call that took
   * long tells it roughly: then what was heard before stands, unless the two cannot both be true.
   */
  hear(serverNow: number, startedAt: number, endedAt: number): void {
    const heard = { serverAt: serverNow, at: (startedAt + endedAt) / 2, errorMs: (endedAt - startedAt) / 2 }
    if (heard.errorMs <= errorAt(this.#heard, heard.at) || contradicts(heard, this.#heard))
      this.#heard = heard
  }
}

/** What the server's time was at a moment of our monotonic clock, give or take. */
interface Heard {
  readonly serverAt: number
  readonly at: number
  readonly errorMs: number
}

/** Two clocks of one kind go apart by less; a server's that is slewed, by half of it. */
const DRIFT = 0.001

function serverTimeAt({ serverAt, at }: Heard, moment: number): number {
  return serverAt + moment - at
}

function errorAt({ at, errorMs }: Heard, moment: number): number {
  return errorMs + DRIFT * (moment - at)
}

/** The server's clock was set anew. It tells whole milliseconds. */
function contradicts(heard: Heard, before: Heard): boolean {
  const apart = Math.abs(heard.serverAt - serverTimeAt(before, heard.at))
  return apart > heard.errorMs + errorAt(before, heard.at) + 1
}
