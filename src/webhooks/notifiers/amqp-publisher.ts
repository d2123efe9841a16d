import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { ChannelModel, ConfirmChannel, Message, Options } from "amqplib"
import { UnreachableError } from "../../core/errors.ts"
import { Kept } from "./kept.ts"

export interface AmqpMessage {
  readonly exchange: string // "" = the one that knows every queue by its name
  readonly routingKey: string
  readonly content: Buffer
  readonly properties: Options.Publish
  /** No two messages under way have the same. */
  readonly token: string
}

const MOST_CHANNELS = 16
const CLOSE_MS = 2_000
/** The header by which a message that comes back is known. */
const TOKEN = "carillon-delivery"

/**
 * A connection over which messages are published so that each is confirmed, or its failure is known: what no queue
 * wants comes back, and what the broker does not keep is said. Each exchange has a channel of its own, since the broker
 * closes the channel of whoever writes to one that is not there.
 */
export class AmqpPublisher {
  readonly #connection: ChannelModel
  readonly #lanes: Kept<Promise<Lane>>
  /** Resolves when the connection is no more. */
  readonly closed: Promise<void>
  readonly #closing = Promise.withResolvers<void>()
  #isClosed = false
  #blocked: string | null = null // null = the broker takes messages

  constructor(connection: ChannelModel) {
    this.#connection = connection
    this.#lanes = new Kept({ most: MOST_CHANNELS, close: (lane) => lane.then((it) => it.close(), nothing) })
    connection.on("error", nothing) // `close` follows
    connection.on("blocked", (reason) => {
      this.#blocked = reason
    })
    connection.on("unblocked", () => {
      this.#blocked = null
    })
    this.closed = this.#closing.promise
    connection.once("close", () => this.#end())
  }

  /** Resolves when the broker has taken it. @throws UnreachableError */
  async publish(message: AmqpMessage): Promise<void> {
    if (this.#blocked !== null)
      throw new UnreachableError(
        `Expected the broker to take messages, it takes none for now: ${this.#blocked}.`,
      )
    const { exchange } = message
    await this.#lanes.use(
      exchange,
      () => this.#open(exchange),
      async (opening) => (await opening).publish(message),
    )
  }

  /** In peace, where the broker takes part in it. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    const inPeace = this.#connection.close().catch(nothing) // it may have been cut meanwhile
    await Promise.race([inPeace, sleep(CLOSE_MS, null, { ref: false })])
    if (!this.#isClosed) this.destroy()
  }

  /** What is under way fails. */
  destroy(): void {
    this.#end()
    const { stream } = this.#connection.connection as unknown as { readonly stream: Socket }
    stream.destroy(new Error("it was given up")) // the driver heeds errors only
  }

  #end(): void {
    this.#isClosed = true
    this.#closing.resolve()
  }

  #open(exchange: string): Promise<Lane> {
    const opening = this.#connection.createConfirmChannel().then((channel) => new Lane(channel))
    const drop = (): void => this.#lanes.drop(exchange, opening)
    opening.then((lane) => lane.closed.then(drop), drop)
    return opening
  }
}

/** A channel in which every message is confirmed. */
class Lane {
  readonly #channel: ConfirmChannel
  readonly #returned = new Map<string, string>()
  readonly closed: Promise<void>
  #error: Error | null = null // null = the broker has not refused anything

  constructor(channel: ConfirmChannel) {
    this.#channel = channel
    channel.on("error", (error) => {
      this.#error = error
    })
    // It comes before its confirmation.
    channel.on("return", (message) => this.#returned.set(tokenOf(message), replyOf(message)))
    this.closed = new Promise((resolve) => channel.once("close", resolve))
  }

  publish({ exchange, routingKey, content, properties, token }: AmqpMessage): Promise<void> {
    const headers = { ...(properties.headers as object), [TOKEN]: token }
    return new Promise((resolve, reject) => {
      const ended = (error: unknown): void => {
        const reply = this.#returned.get(token)
        this.#returned.delete(token)
        if (error !== null && error !== undefined) reject(this.#failure(error))
        else if (reply !== undefined) reject(unroutable(exchange, routingKey, reply))
        else resolve()
      }
      this.#channel.publish(exchange, routingKey, content, { ...properties, headers, mandatory: true }, ended)
    })
  }

  async close(): Promise<void> {
    await this.#channel.close().catch(nothing) // the broker may have closed it
  }

  #failure(error: unknown): Error {
    const { message } = this.#error ?? (error as Error)
    return new UnreachableError(`Expected the broker to confirm the message, it did not: ${message}.`)
  }
}

function unroutable(exchange: string, routingKey: string, reply: string): UnreachableError {
  return new UnreachableError(
    `Expected a queue that wants \`${routingKey}\` of the exchange \`${exchange}\`, the broker knows none (${reply}).`,
  )
}

function tokenOf({ properties }: Message): string {
  return String((properties.headers as Record<string, unknown> | undefined)?.[TOKEN])
}

function replyOf({ fields }: Message): string {
  const { replyCode, replyText } = fields as unknown as { replyCode?: number; replyText?: string }
  return `${replyCode} ${replyText}`
}

function nothing(): void {}
