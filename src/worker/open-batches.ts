import type { Clock, Timer } from "../core/clock.ts"

/** A batch or part while it runs here. */
export interface OpenBatch {
  readonly startedAt: number // monotonic ms
  /** Something of it is handled, and can only be settled when it is closed. */
  readonly hasFinished: boolean
  start(): void
  /** Gives up what is not finished, in the commit that closes it. */
  spill(): void
  /** Its lease is gone. */
  forget(): void
}

/** A batch gives up what is not finished after this long. */
const SPILL_AFTER_MS = 250

/** The batches and parts that run here; each is spilled when its time is over. */
export class OpenBatches {
  readonly #clock: Clock
  readonly #runs = new Set<OpenBatch>()
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#runs.size
  }

  /** Starts it; what is not over at once has its time. */
  open(run: OpenBatch): void {
    this.#runs.add(run)
    run.start()
    if (this.#runs.has(run)) this.#timer ??= this.#clock.setTimeout(() => this.#spillOld(), SPILL_AFTER_MS)
  }

  closed(run: OpenBatch): void {
    this.#runs.delete(run)
  }

  spillAll(): void {
    for (const run of this.#runs) run.spill()
  }

  /** Spills the oldest in which something is handled, so that it can be settled. */
  spillOne(): void {
    for (const run of this.#runs) {
      if (!run.hasFinished) continue
      run.spill()
      return
    }
  }

  forget(): void {
    for (const run of this.#runs) run.forget()
    this.#runs.clear()
  }

  close(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer)
    this.#timer = null
  }

  #spillOld(): void {
    this.#timer = null
    const now = this.#clock.monotonic()
    let oldest = Number.POSITIVE_INFINITY
    for (const run of this.#runs) {
      if (now - run.startedAt >= SPILL_AFTER_MS) run.spill()
      else oldest = Math.min(oldest, run.startedAt)
    }
    if (oldest === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.setTimeout(() => this.#spillOld(), oldest + SPILL_AFTER_MS - now)
  }
}
