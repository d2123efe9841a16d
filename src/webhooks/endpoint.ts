import type { Clock } from "../core/clock.ts"
import { type EndpointState, type Failing, restsUntil, SENDING, type Stalled } from "../core/endpoint.ts"
import { codeOf } from "../core/errors.ts"
import type { Gate, Pool } from "../worker/handlers.ts"
import { Postponed } from "../worker/job-run.ts"
import type { Allotment, Standing } from "./allotment.ts"
import type { Attempted } from "./attempt.ts"
import { afterAttempt, type BreakerSettings, probing, type Sign, slotsOf } from "./breaker.ts"
import type { EndpointStates } from "./endpoint-states.ts"
import { OwnFaults } from "./own-faults.ts"
import { Pace } from "./pace.ts"
import { RecentAttempts } from "./recent-attempts.ts"

export interface EndpointOptions {
  readonly id: string // of its webhook subscription
  readonly scope: string
  readonly states: EndpointStates
  readonly allotment: Allotment
  readonly breaker: BreakerSettings
  readonly clock: Clock
  readonly random: () => number
  /** Its gate was opened or closed, or it is to hold less here. */
  readonly onGate: () => void
  /** Another state of it is written, by this process. */
  readonly onMoved: (from: EndpointState, to: EndpointState) => void
  /** Another attempt failed, and none has succeeded for so long. */
  readonly onFailing: (failing: Failing) => void
  /** Nothing can be sent for a fault of our own. */
  readonly onFault: (why: string) => void
  /** That lasts, and is written by this process. */
  readonly onStalled: (stalled: Stalled) => void
  readonly onError: (error: unknown) => void
}

/** One attempt to be. */
export interface EndpointAttempt {
  readonly timeoutMs: number
  readonly make: () => Promise<Attempted>
}

/**
 * So many reviews at which attempts ran and none had ended, and it counts as failing. They are counted and no time is
 * measured: when this process is held up, all its answers are late.
 */
const HANGING_REVIEWS = 2

/** So many failures one after another, and it counts as failing; one is enough where it has never answered. */
const FAILING_STREAK = 2

/** From when on it is kept that everything fails: endpoints fail for a moment all the time. */
const WORTH_KEEPING_MS = 600_000

/** How soon somebody asks whether another process's probe has succeeded. */
const PROBE_LOOK_MS = 1_000

/** A probe is given up for lost when its time is over and it should have been written. */
const PROBE_LEEWAY_MS = 5_000

/**
 * One recipient, as this process knows it: how many attempts it bears, whether it rests, and what that makes of the
 * slots of its subscription. It never tries anything again by itself.
 */
export class Endpoint implements Gate {
  /** What its policy lets run at one time here; it may change. */
  concurrency = 1
  /** Whose events it gets; an attempt counts for whom it was begun. */
  scope: string
  readonly #options: EndpointOptions
  readonly #pace = new Pace()
  readonly #recent = new RecentAttempts()
  #state: EndpointState
  #written: EndpointState // as it stands in the store
  #epoch = 0 // one more with each state: what began under another says nothing of this one
  #passed = 0
  #standing: Standing = "new"
  #running = 0
  #waiting = 0
  #silentReviews = 0
  #hasAnswered = false
  #streak = 0
  #failing: Failing | null
  readonly #faults = new OwnFaults()
  #saving: Promise<void> = Promise.resolve()

  constructor(options: EndpointOptions) {
    this.#options = options
    this.scope = options.scope
    this.#state = options.states.get(options.id)
    this.#written = this.#state
    this.#failing = this.#state.failing
    this.#stand()
  }

  get state(): EndpointState {
    return this.#state
  }

  get standing(): Standing {
    return this.#standing
  }

  get running(): number {
    return this.#running
  }

  /** When something may be sent again; null = now. */
  get opensAt(): number | null {
    const now = this.#options.clock.now()
    const until = Math.max(restsUntil(this.#state, now) ?? 0, this.#faults.heldUntil)
    return until > now ? until : null
  }

  /** Resolves when what changed is written. */
  get saved(): Promise<void> {
    return this.#saving
  }

  // Gate

  get isClosed(): boolean {
    const { phase } = this.#state
    return (phase === "resting" || phase === "probing" || this.#faults.heldUntil > 0) && this.opensAt !== null
  }

  get holdsReady(): boolean {
    return this.#standing === "proven"
  }

  get pool(): Pool {
    return this.#options.allotment.poolOf(this.#standing)
  }

  slotsBeside(running: number): number {
    const most = this.mostBeside(running)
    return most <= running || this.#options.allotment.mayStart(this.#party) ? most : running
  }

  mostBeside(running: number): number {
    return Math.max(0, running + this.#most - this.#running)
  }

  waits(change: 1 | -1): void {
    this.#waiting += change
    this.#options.allotment.waits(this.#standing, change)
  }

  /** One attempt, if it may be made at all. @throws Postponed; what the delivery failed with */
  async run({ timeoutMs, make }: EndpointAttempt): Promise<void> {
    const scope = this.#started()
    try {
      const epoch = await this.#admitted(timeoutMs)
      const made = await make()
      if (made.sign === null) throw this.#hold(made.error, epoch)
      this.#learn(made, made.sign, epoch)
      if (made.error !== null) throw made.error
    } finally {
      this.#ended(scope)
    }
  }

  /** Another process changed its state, or nobody knows it any more. */
  adopt(): void {
    const state = this.#options.states.get(this.#options.id)
    if (state.failing !== null) this.#failing = earlier(state.failing, this.#failing)
    else if (this.#written.failing !== null) this.#failing = null
    this.#written = state
    this.#enter(state)
  }

  /** Somebody takes it that it is well again: what was known is forgotten. */
  reset(): void {
    this.#failing = null
    this.#faults.forget()
    this.#streak = 0
    this.#become(SENDING)
  }

  /** What runs is looked at while nothing of it ends: one that hangs holds less here, and lets others be tried. */
  review(): void {
    const before = this.#standing
    this.#silentReviews++
    this.#stand()
    if (this.#standing !== before) this.#options.onGate()
  }

  get #most(): number {
    if (this.#faults.heldUntil > 0) return this.opensAt === null ? 1 : 0
    const { phase } = this.#state
    const now = phase === "resting" || phase === "probing" ? this.#options.clock.now() : 0
    return Math.min(this.concurrency, this.#pace.slots, slotsOf(this.#state, this.#passed, now))
  }

  get #party() {
    return { standing: this.#standing, scope: this.scope }
  }

  /** @throws Postponed where it rests after all */
  async #admitted(timeoutMs: number): Promise<number> {
    const { states, clock } = this.#options
    try {
      await states.fresh()
      const now = clock.now()
      if (this.#faults.heldUntil > now) throw new Postponed(now, "it waits for this process to be well")
      const { phase } = this.#state
      if (phase === "resting" || phase === "probing") await this.#probe(now, timeoutMs)
    } catch (error) {
      throw error instanceof Postponed ? error : this.#hold(error as Error, this.#epoch)
    }
    return this.#epoch
  }

  /** Whoever writes it first tries. */
  async #probe(now: number, timeoutMs: number): Promise<void> {
    const until = restsUntil(this.#state, now)
    if (until !== null) {
      const { phase, why } = this.#state
      throw new Postponed(phase === "probing" ? now + PROBE_LOOK_MS : until, `its endpoint rests: ${why}`)
    }
    const { states, id } = this.#options
    const before = this.#state
    const probe = { until: now + timeoutMs + PROBE_LEEWAY_MS, probe: crypto.randomUUID() }
    this.#enter(probing(before, probe))
    try {
      const next = this.#toWrite
      if (await states.move(id, next)) {
        this.#written = next
        return
      }
    } catch (error) {
      this.#enter(before)
      throw error
    }
    this.adopt()
    throw new Postponed(now + PROBE_LOOK_MS, "another process tries whether its endpoint is back")
  }

  #learn(made: Attempted, sign: Sign, epoch: number): void {
    const { clock, random } = this.#options
    const { concurrency } = this
    const now = clock.now()
    const isAlive = sign.kind === "success" || sign.kind === "event"
    this.#faults.mended()
    if (this.#written.stalled !== null) this.#save()
    this.#streak = isAlive ? 0 : this.#streak + 1
    this.#hasAnswered ||= isAlive
    if (sign.kind === "success") this.#pace.succeeded(this.#running, concurrency)
    if (made.isOverload) this.#pace.overloaded()
    this.#noteFailing(sign.kind === "success", now)
    if (epoch === this.#epoch || sign.kind === "asked") {
      this.#recent.add({ at: now, hasFailed: !isAlive, isTimeout: sign.kind === "timeout" })
      if (isAlive && this.#state.phase !== "sending") this.#passed++
      const counts = this.#recent.counts(now)
      const learned = { sign, counts, now, random: random(), passed: this.#passed, concurrency }
      this.#become(afterAttempt(this.#state, learned, this.#options.breaker))
    }
    if (this.#failing !== null) this.#options.onFailing(this.#failing)
  }

  /** The fault is ours: nothing counts as tried, and nothing is until it may be mended. */
  #hold(error: Error | null, epoch: number): Postponed {
    const now = this.#options.clock.now()
    const isEnd = error !== null && isOwnEnd(error)
    if (!isEnd) this.#noteFault(error?.message || "its notifier does not say why", now)
    if (epoch === this.#epoch && this.#state.phase === "probing")
      this.#become({ ...this.#state, phase: "resting", until: now })
    else this.#options.onGate()
    // Its gate keeps this process from it, and another that is well may have it at once: due when the gate opens, this
    // one would always be the first to take it.
    return new Postponed(now, isEnd ? "" : (error?.message ?? ""))
  }

  #noteFailing(isSuccess: boolean, now: number): void {
    const kept = this.#written.failing
    const { since, attempts } = this.#failing ?? { since: now, attempts: 0 }
    this.#failing = isSuccess ? null : { since, attempts: attempts + 1 }
    if (isSuccess) {
      if (kept !== null) this.#save()
    } else if (kept === null ? now - since >= WORTH_KEEPING_MS : attempts + 1 >= 2 * kept.attempts)
      this.#save()
  }

  #noteFault(why: string, now: number): void {
    if (!this.#faults.hold(why, now)) return
    this.#options.onFault(why)
    const lasting = this.#faults.lasting(now)
    if (lasting !== null && this.#written.stalled?.why !== lasting.why) this.#save()
  }

  #become(next: EndpointState): void {
    if (next === this.#state) return
    this.#enter(next)
    this.#save()
  }

  #enter(next: EndpointState): void {
    const before = this.#state
    this.#state = next
    if (next.phase === before.phase && next.until === before.until) return
    this.#epoch++
    this.#recent.clear()
    if (next.phase !== "resuming" || before.phase !== "probing") this.#passed = 0
    this.#stand()
    this.#options.onGate()
  }

  /** One write after another; what stands when its turn comes is written. */
  #save(): void {
    this.#saving = this.#saving.then(() => this.#write()).catch(this.#options.onError)
  }

  async #write(): Promise<void> {
    const { states, id, onMoved, onStalled } = this.#options
    const [before, next] = [this.#written, this.#toWrite]
    if (!(await states.move(id, next))) return this.adopt()
    this.#written = next
    if (next.phase !== before.phase) onMoved(before, next)
    if (next.stalled !== null && before.stalled === null) onStalled(next.stalled)
  }

  get #toWrite(): EndpointState {
    const stalled = this.#faults.lasting(this.#options.clock.now())
    return { ...this.#state, failing: this.#failing, stalled }
  }

  #started(): string {
    const { scope } = this
    if (this.#running === 0) this.#silentReviews = 0
    this.#running++
    this.#options.allotment.started(this.#party)
    return scope
  }

  #ended(scope: string): void {
    this.#silentReviews = 0
    this.#options.allotment.ended({ standing: this.#standing, scope })
    this.#running--
    this.#stand()
  }

  #stand(): void {
    const { allotment } = this.#options
    const hangs = this.#running > 0 && this.#silentReviews >= HANGING_REVIEWS
    const isBad = this.#streak >= (this.#hasAnswered ? FAILING_STREAK : 1)
    const isFailing = this.#state.phase !== "sending" || hangs || isBad
    const standing = isFailing ? "failing" : this.#hasAnswered ? "proven" : "new"
    if (standing === this.#standing) return
    allotment.moved(this.#standing, standing, { running: this.#running, waiting: this.#waiting })
    this.#standing = standing
  }
}

function earlier(kept: Failing, own: Failing | null): Failing {
  if (own === null) return kept
  return { since: Math.min(kept.since, own.since), attempts: Math.max(kept.attempts, own.attempts) }
}

/** This process ends, or has lost its lease: nothing is to be mended, and others go on. */
function isOwnEnd(error: Error): boolean {
  const code = codeOf(error)
  return code === "CARILLON_STOPPED" || code === "CARILLON_LEASE_LOST"
}
