import type { Stalled } from "../core/endpoint.ts"

const FIRST_HOLD_MS = 1_000
const LONGEST_HOLD_MS = 60_000

/** From when on it is kept, and told of, that a fault of our own lasts. */
const WORTH_TELLING_MS = 10_000
const LONGEST_WHY = 1_000

/** Faults of our own that keep a recipient from being sent to: how long nothing is tried, and what is told of them. */
export class OwnFaults {
  #heldUntil = 0 // epoch ms
  #holds = 0 // one after another
  #stalled: Stalled | null = null // null = this process can send, as far as it knows

  /** Nothing is tried until then, epoch ms; 0 = nothing ails it. */
  get heldUntil(): number {
    return this.#heldUntil
  }

  /** One more, and longer each time; attempts that had begun before it say nothing new, and `false` is the answer. */
  hold(why: string, now: number): boolean {
    if (this.#heldUntil > now) return false
    this.#heldUntil = now + Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** this.#holds)
    this.#holds++
    this.#stalled = { since: this.#stalled?.since ?? now, why: why.slice(0, LONGEST_WHY) }
    return true
  }

  /** What is worth telling everybody: what waits would seem to wait for nothing. */
  lasting(now: number): Stalled | null {
    const lastsMs = this.#stalled === null ? 0 : now - this.#stalled.since
    return lastsMs >= WORTH_TELLING_MS ? this.#stalled : null
  }

  /** Something was sent. */
  mended(): void {
    this.forget()
    this.#holds = 0
  }

  /** Somebody takes it that it is mended. */
  forget(): void {
    this.#heldUntil = 0
    this.#stalled = null
  }
}
