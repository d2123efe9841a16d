import type { Clock, Timer } from "../core/clock.ts"
import { expected, InvalidInputError } from "../core/errors.ts"

/** Milliseconds, or a number with its unit: `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`

/** A clock that stands still until a test moves it. */
export interface MovingClock extends Clock {
  /**
   * Lets this much time pass. Timers fire one by one, each at its own time, and after each of them
   * promises and a store in this thread come to rest before time goes on.
   *
   * Real I/O in a handler is not waited for: `await carillon.drain()` does that.
   */
  advance(duration: Duration): Promise<void>
  /** Sets the wall time, as a correction of the machine's clock does: no time passes, no timer fires. */
  set(time: Date | number): void
  /** Lets what is under way come to rest, without any time passing. */
  settle(): Promise<void>
}

interface PendingTimer {
  readonly at: number // on the monotonic clock
  readonly order: number
  readonly fn: () => void
}

/**
 * A clock for tests. Nothing in Carillon reads the time elsewhere, so moving it moves retries, delays,
 * timeouts, leases and polling.
 *
 * @example
 * ```ts
 * const clock = movingClock({ start: new Date("2026-03-01T12:00:00Z") })
 * await clock.advance("30s")
 * ```
 */
export function movingClock({ start = DEFAULT_START }: { readonly start?: Date | number } = {}): MovingClock {
  return new SteppingClock(Number(start))
}

const DEFAULT_START = Date.UTC(2026, 0, 1, 12)

/** So many turns of the event loop in which nobody asks for the time mean that nothing goes on any more. */
const QUIET_TURNS = 5

/** Something that never comes to rest must not hang the test for ever. */
const MOST_TURNS = 20_000

class SteppingClock implements MovingClock {
  readonly #timers = new Map<Timer, PendingTimer>()
  #elapsed = 0
  #wallStart: number
  #order = 0
  #looks = 0
  #moving: Promise<void> = Promise.resolve()

  constructor(start: number) {
    if (!Number.isFinite(start)) throw new InvalidInputError(expected("`start` to be a valid date", start))
    this.#wallStart = start
  }

  // Arrow functions: a clock's members are handed around on their own.

  now = (): number => {
    this.#looks++
    return this.#wallStart + this.#elapsed
  }

  monotonic = (): number => {
    this.#looks++
    return this.#elapsed
  }

  setTimeout = (fn: () => void, ms: number): Timer => {
    this.#looks++
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, fn }
    this.#timers.set(timer, timer)
    return timer
  }

  clearTimeout = (timer: Timer): void => {
    this.#timers.delete(timer)
  }

  advance = (duration: Duration): Promise<void> => {
    const ms = toMs(duration)
    this.#moving = this.#moving.catch(() => {}).then(() => this.#move(ms))
    return this.#moving
  }

  set = (time: Date | number): void => {
    this.#wallStart = Number(time) - this.#elapsed
  }

  settle = async (): Promise<void> => {
    let quiet = 0
    for (let turn = 0; turn < MOST_TURNS && quiet < QUIET_TURNS; turn++) {
      const before = this.#looks
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      quiet = this.#looks === before ? quiet + 1 : 0
    }
  }

  async #move(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await this.settle()
    for (let next = this.#nextBy(end); next !== null; next = this.#nextBy(end)) {
      this.#timers.delete(next)
      this.#elapsed = Math.max(this.#elapsed, next.at)
      next.fn()
      await this.settle()
    }
    this.#elapsed = end
    await this.settle()
  }

  #nextBy(end: number): PendingTimer | null {
    let next: PendingTimer | null = null
    for (const timer of this.#timers.values()) {
      if (timer.at > end) continue
      if (next === null || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer
    }
    return next
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function toMs(duration: Duration): number {
  if (typeof duration === "number" && duration >= 0 && Number.isFinite(duration)) return duration
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? []
  if (amount !== undefined) return Number(amount) * (UNITS[unit as string] as number)
  throw new InvalidInputError(
    expected('a time to advance by, in milliseconds or such as "30s" or "2h"', duration),
  )
}
