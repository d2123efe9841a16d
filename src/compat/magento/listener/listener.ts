import { setTimeout as sleep } from "node:timers/promises"
import type { ConsumeMessage } from "amqplib"
import type { HandlerLogger } from "../../../bus/events.ts"
import type { Publish } from "../../../bus/publisher.ts"
import { EVENT_QUEUE, type QueueMessage } from "../../../bus/queue-form.ts"
import type { RefusedMessage } from "../../../bus/refused-message.ts"
import { codeOf, isPermanent } from "../../../core/errors.ts"
import { scopeKey } from "../../../core/scope.ts"
import { shownBroker } from "../../../webhooks/notifiers/amqp-address.ts"
import { type AmqpDriver, loadAmqp } from "../../../webhooks/notifiers/amqp-driver.ts"
import { EventNames, idempotencyKeyOf, nameIn, readMessage } from "./message.ts"
import { type Handle, type Refusal, Session, shownPlace, type Verdict } from "./session.ts"
import type { ListenerSettings } from "./settings.ts"

/** What of a Carillon is needed here. */
export interface ListeningCarillon {
  readonly publish: Publish
  readonly logger: HandlerLogger
  definitions(): readonly { readonly name: string }[]
  refusedMessage(message: RefusedMessage, scope: string | null): void
}

/** How long is waited, in milliseconds, before something is tried again; the last holds for all that follow. */
export interface ListenerPauses {
  readonly connect: readonly number[]
  readonly store: readonly number[]
  /** For resolvers that run while an event is published; after the last the message is refused. */
  readonly resolver: readonly number[]
}

const PAUSES: ListenerPauses = {
  connect: [1_000, 2_000, 5_000, 10_000, 30_000],
  store: [1_000, 2_000, 5_000, 10_000, 30_000],
  resolver: [1_000, 4_000, 9_000, 16_000],
}

export interface ListenerOptions {
  readonly carillon: ListeningCarillon
  readonly settings: ListenerSettings
  readonly pauses?: Partial<ListenerPauses>
}

/**
 * Takes what a Magento shop publishes for its Async Events, and publishes it here.
 *
 * A message is acknowledged when its event is durable, so that none is lost; one that is delivered again, since this
 * process or the broker died in between, is one event for seven days, by the message's id. A message that cannot become
 * an event is moved to a queue of its own with the reason, logged, and told as `carillon.message.refused`.
 */
export class MagentoListener {
  readonly #carillon: ListeningCarillon
  readonly #settings: ListenerSettings
  readonly #pauses: ListenerPauses
  readonly #names: EventNames
  readonly #stopping = new AbortController()
  #session: Session | null = null // null = there is no connection
  #running: Promise<void> | null = null // null = it was not started

  constructor({ carillon, settings, pauses }: ListenerOptions) {
    this.#carillon = carillon
    this.#settings = settings
    this.#pauses = { ...PAUSES, ...pauses }
    this.#names = new EventNames(carillon.definitions().map(({ name }) => name))
  }

  /**
   * From here on it listens. It does not wait for a broker that is not there, but tries until it is.
   *
   * @throws UnsupportedError when the package `amqplib` is not installed
   */
  async start(): Promise<void> {
    const driver = await loadAmqp()
    this.#running ??= this.#run(driver)
  }

  /** Takes no more and lets what is under way end; what does not within that time, the broker delivers again. */
  async stop(graceMs = 10_000): Promise<void> {
    const session = this.#session
    this.#stopping.abort()
    await session?.close(graceMs)
    await this.#running
  }

  async #run(driver: AmqpDriver): Promise<void> {
    const { logger } = this.#carillon
    const place = shownPlace(this.#settings)
    for (let failures = 0; !this.#isStopping; failures++) {
      const why = await this.#listen(driver, () => {
        failures = -1 // it was let in
        logger.info(`Magento's events are taken from ${place}`)
      })
      if (why === null || this.#isStopping) continue
      const pauseMs = jittered(pauseOf(this.#pauses.connect, Math.max(0, failures)))
      logger.warn(`No events come from ${place}: ${why.message}. It is tried again in ${pauseMs} ms.`)
      await this.#pause(pauseMs)
    }
  }

  /** What ended it; null = we did. */
  async #listen(driver: AmqpDriver, onOpen: () => void): Promise<Error | null> {
    try {
      const handle: Handle = (message, over) => this.#handle(message, over)
      const session = await Session.open(driver, this.#settings, handle)
      this.#session = session
      onOpen()
      if (this.#isStopping) await session.close(0)
      const why = await session.ended
      await session.close(0)
      return why
    } catch (error) {
      return error as Error
    } finally {
      this.#session = null
    }
  }

  /** `over`: the broker delivers it again, over another connection. */
  async #handle(message: ConsumeMessage, over: AbortSignal): Promise<Verdict> {
    for (let failures = 0; ; failures++) {
      try {
        await this.#publish(message)
        return TAKEN
      } catch (error) {
        if (over.aborted || this.#isStopping || codeOf(error) === "CARILLON_STOPPED") return LEFT
        const pauseMs = this.#pauseAfter(error, failures)
        if (pauseMs === null) return { kind: "refused", refusal: this.#refuse(message, error) }
        const what = `${nameIn(message.content)} of Magento could not be published`
        this.#carillon.logger.warn(`${what}: ${messageOf(error)}. It is tried again in ${pauseMs} ms.`)
        if (!(await this.#pause(pauseMs, over))) return LEFT
      }
    }
  }

  async #publish({ content, properties }: ConsumeMessage): Promise<void> {
    const { scope, queue, address } = this.#settings
    const message = readMessage(content)
    const meant = message.map((each, i) => (i === 0 ? this.#names.meant(each) : each))
    const key = idempotencyKeyOf(`${shownBroker(address)} ${queue}`, properties.messageId, content)
    await this.#carillon.publish(EVENT_QUEUE, meant as unknown as QueueMessage, {
      ...(key === null ? {} : { idempotencyKey: key }),
      ...(scope === undefined ? {} : { scope }),
    })
  }

  /** null = it would not help. */
  #pauseAfter(error: unknown, failures: number): number | null {
    const code = codeOf(error) ?? ""
    if (STORE.includes(code)) return jittered(pauseOf(this.#pauses.store, failures))
    if (REFUSED.includes(code) || isPermanent(error)) return null
    return this.#pauses.resolver[failures] ?? null
  }

  #refuse({ content, properties }: ConsumeMessage, error: unknown): Refusal {
    const { address, queue, refusedQueue, scope } = this.#settings
    const { messageId } = properties as { readonly messageId?: unknown }
    const refusal = { code: codeOf(error) ?? "CARILLON_RESOLVE", reason: messageOf(error) }
    const eventName = nameIn(content)
    this.#carillon.logger.error(
      `A message of Magento's (${eventName ?? "unreadable"}) is refused: ${refusal.reason} It is kept in the queue ${refusedQueue}.`,
    )
    this.#carillon.refusedMessage(
      {
        source: shownBroker(address),
        queue,
        refusedQueue,
        messageId: typeof messageId === "string" ? messageId : null,
        eventName,
        ...refusal,
      },
      scope === undefined ? null : scopeKey(scope),
    )
    return refusal
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Whether it is worth going on. */
  #pause(ms: number, over?: AbortSignal): Promise<boolean> {
    const stopping = this.#stopping.signal
    const signal = over === undefined ? stopping : AbortSignal.any([stopping, over])
    return sleep(ms, true, { signal }).catch(() => false)
  }
}

const TAKEN: Verdict = { kind: "taken" }
const LEFT: Verdict = { kind: "left" }

/** The store is away or full: no message is at fault. */
const STORE: readonly string[] = ["CARILLON_STORE_UNAVAILABLE", "CARILLON_STORE", "CARILLON_OVERLOADED"]

/** What would be refused again, however often it came. */
const REFUSED: readonly string[] = [
  "CARILLON_INVALID_INPUT",
  "CARILLON_UNKNOWN_EVENT",
  "CARILLON_SCHEMA",
  "CARILLON_EVENT_TOO_LARGE",
  "CARILLON_UNSERIALISABLE",
  "CARILLON_ID_CONFLICT",
]

function pauseOf(pauses: readonly number[], failures: number): number {
  return pauses[Math.min(failures, pauses.length - 1)] ?? 0
}

/** Several processes that lost one broker do not come back at one moment. */
function jittered(ms: number): number {
  return Math.round(ms * (1 + Math.random() / 5))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
