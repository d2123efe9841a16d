import { AsyncLocalStorage } from "node:async_hooks"
import { TimeoutError } from "../core/errors.ts"
import { deliveryId } from "../core/ids.ts"
import type { AttemptDetails } from "../core/job.ts"
import type { Outcome } from "../core/outcome.ts"
import type { EventView } from "../core/view.ts"
import type { WorkSpan } from "../telemetry/work-span.ts"
import { type DeliveryTransaction, type HandlerTx, transactionFor } from "./handler-transaction.ts"
import type { HandlerEntry, HandlerTools } from "./handlers.ts"

/** What a delivery reports to: its batch, its job, or the spill that turns one into the other. */
export interface Home {
  /** `error` is undefined when the handler succeeded. */
  done(delivery: Delivery, error: unknown, ms: number): void
  /** Writes the success into the handler's own transaction and commits it; only `done` tells anybody. */
  settleWithin?(transaction: DeliveryTransaction, delivery: Delivery, ms: number): Promise<void>
}

export type DeliveryState = "waiting" | "running" | "settling" | "done" | "given-up"

/** One event for one subscription, in this process, from waiting to done. */
export class Delivery {
  readonly handler: HandlerEntry
  readonly view: EventView
  readonly attempt: number // from 1
  readonly replay: number
  readonly isolated: boolean
  home: Home
  state: DeliveryState = "waiting"
  startedAt = 0 // monotonic ms
  deadline = 0 // monotonic ms
  timedOut = false
  transaction: DeliveryTransaction | null = null // null = its handler has not asked for one
  span: WorkSpan | null = null // null = nobody traces it
  outcome: Outcome["kind"] | null = null // null = it is not decided
  details: AttemptDetails | null = null // null = there is no more to tell of the attempt
  #controller: AbortController | null = null
  #tools: HandlerTools

  constructor(
    home: Home,
    handler: HandlerEntry,
    view: EventView,
    tools: HandlerTools,
    {
      attempt = 1,
      replay = 0,
      isolated = false,
    }: { attempt?: number; replay?: number; isolated?: boolean } = FIRST,
  ) {
    this.home = home
    this.handler = handler
    this.view = view
    this.#tools = tools
    this.attempt = attempt
    this.replay = replay
    this.isolated = isolated
  }

  get deliveryId(): string {
    return deliveryId(this.view.commitId, this.view.index, this.handler.no, this.replay)
  }

  /** Made on first touch: most handlers never look. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.timedOut) this.#controller.abort(this.timeoutError())
    }
    return this.#controller.signal
  }

  get logger(): unknown {
    return this.#tools.loggerFor(this)
  }

  get container(): unknown {
    return this.#tools.container
  }

  get tx(): HandlerTx {
    this.transaction ??= transactionFor(this, this.#tools.transactions)
    return this.transaction.sql
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason)
  }

  timeoutError(): TimeoutError {
    const ms = Math.round(this.deadline - this.startedAt)
    return new TimeoutError(
      `Expected the handler of \`${this.handler.id}\` to end within ${ms} ms, it did not. Heed \`signal\`, or raise \`timeout\`.`,
    )
  }
}

const FIRST = {}

/** What a handler gets beside the event. */
export class DeliveryContext {
  readonly #delivery: Delivery

  constructor(delivery: Delivery) {
    this.#delivery = delivery
  }

  get deliveryId(): string {
    return this.#delivery.deliveryId
  }

  get attempt(): number {
    return this.#delivery.attempt
  }

  get signal(): AbortSignal {
    return this.#delivery.signal
  }

  get logger(): unknown {
    return this.#delivery.logger
  }

  get container(): unknown {
    return this.#delivery.container
  }

  get tx(): HandlerTx {
    return this.#delivery.tx
  }

  /** What is kept of this attempt beside its outcome, while its delivery is a job of its own. @internal */
  record(details: AttemptDetails): void {
    this.#delivery.details = details
  }
}

/** The delivery whose handler runs here: what it emits is caused by that event. */
export const currentDelivery = new AsyncLocalStorage<Delivery>()
