import { randomUUID } from "node:crypto"
import { type AddressInfo, createServer, type Server } from "node:net"
import { type Channel, type ChannelModel, connect, type GetMessage } from "amqplib"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { BrokerLink } from "../../../test/support/broker-link.ts"
import { makeCertificate } from "../../../test/support/certificates.ts"
import { type NotificationParts, notificationOf } from "../../../test/support/notification.ts"
import { describeRabbit, RABBIT_URL } from "../../../test/support/rabbit.ts"
import { networkPolicy } from "../http/network.ts"
import type { Notifier, NotifierResult } from "../notifier.ts"
import { type AmqpOptions, amqpNotifier } from "./amqp.ts"

const notifiers: Notifier[] = []
afterEach(async () => {
  for (const notifier of notifiers.splice(0)) await notifier.close?.()
})

await describeRabbit("an exchange of RabbitMQ", () => {
  let connection: ChannelModel
  let channel: Channel
  let exchange: string
  let queue: string

  beforeAll(async () => {
    connection = await connect(RABBIT_URL)
  })
  afterAll(() => connection.close())
  beforeEach(async () => {
    channel = await connection.createChannel()
    exchange = `carillon-test-${randomUUID()}`
    await channel.assertExchange(exchange, "topic", { autoDelete: true })
    queue = (await channel.assertQueue("", { exclusive: true })).queue
    await channel.bindQueue(queue, exchange, "sales.#")
  })
  afterEach(() => channel.close())

  it("gets the event under its name, to be kept, with its id and what would be headers", async () => {
    const result = await notify({ subscription: { headers: { "x-shop": "berlin" }, options: { exchange } } })

    const message = await taken()
    expect(message?.content.toString()).toBe(
      '{"data":{"increment_id":"000000001","customer_email":"zoë@shop.example"}}',
    )
    expect(message?.fields).toMatchObject({ exchange, routingKey: "sales.order.created" })
    expect(message?.properties).toMatchObject({
      contentType: "application/json",
      deliveryMode: 2,
      messageId: "evt_1001",
      type: "sales.order.created",
      timestamp: 1_772_359_200,
      appId: "carillon",
      headers: {
        "x-shop": "berlin",
        "webhook-id": "evt_1001",
        "webhook-attempt": "1",
        "x-magento-signature": expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    })
    expect(result).toMatchObject({
      success: true,
      details: { notifier: "amqp", status: null, request: { headers: { exchange } } },
    })
  })

  it("gets it under another routing key, and a queue gets it by its own name", async () => {
    await notify({ subscription: { options: { exchange, routingKey: "sales.urgent" } } })
    await notify({ subscription: { options: { routingKey: queue } } })

    expect((await taken())?.fields.routingKey).toBe("sales.urgent")
    expect((await taken())?.fields).toMatchObject({ exchange: "", routingKey: queue })
  })

  it("fails an attempt whose message no queue wants, and only that", async () => {
    const notifier = made()
    const parts = ["stock.moved", "sales.order.paid", "stock.sold"].map((name, i) => {
      return order({ deliveryId: `dlv_${i}`, event: { name }, subscription: { options: { exchange } } })
    })

    const results = await Promise.all(parts.map((each) => notifier.notify(each)))

    expect(results.map(({ success }) => success)).toEqual([false, true, false])
    expect(results[0]).toMatchObject({ fault: "recipient" })
    expect(results[0]?.isRetryable).not.toBe(false) // somebody may bind a queue
    expect(results[0]?.responseData).toMatch(/wants `stock.moved` of the exchange .*312 NO_ROUTE/)
  })

  it("fails attempts on an exchange that is not there, and no others on that connection", async () => {
    const notifier = made()
    const missing = order({ deliveryId: "dlv_1", subscription: { options: { exchange: "nowhere" } } })
    const there = order({ deliveryId: "dlv_2", subscription: { options: { exchange } } })

    const results = await Promise.all([missing, there, missing].map((each) => notifier.notify(each)))

    expect(results.map(({ success }) => success)).toEqual([false, true, false])
    expect(results[0]?.responseData).toMatch(/404 \(NOT-FOUND\).*no exchange 'nowhere'/)
    await channel.assertExchange("nowhere", "fanout", { autoDelete: true })
    await channel.bindQueue(queue, "nowhere", "")
    expect(await notifier.notify(missing)).toMatchObject({ success: true })
  })

  it("is written to over one connection, and over a new one when that was cut", async () => {
    const notifier = made()
    await using link = await BrokerLink.open()
    const parts = order({ subscription: { recipient: link.bareUrl, options: { exchange } } })

    await Promise.all([1, 2, 3].map((no) => notifier.notify({ ...parts, deliveryId: `dlv_${no}` })))
    expect(link.connections).toBe(1)
    link.cut()

    await poll(async () => (await notifier.notify(parts)).success).toBe(true)
    expect(link.connections).toBe(2)
  })

  it("is given up by the signal when it confirms nothing, and another connection is made", async () => {
    const notifier = made()
    await using link = await BrokerLink.open()
    const parts = order({ subscription: { recipient: link.bareUrl, options: { exchange } } })
    await notifier.notify(parts)
    link.hold()
    const end = new AbortController()
    const attempt = notifier.notify({ ...parts, deliveryId: "dlv_2", signal: end.signal })
    await link.held

    end.abort(new Error("The time is over"))

    await expect(attempt).rejects.toThrow("The time is over")
    link.letGo()
    expect(await notifier.notify({ ...parts, deliveryId: "dlv_3" })).toMatchObject({ success: true })
    expect(link.connections).toBe(2)
  })

  it("is called by TLS where its certificate is one that the subscription trusts", async () => {
    const own = makeCertificate({ name: "localhost", isAuthority: true })
    await using link = await BrokerLink.open(own)
    const recipient = `amqps://localhost:${link.port}/`
    const trusting = { exchange, ca: own.certificate }

    expect(await notify({ subscription: { recipient, options: trusting } })).toMatchObject({ success: true })

    const result = await notify({ subscription: { recipient, options: { exchange } } })
    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toContain("DEPTH_ZERO_SELF_SIGNED_CERT")
  })

  it("is not entered with a wrong password, which is not told", async () => {
    const credentials = { username: "guest", password: "not-the-password" }

    const result = await notify({ subscription: { options: { exchange, credentials } } })

    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toMatch(/ACCESS.REFUSED|closed/i)
    expect(JSON.stringify(result)).not.toContain("not-the-password")
  })

  it("gets ids that fit no property by their hashes, and whole among the headers", async () => {
    const id = "é".repeat(200)

    expect(await notify({ event: { id }, subscription: { options: { exchange } } })).toMatchObject({
      success: true,
    })

    const message = await taken()
    expect(message?.properties.messageId).toMatch(/^[\w-]{43}$/)
    expect(message?.properties.headers?.["webhook-id"]).toBe(encodeURIComponent(id))
  })

  async function taken(): Promise<GetMessage | undefined> {
    return (await channel.get(queue, { noAck: true })) || undefined
  }
})

describe("an attempt to publish fails", () => {
  it("when nobody listens, without a word of the address", async () => {
    const server = createServer()
    const url = await listening(server)
    await new Promise((resolve) => server.close(resolve))

    const result = await notify({ subscription: { recipient: url, options: { exchange: "orders" } } })

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { request: null } })
    expect(result.responseData).toContain("it refused it (ECONNREFUSED)")
    expect(result.responseData).not.toContain("127.0.0.1")
  })

  it("when something else than a broker answers", async () => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
    const recipient = await listening(server)

    const result = await notify({ subscription: { recipient, options: { exchange: "orders" } } })
    server.close()

    expect(result).toMatchObject({ success: false, fault: "recipient" })
  })

  it("by its signal when a broker says nothing", async () => {
    const met = Promise.withResolvers<void>()
    const server = createServer(() => met.resolve())
    const recipient = await listening(server)
    const end = new AbortController()
    const attempt = notify({
      signal: end.signal,
      subscription: { recipient, options: { exchange: "orders" } },
    })
    await met.promise

    end.abort(new Error("The time is over"))

    await expect(attempt).rejects.toThrow("The time is over")
    server.close()
  })

  it("when its time is over and the broker has said nothing", async () => {
    const server = createServer(() => {})
    const recipient = await listening(server)

    const result = await notify({
      timeoutMs: 200,
      subscription: { recipient, options: { exchange: "orders" } },
    })
    server.close()

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { status: null } })
    expect(result.responseData).toContain("to answer within 200 ms, it did not")
  })

  it("before anything is sent when the message is too large", async () => {
    const result = await made({ mostBytes: 20 }).notify(
      order({ subscription: { options: { exchange: "orders" } } }),
    )

    expect(result).toMatchObject({ success: false, isRetryable: false, fault: "event" })
    expect(result.responseData).toMatch(/at most 20 bytes, got \d+/)
  })

  it("when a broker's name leads inside, though its port may be called", async () => {
    const server = createServer((socket) => socket.destroy())
    const { port } = new URL(await listening(server))
    const notifier = made({ network: networkPolicy({ allow: ["10.4.0.0/16"] }), ports: [Number(port)] })
    const recipient = `amqps://localhost:${port}/`

    const result = await notifier.notify(
      order({ subscription: { recipient, options: { exchange: "orders" } } }),
    )
    server.close()

    expect(result.responseData).toContain("public address")
  })
})

describe("a subscription to an exchange", () => {
  it.each([
    ["a broker at a public name", {}],
    ["a port that brokers have", { recipient: "amqps://rabbit.shop.example:5672/orders" }],
    ["a queue by its name", { options: { routingKey: "orders" } }],
  ])("is made for %s", async (_, wish) => {
    await expect(checked(wish)).resolves.toBeUndefined()
  })

  it.each([
    ["a page", { recipient: "https://shop.example/" }, /a broker's URL/],
    ["a name", { recipient: "orders" }, /a broker's URL/],
    ["settings of the driver", { recipient: "amqps://rabbit.shop.example/?frameMax=1" }, /without a query/],
    ["a password in it", { recipient: "amqps://a:pa55word@rabbit.shop.example/" }, /no user and password/],
    ["no TLS", { recipient: "amqp://rabbit.shop.example/" }, /public address/],
    ["this machine", { recipient: "amqps://127.0.0.1/" }, /public address/],
    ["another port", { recipient: "amqps://rabbit.shop.example:22/" }, /public address/],
    ["neither exchange nor queue", { options: {} }, /`options.exchange`/],
    ["an exchange that is no text", { options: { exchange: 7 } }, /`options.exchange`/],
    [
      "a certificate that is none",
      { options: { exchange: "a", ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" } },
      /`ca` to be certificates/,
    ],
    ["an unknown option", { options: { exchange: "a", queue: "b" } }, /got `queue`/],
    ["a reserved header", { headers: { "webhook-id": "1" } }, /webhook-id/],
  ])("is refused for %s", async (_, wish, words) => {
    const refusal = checked(wish)

    await expect(refusal).rejects.toThrow(words)
    await expect(refusal).rejects.not.toThrow("pa55word")
  })
})

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve(`amqp://127.0.0.1:${(server.address() as AddressInfo).port}`)
    })
  })
}

function made(given: Partial<AmqpOptions> = {}): Notifier {
  const notifier = amqpNotifier({ network: networkPolicy({ allow: ["loopback"] }), ...given })
  notifiers.push(notifier)
  return notifier
}

function notify(parts: NotificationParts): Promise<NotifierResult> {
  return made().notify(order(parts))
}

function order(parts: NotificationParts) {
  const { hostname, port } = new URL(RABBIT_URL)
  const recipient = `amqp://${hostname}:${port || 5672}`
  return notificationOf({ ...parts, subscription: { recipient, ...parts.subscription } })
}

async function checked(wish: object): Promise<void> {
  const recipient = "amqps://rabbit.shop.example/shop"
  await made({ network: networkPolicy() }).check?.({
    recipient,
    form: "legacy",
    headers: {},
    options: { exchange: "orders" },
    ...wish,
  })
}

/** Asks for as long as a busy machine may take. */
function poll<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 50_000 })
}
