import type { Clock } from "../core/clock.ts"

/** What was leased longer ago than this, and is not known here, is not on its way any more. */
export const ON_ITS_WAY_MS = 2_000

/** A statement whose connection broke may still be at work in the server: one looks a second time. */
const ROUNDS_MS = [ON_ITS_WAY_MS, 30_000]

/** After an answer that leases something to us was lost: when to look what came with it. */
export class Doubts {
  readonly #clock: Clock
  #since: number | null = null // monotonic; null = none
  #rounds = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isOpen(): boolean {
    return this.#since !== null
  }

  begin(): void {
    this.#since = this.#clock.monotonic()
    this.#rounds = 0
  }

  /** Not while a commit waits so long for its answer that what it leases to us would be taken for lost. */
  isDue(sentAt: number | null): boolean {
    if (this.#since === null) return false
    if (sentAt !== null && performance.now() - sentAt >= ON_ITS_WAY_MS / 2) return false
    return this.#clock.monotonic() - this.#since >= (ROUNDS_MS[this.#rounds] as number)
  }

  resolved(): void {
    if (++this.#rounds === ROUNDS_MS.length) this.#since = null
  }
}
