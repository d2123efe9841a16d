import type { HandlerLogger } from "../bus/events.ts"

const QUIET_MS = 60_000

/** Says that requests are turned away, once a minute: anybody can bring that about, as often as they like. */
export class BusyLog {
  readonly #logger: HandlerLogger
  readonly #monotonic: () => number
  #saidAt = Number.NEGATIVE_INFINITY
  #unsaid = 0

  constructor(logger: HandlerLogger, monotonic: () => number) {
    this.#logger = logger
    this.#monotonic = monotonic
  }

  turnedAway(reason: string): void {
    this.#unsaid++
    const now = this.#monotonic()
    if (now - this.#saidAt < QUIET_MS) return
    const count = this.#unsaid
    this.#saidAt = now
    this.#unsaid = 0
    this.#logger.warn({ count }, `Requests are turned away, ${count} since this was said last: ${reason}`)
  }
}
