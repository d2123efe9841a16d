import { createHash, randomUUID } from "node:crypto"
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  type GetMessage,
  type Options,
} from "amqplib"
import { RABBIT_URL } from "./rabbit.ts"

/** A shop's exchange and our queues at a real RabbitMQ, under names of their own; all are gone at the end. */
export class ShopBroker implements AsyncDisposable {
  readonly exchange = `magento-${randomUUID()}`
  readonly queue = `carillon.event.trigger-${randomUUID()}`
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection
    this.#channel = channel
  }

  static async open(): Promise<ShopBroker> {
    const connection = await connect(RABBIT_URL)
    const broker = new ShopBroker(connection, await connection.createConfirmChannel())
    await broker.#channel.assertExchange(broker.exchange, "topic", { durable: true })
    for (const queue of [broker.queue, broker.refusedQueue])
      await broker.#channel.assertQueue(queue, { durable: true })
    await broker.#channel.bindQueue(broker.queue, broker.exchange, "event.trigger")
    return broker
  }

  get refusedQueue(): string {
    return `${this.queue}.refused`
  }

  get settings() {
    return { url: RABBIT_URL, exchange: this.exchange, queue: this.queue }
  }

  /** As Magento's publisher does it: JSON of texts, persistent, with an id that PHP makes of the time. */
  publish(
    name: string,
    args: unknown,
    more: { storeId?: string; messageId?: string | null } = {},
  ): Promise<void> {
    const { storeId, messageId = createHash("md5").update(randomUUID()).digest("hex") } = more
    const body = [name, JSON.stringify(args), ...(storeId === undefined ? [] : [storeId])]
    return this.send(JSON.stringify(body), messageId === null ? {} : { messageId })
  }

  async send(body: string | Buffer, properties: Options.Publish = {}): Promise<void> {
    this.#channel.publish(this.exchange, "event.trigger", Buffer.from(body), {
      deliveryMode: 2,
      headers: { store_id: "default" },
      ...properties,
    })
    await this.#channel.waitForConfirms()
  }

  /** How many wait, not counting those that somebody holds. */
  async waiting(queue = this.queue): Promise<number> {
    return (await this.#channel.checkQueue(queue)).messageCount
  }

  async listeners(): Promise<number> {
    return (await this.#channel.checkQueue(this.queue)).consumerCount
  }

  async nextRefused(): Promise<GetMessage | null> {
    return (await this.#channel.get(this.refusedQueue, { noAck: true })) || null
  }

  get channel(): Channel {
    return this.#channel
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of [this.queue, this.refusedQueue]) await this.#channel.deleteQueue(queue)
    await this.#channel.deleteExchange(this.exchange)
    await this.#connection.close()
  }
}
