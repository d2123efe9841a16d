import type { Clock } from "../core/clock.ts"

const EVERY_MS = 300_000
const MOST_REMEMBERED = 100

/** Says why this process cannot send, once in a while: what ails it ails all webhooks, and every attempt at them. */
export class FaultLog {
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #said = new Map<string, number>() // why → when, monotonic ms

  constructor(clock: Clock, warn: (message: string) => void) {
    this.#clock = clock
    this.#warn = warn
  }

  tell(webhook: string, why: string): void {
    const now = this.#clock.monotonic()
    const saidAt = this.#said.get(why)
    if (saidAt !== undefined && now - saidAt < EVERY_MS) return
    if (this.#said.size >= MOST_REMEMBERED) this.#said.clear()
    this.#said.set(why, now)
    this.#warn(
      `Webhooks wait, ${webhook} and perhaps others: ${sentence(why)} They are tried again, and no attempt is used up.`,
    )
  }
}

function sentence(why: string): string {
  return /[.!?]$/.test(why) ? why : `${why}.`
}
