import type { Channel, ChannelModel, GetMessage } from "amqplib"
import { connectAmqp } from "../../../webhooks/notifiers/amqp-connection.ts"
import { loadAmqp } from "../../../webhooks/notifiers/amqp-driver.ts"
import { type AmqpMessage, AmqpPublisher } from "../../../webhooks/notifiers/amqp-publisher.ts"
import { nameIn } from "./message.ts"
import type { ListenerSettings } from "./settings.ts"

/** A message that could not become an event. */
export interface RefusedReport {
  readonly eventName: string | null // null = it cannot be read
  readonly messageId: string | null
  readonly code: string | null // null = somebody else put it there
  readonly reason: string | null
  readonly refusedAt: string | null // ISO 8601
}

/** The oldest of the messages that were refused; they stay where they are. */
export function listRefused(settings: ListenerSettings, limit: number): Promise<readonly RefusedReport[]> {
  return withConnection(settings, async (connection) => {
    const channel = await opened(connection)
    const found: RefusedReport[] = []
    while (found.length < limit) {
      // Not acknowledged, it is back in its place when the connection ends.
      const message = await channel.get(settings.refusedQueue)
      if (message === false) break
      found.push(reportOf(message))
    }
    return found
  })
}

/**
 * Lets the messages that were refused be taken once more, as they came, and tells how many there were. What is refused
 * again comes back behind them.
 */
export function retryRefused(settings: ListenerSettings): Promise<number> {
  return withConnection(settings, async (connection) => {
    const channel = await opened(connection)
    const publisher = new AmqpPublisher(connection)
    const { messageCount } = await channel.checkQueue(settings.refusedQueue)
    let moved = 0
    for (; moved < messageCount; moved++) {
      const message = await channel.get(settings.refusedQueue)
      if (message === false) break
      await publisher.publish(again(message, settings.queue))
      channel.ack(message)
    }
    await channel.close() // a connection that is closed at once leaves acknowledgements behind
    return moved
  })
}

async function withConnection<T>(
  settings: ListenerSettings,
  work: (connection: ChannelModel) => Promise<T>,
): Promise<T> {
  const driver = await loadAmqp()
  const connection = await connectAmqp(driver, settings.address, { connectionName: "carillon magento" })
  connection.on("error", nothing) // what is under way fails, and says why
  try {
    return await work(connection)
  } finally {
    await connection.close().catch(nothing)
  }
}

async function opened(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel()
  channel.on("error", nothing) // as above
  return channel
}

/** As it came, without what was said of it. */
function again({ content, properties, fields }: GetMessage, queue: string): AmqpMessage {
  const isOurs = (name: string): boolean => name.startsWith("x-carillon-") || name === "carillon-delivery"
  const headers = Object.fromEntries(
    Object.entries(properties.headers ?? {}).filter(([name]) => !isOurs(name)),
  )
  return {
    exchange: "",
    routingKey: queue,
    content,
    properties: { ...properties, headers, persistent: true },
    token: String(fields.deliveryTag),
  }
}

function reportOf(message: GetMessage): RefusedReport {
  const headers = (message.properties.headers ?? {}) as Readonly<Record<string, unknown>>
  const text = (name: string): string | null => (typeof headers[name] === "string" ? headers[name] : null)
  const { messageId } = message.properties as { readonly messageId?: unknown }
  return {
    eventName: nameIn(message.content),
    messageId: typeof messageId === "string" ? messageId : null,
    code: text("x-carillon-code"),
    reason: text("x-carillon-reason"),
    refusedAt: text("x-carillon-refused-at"),
  }
}

function nothing(): void {}
