import type { Channel, ChannelModel, ConsumeMessage } from "amqplib"
import { UnreachableError } from "../../../core/errors.ts"
import { shownBroker } from "../../../webhooks/notifiers/amqp-address.ts"
import { connectAmqp } from "../../../webhooks/notifiers/amqp-connection.ts"
import type { AmqpDriver } from "../../../webhooks/notifiers/amqp-driver.ts"
import { AmqpPublisher } from "../../../webhooks/notifiers/amqp-publisher.ts"
import type { ListenerSettings } from "./settings.ts"

/** What becomes of a message. */
export type Verdict =
  | { readonly kind: "taken" | "left" }
  | { readonly kind: "refused"; readonly refusal: Refusal }

export interface Refusal {
  readonly code: string
  readonly reason: string
}

/** Says what becomes of a message; it never rejects. `over` is aborted when the session has ended without it. */
export type Handle = (message: ConsumeMessage, over: AbortSignal) => Promise<Verdict>

/** One connection to the shop's broker, from its first to its last message. */
export class Session {
  /** Resolves to what ended it; null = it was closed by us. */
  readonly ended: Promise<Error | null>
  readonly #settings: ListenerSettings
  readonly #channel: Channel
  readonly #publisher: AmqpPublisher
  readonly #underWay = new Set<Promise<void>>()
  readonly #end = Promise.withResolvers<Error | null>()
  readonly #over = new AbortController()
  #consumerTag = ""
  #closing: Promise<void> | null = null // null = nobody closed it

  private constructor(settings: ListenerSettings, connection: ChannelModel, channel: Channel) {
    this.#settings = settings
    this.#channel = channel
    this.#publisher = new AmqpPublisher(connection)
    this.ended = this.#end.promise
    this.ended.then(() => this.#over.abort())
    // A channel that the broker closes says why; what follows from it says less.
    channel.on("error", (error) => this.#end.resolve(error))
    channel.on("close", () =>
      this.#end.resolve(this.#closing ? null : new UnreachableError("The channel is gone")),
    )
    connection.on("error", (error) => this.#end.resolve(error))
    this.#publisher.closed.then(() => this.#end.resolve(new UnreachableError("The connection is gone")))
  }

  /** @throws what the broker says, when it does not let us in or has another idea of the queue */
  static async open(driver: AmqpDriver, settings: ListenerSettings, handle: Handle): Promise<Session> {
    const connection = await connectAmqp(driver, settings.address, { connectionName: "carillon magento" })
    connection.on("error", nothing) // until the session heeds it
    try {
      const channel = await connection.createChannel()
      channel.on("error", nothing)
      await prepare(channel, settings)
      const session = new Session(settings, connection, channel)
      await session.#consume(handle)
      return session
    } catch (error) {
      await new AmqpPublisher(connection).close()
      throw error
    }
  }

  /** Takes no more, lets what is under way end within that time, and leaves the rest to the broker. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    await this.#within(ANSWER_MS, () => this.#channel.cancel(this.#consumerTag))
    await this.#within(graceMs, () => Promise.all(this.#underWay))
    // A connection that is closed at once leaves acknowledgements behind.
    await this.#within(ANSWER_MS, () => this.#channel.close())
    this.#end.resolve(null)
    await this.#publisher.close()
  }

  /** Not longer than that, and no longer than there is a connection. */
  async #within(ms: number, work: () => Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, ms)
    // Of a channel that is gone the driver does not even ask.
    const done = (async () => work())().catch(nothing)
    await Promise.race([done, late.promise, this.ended])
    clearTimeout(timer)
  }

  async #consume(handle: Handle): Promise<void> {
    const { queue, prefetch } = this.#settings
    await this.#channel.prefetch(prefetch)
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) this.#end.resolve(new UnreachableError(`The queue ${queue} was deleted`))
      else this.#follow(this.#settle(message, handle))
    }
    const { consumerTag } = await this.#channel.consume(queue, take)
    this.#consumerTag = consumerTag
  }

  #follow(work: Promise<void>): void {
    // What fails here is not acknowledged: the broker delivers it again over the next connection.
    const settled = work
      .catch((error) => this.#end.resolve(error))
      .finally(() => this.#underWay.delete(settled))
    this.#underWay.add(settled)
  }

  async #settle(message: ConsumeMessage, handle: Handle): Promise<void> {
    const verdict = await handle(message, this.#over.signal)
    if (verdict.kind === "refused") await this.#park(message, verdict.refusal)
    if (verdict.kind !== "left") this.#channel.ack(message)
  }

  /** Acknowledged only when the broker has it in the other queue, with the reason for people and programs. */
  #park(message: ConsumeMessage, { code, reason }: Refusal): Promise<void> {
    const { refusedQueue, queue } = this.#settings
    const headers = {
      ...message.properties.headers,
      "x-carillon-code": code,
      "x-carillon-reason": reason.slice(0, MOST_REASON),
      "x-carillon-queue": queue,
      "x-carillon-refused-at": new Date().toISOString(),
    }
    return this.#publisher.publish({
      exchange: "",
      routingKey: refusedQueue,
      content: message.content,
      properties: { ...kept(message), headers, persistent: true },
      token: String(message.fields.deliveryTag),
    })
  }
}

const MOST_REASON = 1_000
const ANSWER_MS = 2_000

/** Of a message's properties what tells of it; a time to live, above all, is not taken over. */
function kept({ properties }: ConsumeMessage) {
  const { contentType, contentEncoding, correlationId, messageId, timestamp, type, appId } = properties
  return { contentType, contentEncoding, correlationId, messageId, timestamp, type, appId }
}

async function prepare(channel: Channel, settings: ListenerSettings): Promise<void> {
  const { exchange, queue, refusedQueue, routingKey, declare } = settings
  if (!declare) {
    await channel.checkQueue(queue)
    await channel.checkQueue(refusedQueue)
    return
  }
  await channel.assertExchange(exchange, "topic", { durable: true })
  await channel.assertQueue(queue, { durable: true })
  await channel.assertQueue(refusedQueue, { durable: true })
  await channel.bindQueue(queue, exchange, routingKey)
}

/** For people: where it listens. */
export function shownPlace({ address, queue }: ListenerSettings): string {
  return `${shownBroker(address)}, queue ${queue}`
}

function nothing(): void {}
