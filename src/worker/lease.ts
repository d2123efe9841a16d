import type { Clock, Timer } from "../core/clock.ts"
import type { Engine } from "../engine/engine.ts"
import type { Glance } from "../engine/leases.ts"

export interface LeaseOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly group: string
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly handles: () => readonly number[]
  readonly onLost: () => void
  readonly onHeld: () => void // it had run out by our own clock, and holds again
  readonly onFreed: () => void // a dead worker's work became free
  readonly onBeat: () => void // a heartbeat is on its way
  readonly onGlance: (glance: Glance) => void // what it saw
  readonly onAnswered: () => void // the store wrote a heartbeat
  readonly onError: (error: unknown) => void
}

/** After a heartbeat that failed the next follows sooner, so that a store that is back is noticed. */
const RETRY_MS = 1_000

/**
 * One worker's lease: it is held while heartbeats are written and our own monotonic clock agrees.
 *
 * When it is lost, everything under it is discarded and the worker joins again as a new incarnation.
 */
export class Lease {
  readonly #options: LeaseOptions
  #worker: number | null = null
  #joining: Promise<number> | null = null
  #endsAt = 0 // monotonic ms
  #timer: Timer | null = null
  #beatsAt = Number.POSITIVE_INFINITY // monotonic ms
  #left = false

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  get worker(): number | null {
    return this.#worker
  }

  /** The store may already have given our work away: nothing is started then. */
  get isHeld(): boolean {
    return this.#worker !== null && this.#options.clock.monotonic() < this.#endsAt
  }

  get untilBeatMs(): number {
    return Math.max(0, this.#beatsAt - this.#options.clock.monotonic())
  }

  join(): Promise<number> {
    if (this.#worker !== null) return Promise.resolve(this.#worker)
    this.#joining ??= this.#join().finally(() => {
      this.#joining = null
    })
    return this.#joining
  }

  /** One heartbeat, now. */
  async beat(): Promise<void> {
    const { engine, clock, group, leaseMs, handles } = this.#options
    const worker = this.#worker
    if (worker === null) {
      // The store refused us when the lease was lost: without this nobody would ask again.
      if (!this.#left) await this.join()
      return
    }
    const startedAt = clock.monotonic()
    this.#options.onBeat()
    const { alive, freed, glance } = await engine.leases.heartbeat({
      worker,
      group,
      leaseMs,
      handles: handles(),
    })
    this.#options.onAnswered()
    if (this.#worker !== worker) return
    if (!alive) await this.#rejoin()
    else this.#hold(startedAt + leaseMs)
    if (freed > 0) this.#options.onFreed()
    else if (alive) this.#options.onGlance(glance)
  }

  async leave(): Promise<void> {
    this.#left = true
    this.#clearTimer()
    await this.#joining?.catch(() => {}) // there is nothing to leave then
    const worker = this.#worker
    this.#worker = null
    if (worker !== null) await this.#options.engine.leases.leave(worker)
  }

  async #join(): Promise<number> {
    const { engine, clock, group, leaseMs } = this.#options
    const startedAt = clock.monotonic()
    const { worker } = await engine.leases.join({ group, leaseMs })
    this.#worker = worker
    this.#endsAt = startedAt + leaseMs
    this.#schedule()
    return worker
  }

  /** What was kept from starting while our own clock doubted the lease may start now. Answers may overtake each other. */
  #hold(endsAt: number): void {
    const doubted = !this.isHeld
    this.#endsAt = Math.max(this.#endsAt, endsAt)
    if (doubted && this.isHeld) this.#options.onHeld()
  }

  async #rejoin(): Promise<void> {
    this.#worker = null
    this.#options.onLost()
    if (this.#left) return
    await this.join()
    this.#options.onFreed()
  }

  #schedule(ms = this.#options.heartbeatMs): void {
    if (this.#left) return
    this.#clearTimer()
    this.#beatsAt = this.#options.clock.monotonic() + ms
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#beatsAt = Number.POSITIVE_INFINITY
      this.beat().then(
        () => this.#schedule(),
        (error) => {
          this.#options.onError(error)
          this.#schedule(Math.min(RETRY_MS, this.#options.heartbeatMs))
        },
      )
    }, ms)
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer)
    this.#timer = null
  }
}
