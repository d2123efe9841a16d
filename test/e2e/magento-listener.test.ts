import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import {
  type Carillon,
  type CarillonOptions,
  createCarillon,
  defineEvent,
  StoreUnavailableError,
} from "carillon"
import { webhookReceiver } from "carillon/testing"
import { verifyLegacyWebhook } from "carillon/webhooks"
import { afterEach, beforeEach, expect, it } from "vitest"
import {
  type ListenerPauses,
  type ListeningCarillon,
  MagentoListener,
} from "../../src/compat/magento/listener/listener.ts"
import { type MagentoAmqp, resolveListener } from "../../src/compat/magento/listener/settings.ts"
import { BrokerLink } from "../support/broker-link.ts"
import { describeRabbit } from "../support/rabbit.ts"
import { ShopBroker } from "../support/shop-broker.ts"

const ends: (() => unknown)[] = []
/** The last that began ends first: a listener that still runs would make its queues again. */
function atEnd(end: () => unknown): void {
  ends.push(end)
}
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

await describeRabbit("a listener at a Magento shop's broker", () => {
  let shop: ShopBroker

  beforeEach(async () => {
    shop = await ShopBroker.open()
    atEnd(() => shop[Symbol.asyncDispose]())
  })

  it("brings the shop's events to webhooks, which tell how things stand in the shop", async () => {
    const api = await shopApi({ 1001: { increment_id: "000001001", status: "pending" } })
    const receiver = await webhookReceiver()
    atEnd(() => receiver.close())
    const carillon = await opened({ definitions: [orderCreated(api.url)] })
    await carillon.start()
    await carillon.webhooks.create({
      events: "sales.order.created",
      recipient: `${receiver.url}/order_created`,
      form: "legacy",
      secret: "fv38u07Wdh$R@mRd",
    })
    await listening(carillon)

    await shop.publish("sales.order.created", { id: "1001" })

    const [request] = await receiver.waitFor(1)
    expect(request?.json()).toEqual({ data: { increment_id: "000001001", status: "pending" } })
    const body = request?.body ?? Buffer.of()
    await verifyLegacyWebhook({ body, headers: request?.headers ?? {}, token: "fv38u07Wdh$R@mRd" })
    expect(api.asked).toEqual(["/rest/V1/orders/1001"])
  })

  it("keeps the store that an event is of", async () => {
    const carillon = await opened()
    await listening(carillon)

    await shop.publish("stock.moved", { sku: "mug" }, { storeId: "2" })
    await shop.publish("stock.moved", { sku: "cup" })

    const events = await eventsIn(carillon, 2)
    expect(events.map(({ data, metadata }) => [data, metadata.storeId])).toEqual([
      [{ sku: "mug" }, 2],
      [{ sku: "cup" }, undefined],
    ])
  })

  it("takes a name in the case in which Magento reads its definitions", async () => {
    const carillon = await opened({ definitions: [defineEvent("Sales.Order.Created", {})] })
    await listening(carillon)

    await shop.publish("sales.order.created", { id: 1 })

    expect(await eventsIn(carillon, 1)).toMatchObject([{ name: "Sales.Order.Created" }])
  })

  it("takes a message that comes again as the one event it is", async () => {
    const carillon = await opened()
    await listening(carillon)

    await shop.publish("stock.moved", { sku: "mug" }, { messageId: "m-1" })
    await shop.publish("stock.moved", { sku: "mug" }, { messageId: "m-1" })
    await shop.publish("stock.moved", { sku: "cup" }, { messageId: "m-1" }) // an id that PHP made twice
    await shop.publish("stock.moved", { sku: "pot" }, { messageId: null })
    await shop.publish("stock.moved", { sku: "pot" }, { messageId: null }) // nobody can tell
    await shop.publish("stock.moved", { sku: "end" })

    await until(carillon, (events) => events.some(({ data }) => isOf(data, "end")))
    const events = await eventsIn(carillon, 5)
    expect(events.map(({ data }) => (data as { sku: string }).sku)).toEqual([
      "mug",
      "cup",
      "pot",
      "pot",
      "end",
    ])
  })

  it.each([
    [
      "an event that is not defined",
      '["sales.order.lost","{}"]',
      "CARILLON_UNKNOWN_EVENT",
      /sales.order.lost/,
    ],
    ["no JSON", "sales.order.created", "CARILLON_INVALID_INPUT", /to be JSON, got 19 characters/],
    ["no list", '{"name":"stock.moved"}', "CARILLON_INVALID_INPUT", /an object/],
    ["an empty list", "[]", "CARILLON_INVALID_INPUT", /an array of 0/],
    ["a name alone", '["stock.moved"]', "CARILLON_INVALID_INPUT", /jsonArguments/],
    [
      "arguments that are no JSON",
      '["stock.moved","{sku"]',
      "CARILLON_INVALID_INPUT",
      /arguments of `stock.moved`/,
    ],
    ["arguments without names", '["stock.moved","[1]"]', "CARILLON_INVALID_INPUT", /an object/],
    ["a store that is none", '["stock.moved","{}","berlin"]', "CARILLON_INVALID_INPUT", /storeId/],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00]), "CARILLON_INVALID_INPUT", /to be JSON/],
    [
      "an event too large",
      `["stock.moved",${JSON.stringify(JSON.stringify({ note: "x".repeat(300_000) }))}]`,
      "CARILLON_EVENT_TOO_LARGE",
      /262144 bytes/,
    ],
  ])("parks %s with the reason, tells of it, and goes on", async (_, body, code, words) => {
    const logged: string[] = []
    const carillon = await opened({ logger: loggerTo(logged) })
    const told: unknown[] = []
    carillon.events.subscribe("carillon.message.refused", ({ data }) => void told.push(data), {
      subscriberId: "operators",
      scope: null,
    })
    await carillon.start()
    await listening(carillon)

    await shop.send(body, { messageId: "m-1" })
    await shop.publish("stock.moved", { sku: "mug" })

    await until(carillon, (events) => events.some(({ name }) => name === "stock.moved"))
    await poll(() => shop.waiting(shop.refusedQueue)).toBe(1)
    const parked = await shop.nextRefused()
    expect(parked?.content).toEqual(Buffer.from(body))
    expect(parked?.properties).toMatchObject({
      messageId: "m-1",
      deliveryMode: 2,
      headers: {
        "x-carillon-code": code,
        "x-carillon-reason": expect.stringMatching(words),
        "x-carillon-queue": shop.queue,
        store_id: "default",
      },
    })
    await poll(() => told).toHaveLength(1)
    expect(told).toMatchObject([
      { queue: shop.queue, refusedQueue: shop.refusedQueue, messageId: "m-1", code },
    ])
    expect(logged.filter((line) => words.test(line))).toHaveLength(1)
    expect(await shop.waiting()).toBe(0)
  })

  it("tries again while the store does not answer, and parks nothing", async () => {
    const carillon = await opened()
    let failures = 3
    await listening({
      ...listenedTo(carillon),
      publish: async (...words: Parameters<Carillon["publish"]>) => {
        if (failures-- > 0) throw new StoreUnavailableError("The store does not answer")
        return carillon.publish(...words)
      },
    } as ListeningCarillon)

    await shop.publish("stock.moved", { sku: "mug" })

    expect(await eventsIn(carillon, 1)).toHaveLength(1)
    expect(await shop.waiting(shop.refusedQueue)).toBe(0)
  })

  it("tries a resolver again that runs at once, and parks the message when it goes on failing", async () => {
    let fails = 2
    const resolve = ({ sku }: { sku: string }): unknown => {
      if (sku === "gone" || fails-- > 0) throw new Error(`The shop does not know ${sku}`)
      return { sku, stock: 3 }
    }
    const carillon = await opened({
      definitions: [defineEvent("stock.moved", { resolve, resolveAt: "publish" })],
    })
    await listening(carillon)

    await shop.publish("stock.moved", { sku: "mug" })
    await shop.publish("stock.moved", { sku: "gone" })

    expect(await eventsIn(carillon, 1)).toMatchObject([{ data: { sku: "mug", stock: 3 } }])
    await poll(() => shop.waiting(shop.refusedQueue)).toBe(1)
    const parked = await shop.nextRefused()
    expect(parked?.properties.headers).toMatchObject({
      "x-carillon-code": "CARILLON_RESOLVE",
      "x-carillon-reason": expect.stringContaining("The shop does not know gone"),
    })
  })

  it("comes back when its connection is cut, and loses nothing of what came meanwhile", async () => {
    await using link = await BrokerLink.open()
    const carillon = await opened()
    await listening(carillon, { url: link.url })
    await shop.publish("stock.moved", { sku: "mug" })
    await eventsIn(carillon, 1)

    link.cut()
    await shop.publish("stock.moved", { sku: "cup" })

    await eventsIn(carillon, 2)
    expect(link.connections).toBeGreaterThan(1)
    expect(await shop.waiting()).toBe(0)
  })

  it("takes a message once that was written when the connection broke, before the broker knew", async () => {
    await using link = await BrokerLink.open()
    const carillon = await opened()
    const written = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    let calls = 0
    await listening(
      {
        ...listenedTo(carillon),
        publish: async (...words: Parameters<Carillon["publish"]>) => {
          const receipts = await carillon.publish(...words)
          calls++
          written.resolve()
          await goOn.promise // so long it is not acknowledged
          return receipts
        },
      } as ListeningCarillon,
      { url: link.url },
    )
    await shop.publish("stock.moved", { sku: "mug" })
    await written.promise

    link.cut()
    goOn.resolve()

    await poll(() => calls).toBe(2)
    await poll(() => shop.waiting()).toBe(0)
    expect(await eventsIn(carillon, 1)).toHaveLength(1)
  })

  it("waits for a broker that is not there yet, and says so", async () => {
    await using link = await BrokerLink.open()
    link.hold()
    const logged: string[] = []
    const carillon = await opened({ logger: loggerTo(logged) })
    const listener = await listening(carillon, { url: link.url })
    await link.held
    link.cut()
    link.letGo()

    await shop.publish("stock.moved", { sku: "mug" })

    expect(await eventsIn(carillon, 1)).toHaveLength(1)
    expect(logged.find((line) => line.includes("No events come from"))).toContain(shop.queue)
    expect(logged.join()).not.toContain("guest:guest")
    await listener.stop()
  })

  it("says why it does not listen where the shop's exchange is of another kind", async () => {
    const logged: string[] = []
    const carillon = await opened({ logger: loggerTo(logged) })
    const exchange = `${shop.exchange}-fanout`
    await shop.channel.assertExchange(exchange, "fanout", { autoDelete: false })
    atEnd(async () => void (await shop.channel.deleteExchange(exchange).catch(() => {})))

    await listening(carillon, { exchange })

    await poll(() => logged.join()).toMatch(/PRECONDITION.FAILED.*inequivalent arg 'type'/)
    await shop.channel.deleteExchange(exchange)
  })

  it("needs no right to declare anything where all is there", async () => {
    const carillon = await opened()
    await listening(carillon, { declare: false, exchange: "an-exchange-that-nobody-made" })

    await shop.publish("stock.moved", { sku: "mug" })

    expect(await eventsIn(carillon, 1)).toHaveLength(1)
  })

  it("lets what is under way end when it stops, and leaves the rest to the broker", async () => {
    const carillon = await opened()
    const begun = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const listener = await listening(
      {
        ...listenedTo(carillon),
        publish: async (...words: Parameters<Carillon["publish"]>) => {
          begun.resolve()
          await goOn.promise
          return carillon.publish(...words)
        },
      } as ListeningCarillon,
      { prefetch: 1 },
    )
    await shop.publish("stock.moved", { sku: "mug" })
    await shop.publish("stock.moved", { sku: "cup" })
    await begun.promise

    const stopped = listener.stop()
    goOn.resolve()
    await stopped

    expect(await eventsIn(carillon, 1)).toMatchObject([{ data: { sku: "mug" } }])
    await poll(() => shop.waiting()).toBe(1)
    expect(await shop.listeners()).toBe(0)
  })

  it("leaves to the broker what does not end in time", async () => {
    const carillon = await opened()
    const begun = Promise.withResolvers<void>()
    const listener = await listening({
      ...listenedTo(carillon),
      publish: () => {
        begun.resolve()
        return new Promise(() => {})
      },
    } as ListeningCarillon)
    await shop.publish("stock.moved", { sku: "mug" })
    await begun.promise

    await listener.stop(0)

    await poll(() => shop.waiting()).toBe(1)
  })

  async function listening(carillon: ListeningCarillon, more: MagentoAmqp = {}): Promise<MagentoListener> {
    const settings = resolveListener({ ...shop.settings, ...more }, {})
    const listener = new MagentoListener({ carillon, settings, pauses: SHORT })
    atEnd(() => listener.stop(0))
    await listener.start()
    return listener
  }
})

const SHORT: ListenerPauses = { connect: [10, 50], store: [10], resolver: [10, 10, 10] }

async function opened(options: CarillonOptions = {}): Promise<Carillon> {
  const carillon = await createCarillon({
    database: ":memory:",
    secret: "a-secret-of-at-least-thirty-two-characters",
    logger: false,
    definitions: [defineEvent("stock.moved", {})],
    webhooks: { network: { allow: ["loopback"] } },
    ...options,
  })
  atEnd(() => carillon.stop())
  return carillon
}

function listenedTo(carillon: Carillon): ListeningCarillon {
  return {
    publish: carillon.publish,
    logger: carillon.logger,
    definitions: () => carillon.definitions(),
    refusedMessage: (...words) => carillon.refusedMessage(...words),
  }
}

/** What a shop's own REST API answers. */
async function shopApi(orders: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? "")
    const order = orders[request.url?.split("/").at(-1) ?? ""]
    response.writeHead(order === undefined ? 404 : 200, { "content-type": "application/json" })
    response.end(JSON.stringify(order ?? { message: "The entity that was requested doesn't exist." }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  atEnd(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** A resolver as one would write it for a shop. */
function orderCreated(shopUrl: string) {
  return defineEvent("sales.order.created", {
    resolve: async ({ id }: { id: string }, { signal }) => {
      const response = await fetch(`${shopUrl}/rest/V1/orders/${id}`, { signal })
      if (!response.ok) throw new Error(`The shop answered ${response.status}`)
      return response.json()
    },
  })
}

type Events = Awaited<ReturnType<Carillon["listEvents"]>>["items"]

/** The oldest first. */
async function eventsIn(carillon: Carillon, count: number): Promise<Events> {
  return until(carillon, (events) => events.length === count)
}

async function until(carillon: Carillon, holds: (events: Events) => boolean): Promise<Events> {
  const events = async (): Promise<Events> => {
    const { items } = await carillon.listEvents({ limit: 100 })
    return items.filter(({ name }) => !name.startsWith("carillon.")).reverse()
  }
  await poll(async () => holds(await events())).toBe(true)
  return events()
}

function isOf(data: unknown, sku: string): boolean {
  return (data as { sku?: string } | null)?.sku === sku
}

function loggerTo(lines: string[]): CarillonOptions["logger"] {
  const log = (...parts: unknown[]): void => void lines.push(parts.map(String).join(" "))
  return { debug: () => {}, info: log, warn: log, error: log }
}

/** Asks for as long as a busy machine may take. */
function poll<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 50_000 })
}
