import type { Clock, Timer } from "../core/clock.ts"
import { LeaseLostError } from "../core/errors.ts"
import { attemptTimeout } from "../core/retry.ts"
import { reach } from "../engine/faults.ts"
import type { Tracing } from "../telemetry/tracing.ts"
import type { WorkSpan } from "../telemetry/work-span.ts"
import { inCleanContext } from "./clean-context.ts"
import { currentDelivery, type Delivery, DeliveryContext, type Home } from "./delivery.ts"
import { endTransaction } from "./handler-transaction.ts"
import type { HandlerEntry } from "./handlers.ts"

export interface RunnerOptions {
  readonly clock: Clock
  readonly capacity: number // deliveries that may run at one time in this process
  readonly mostUnsettled: number // what a crash may repeat
  readonly tracing: Tracing
  /** May handlers be started at all? Not without a lease, nor while the store refuses writes. */
  readonly mayStart: () => boolean
  readonly onFree: (handler: HandlerEntry) => void // one of its slots became free
  readonly onStuck: (delivery: Delivery) => void // ran past its timeout and goes on
  readonly onCapped: () => void // nothing more may start until something is settled
}

/** Times are kept to about this: one timer for all that runs. */
const SWEEP_MS = 25

/** A suspect waits this long to be alone, and is left alone this long: one that hangs must not hold up the rest. */
const ALONE_MS = 2_000

/**
 * Runs handlers within every limit: slots of each subscription, of the process, and of what a crash
 * may repeat. It knows nothing of batches, jobs or stores.
 */
export class Runner {
  readonly #options: RunnerOptions
  readonly #running = new Set<Delivery>()
  readonly #waiting = new Set<HandlerEntry>()
  #unsettled = 0
  #pumping = false
  #sweepTimer: Timer | null = null
  #sweepAt = Number.POSITIVE_INFINITY
  #waitingCount = 0
  #gatedCount = 0 // that wait behind gates: how many may be held there is the gates' own matter
  #alone: Delivery | null = null
  #wantsAlone: Delivery | null = null
  #aloneTimer: Timer | null = null
  readonly #idle: (() => void)[] = []

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#running.size
  }

  /** Gates left out. */
  get waiting(): number {
    return this.#waitingCount
  }

  get isIdle(): boolean {
    const waiting = this.#waitingCount + this.#gatedCount
    return this.#running.size === 0 && waiting === 0 && this.#wantsAlone === null
  }

  /** Deliveries that may be taken on before this process has all it can run. */
  get room(): number {
    return Math.max(0, this.#options.capacity - this.#running.size - this.#waitingCount)
  }

  /** Starts it now if every limit allows, else when they do. */
  run(delivery: Delivery): void {
    const { handler } = delivery
    if (handler.waiting === 0 && this.#mayStart(handler)) {
      this.#start(delivery)
      return
    }
    handler.enqueue(delivery)
    this.#count(handler, 1)
    this.#waiting.add(handler)
  }

  /** Starts it when nothing else runs, and nothing beside it: it may take the process with it. */
  runAlone(delivery: Delivery): void {
    this.#wantsAlone = delivery
    this.#aloneTimer = this.#options.clock.setTimeout(() => this.#endOfPatience(), ALONE_MS)
    this.pump()
  }

  giveUp(delivery: Delivery): void {
    delivery.handler.giveUp(delivery)
    this.#count(delivery.handler, -1)
    this.#checkIdle()
  }

  /** What was handled is settled: a crash will not repeat it. */
  settled(count: number): void {
    this.#unsettled = Math.max(0, this.#unsettled - count)
    this.pump()
  }

  /** Starts what waits, as far as the limits allow. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    if (this.#wantsAlone !== null && this.#running.size === 0 && this.#options.mayStart()) {
      this.#startAlone(this.#wantsAlone)
    }
    for (const handler of this.#waiting) {
      while (this.#mayStart(handler)) {
        const delivery = handler.dequeue()
        if (delivery === null) break
        this.#count(handler, -1)
        this.#start(delivery)
      }
      if (handler.waiting === 0) this.#waiting.delete(handler)
    }
    this.#pumping = false
    if (this.#waiting.size > 0 && this.#isCapped) this.#options.onCapped()
    this.#checkIdle()
  }

  /** What waits here for such handlers, to be handed back instead. */
  takeBack(isMeant: (handler: HandlerEntry) => boolean): Delivery[] {
    const taken: Delivery[] = []
    for (const handler of this.#waiting) {
      if (!isMeant(handler)) continue
      for (let next = handler.dequeue(); next !== null; next = handler.dequeue()) {
        next.state = "given-up"
        this.#count(handler, -1)
        taken.push(next)
      }
      this.#waiting.delete(handler)
    }
    this.#checkIdle()
    return taken
  }

  /** Resolves when nothing runs and nothing waits here. */
  whenIdle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  /** The lease is gone, or time is up: whoever listens to its signal should stop. */
  abortAll(reason: Error = leaseLost()): void {
    for (const delivery of this.#running) delivery.abort(reason)
  }

  /** Everything of a lost lease: what waits is dropped, what runs reports to nobody. */
  forget(nobody: Home): void {
    for (const delivery of this.#running) delivery.home = nobody
    for (const handler of this.#waiting) while (handler.dequeue() !== null) this.#count(handler, -1)
    this.#waiting.clear()
    this.#wantsAlone = null
    this.#clearAlone()
    this.#unsettled = 0
  }

  /** Nothing is timed any more: a process may end. */
  close(): void {
    if (this.#sweepTimer !== null) this.#options.clock.clearTimeout(this.#sweepTimer)
    this.#sweepTimer = null
    this.#sweepAt = Number.NEGATIVE_INFINITY
    this.#clearAlone()
    for (const { transaction, state } of this.#running)
      if (state === "running") transaction?.rollback().catch(ignore)
  }

  #count(handler: HandlerEntry, change: 1 | -1): void {
    if (handler.gate === null) this.#waitingCount += change
    else this.#gatedCount += change
  }

  #startAlone(delivery: Delivery): void {
    this.#clearAlone()
    this.#wantsAlone = null
    this.#alone = delivery
    this.#aloneTimer = this.#options.clock.setTimeout(() => this.#endOfPatience(), ALONE_MS)
    this.#start(delivery)
  }

  #endOfPatience(): void {
    if (this.#wantsAlone !== null) this.#startAlone(this.#wantsAlone)
    else this.#clearAlone()
    this.pump()
  }

  #clearAlone(): void {
    if (this.#aloneTimer !== null) this.#options.clock.clearTimeout(this.#aloneTimer)
    this.#aloneTimer = null
    this.#alone = null
  }

  get #isCapped(): boolean {
    return this.#unsettled + this.#running.size >= this.#options.mostUnsettled
  }

  #mayStart(handler: HandlerEntry): boolean {
    return (
      handler.hasSlot &&
      this.#running.size < this.#options.capacity &&
      !this.#isCapped &&
      this.#alone === null &&
      this.#wantsAlone === null &&
      this.#options.mayStart()
    )
  }

  #start(delivery: Delivery): void {
    const { handler } = delivery
    const { clock, tracing } = this.#options
    const now = clock.monotonic()
    delivery.state = "running"
    delivery.startedAt = now
    delivery.deadline = now + attemptTimeout(handler.policy, delivery.attempt)
    handler.running++
    this.#running.add(delivery)
    this.#sweepBy(delivery.deadline)
    reach("handler.before")
    let promise: Promise<unknown> | null
    try {
      promise = asPromise(
        tracing.isOn ? inCleanContext(enterTraced, delivery, tracing) : inCleanContext(enter, delivery),
      )
    } catch (error) {
      this.#end(delivery, error ?? new Error("The handler threw nothing."))
      return
    }
    if (promise === null) this.#end(delivery, undefined)
    else {
      promise.then(
        () => this.#end(delivery, undefined),
        (error: unknown) => this.#end(delivery, error ?? new Error("The handler rejected with nothing.")),
      )
    }
  }

  /** What the handler wrote in a transaction is committed or undone before it counts as ended. */
  #end(delivery: Delivery, error: unknown): void {
    const { transaction } = delivery
    if (transaction === null) {
      this.#finish(delivery, error)
      return
    }
    const ms = this.#options.clock.monotonic() - delivery.startedAt
    endTransaction(delivery, transaction, error, ms).then((final) => this.#finish(delivery, final))
  }

  #finish(delivery: Delivery, error: unknown): void {
    const { handler } = delivery
    delivery.state = "done"
    handler.running--
    this.#running.delete(delivery)
    if (this.#alone === delivery) this.#clearAlone()
    this.#unsettled++
    const ms = this.#options.clock.monotonic() - delivery.startedAt
    handler.took(ms)
    const final = delivery.timedOut ? delivery.timeoutError() : error
    delivery.home.done(delivery, final, ms)
    if (delivery.span !== null) endSpan(delivery, delivery.span, final)
    if (this.#waiting.size > 0 || this.#wantsAlone !== null) this.pump()
    this.#options.onFree(handler)
    this.#checkIdle()
  }

  #checkIdle(): void {
    if (this.#idle.length > 0 && this.isIdle) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #sweepBy(at: number): void {
    if (at >= this.#sweepAt) return
    const { clock } = this.#options
    if (this.#sweepTimer !== null) clock.clearTimeout(this.#sweepTimer)
    this.#sweepAt = at
    this.#sweepTimer = clock.setTimeout(() => this.#sweep(), Math.max(1, at - clock.monotonic()))
  }

  /** Aborts what has run past its time; the attempt ends when the handler does. */
  #sweep(): void {
    this.#sweepTimer = null
    this.#sweepAt = Number.POSITIVE_INFINITY
    const now = this.#options.clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const delivery of this.#running) {
      if (delivery.timedOut || delivery.state !== "running") continue
      if (delivery.deadline <= now) this.#timeOut(delivery)
      else if (delivery.deadline < next) next = delivery.deadline
    }
    if (next !== Number.POSITIVE_INFINITY) this.#sweepBy(Math.max(next, now + SWEEP_MS))
  }

  #timeOut(delivery: Delivery): void {
    delivery.timedOut = true
    delivery.abort(delivery.timeoutError())
    // A handler that heeds its signal ends within the next turns of the loop; what goes on is stuck.
    setImmediate(() => {
      if (delivery.state !== "running") return
      delivery.transaction?.rollback().catch(ignore) // left open, it would hold up the whole database
      this.#options.onStuck(delivery)
    })
  }
}

function enter(delivery: Delivery): unknown {
  currentDelivery.enterWith(delivery)
  return delivery.handler.run(delivery.view, new DeliveryContext(delivery))
}

/** What the handler calls, and what it emits, is a part of this attempt. */
function enterTraced(delivery: Delivery, tracing: Tracing): unknown {
  delivery.span = tracing.delivering(delivery)
  return delivery.span === null ? enter(delivery) : delivery.span.within(() => enter(delivery))
}

/** Of one that failed while its batch was being spilled the outcome is not known yet, and stays away. */
function endSpan({ outcome }: Delivery, span: WorkSpan, error: unknown): void {
  const decided = error === undefined ? "delivered" : (outcome ?? undefined)
  span.end({ outcome: decided, error })
}

/** What a handler returned, if it has to be waited for; a foreign thenable is not trusted to behave. */
function asPromise(value: unknown): Promise<unknown> | null {
  if (value instanceof Promise) return value
  const isThenable = typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function"
  return isThenable ? Promise.resolve(value) : null
}

function ignore(): void {
  // It could not be begun, or its connection is gone: nothing of it is left open.
}

function leaseLost(): LeaseLostError {
  return new LeaseLostError("This worker's lease has ended: another may be doing its work. Stop here.")
}
