import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { createCarillon } from "carillon"
import { webhookReceiver } from "carillon/testing"
import { pino } from "pino"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { App } from "../../src/app/app.ts"
import { loadApp } from "../../src/app/load.ts"
import { runHere } from "../support/command-line.ts"
import { describeRabbit } from "../support/rabbit.ts"
import { ShopBroker } from "../support/shop-broker.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const SECRET = "a-secret-of-at-least-thirty-two-characters"
const ORDERS = "Magento\\Sales\\Api\\OrderRepositoryInterface"

const ends: (() => unknown)[] = []
/** The last that began ends first: an app that still runs would make its queues again. */
function atEnd(end: () => unknown): void {
  ends.push(end)
}
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "carillon-magento-"))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
})

describe("an app for a Magento shop", () => {
  it("has the shop's events, by a file that is made of its XML", async () => {
    write("etc/async_events.xml", XML)

    const imported = await magento("import", join(folder, "etc/async_events.xml"), "--out", events())

    expect(imported).toMatchObject({ code: 0, out: "" })
    expect(imported.err).toContain("2 events are defined in")
    expect(imported.err).toContain('"Magento\\\\Sales\\\\Api\\\\OrderRepositoryInterface": "orderRepository"')
    const { config } = await loadApp({ folder: app({ [ORDERS]: "orders" }), mode: "start" })
    expect(config.carillon.definitions).toMatchObject([
      {
        name: "sales.order.created",
        resolve: { service: "orders", method: "get" },
        resources: ["Magento_Sales::actions_view"],
      },
      { name: "sales.order.paid", resolve: { service: "orders", method: "get" } },
    ])
  })

  it("does not start while a class of the shop's has no service", async () => {
    write("etc/async_events.xml", XML)
    await magento("import", join(folder, "etc/async_events.xml"), "--out", events())

    await expect(loadApp({ folder: app({}), mode: "start" })).rejects.toThrow(
      `got none for \`${ORDERS}\` (of \`sales.order.created\`, \`sales.order.paid\`)`,
    )
  })

  it("does not start with a service that the container does not have", async () => {
    write("etc/async_events.xml", XML)
    await magento("import", join(folder, "etc/async_events.xml"), "--out", events())
    const loaded = await loadApp({ folder: app({ [ORDERS]: "orderz" }), mode: "start" })

    const started = App.start(loaded, { logger: pino({ enabled: false }), mode: "start", answersHttp: false })

    await expect(started).rejects.toThrow(/the service `orderz`, which resolves `sales.order.created`/)
  })

  it.each([
    [{ amqp: { url: "https://shop.example/" } }, /carillon.config.ts: Expected `magento.amqp.url`/],
    [{ amqp: { url: "amqp://shop:pa55word@rabbit/?heartbeat=1" } }, /without a query/],
    [{ amqp: { url: "amqp://rabbit/", queues: 1 } }, /got `queues`/],
    [{ amqp: { url: "amqp://rabbit/", prefetch: 0 } }, /`magento.amqp.prefetch`/],
    [{ service: {} }, /services, amqp, got `service`/],
    [{ services: { [ORDERS]: 7 } }, /name a service for each class/],
  ])("refuses %j of its configuration", async (settings, words) => {
    write("carillon.config.ts", `export default { magento: ${JSON.stringify(settings)} }`)

    const loading = loadApp({ folder, mode: "start" })

    await expect(loading).rejects.toThrow(words)
    await expect(loading).rejects.not.toThrow("pa55word")
  })

  it("overwrites no file of somebody's own when events are imported, unless it is told to", async () => {
    write("etc/async_events.xml", XML)
    write("src/events/magento.ts", "export const mine = 1\n")
    const words = ["import", join(folder, "etc/async_events.xml"), "--out", events()]

    expect(await magento(...words)).toMatchObject({ code: 1, err: expect.stringContaining("somebody's own") })
    expect(readFileSync(events(), "utf8")).toBe("export const mine = 1\n")
    expect(await magento(...words, "--force")).toMatchObject({ code: 0 })
    expect(await magento(...words)).toMatchObject({ code: 0 }) // its own it writes anew
  })
})

await describeRabbit("an app that listens at its shop's broker", () => {
  let shop: ShopBroker
  beforeEach(async () => {
    shop = await ShopBroker.open()
    atEnd(() => shop[Symbol.asyncDispose]())
    write("etc/async_events.xml", XML)
    await magento("import", join(folder, "etc/async_events.xml"), "--out", events())
  })

  it("sends what the shop's own API says of an order that it published", async () => {
    const api = await shopApi()
    const receiver = await webhookReceiver()
    atEnd(() => receiver.close())
    const loaded = await loadApp({ folder: app({ [ORDERS]: "orders" }, api), mode: "start" })
    const started = await App.start(loaded, { logger: QUIET, mode: "start", answersHttp: false })
    atEnd(() => started.stop())
    await started.carillon.webhooks.create({
      events: "sales.order.*",
      recipient: receiver.url,
      form: "legacy",
      secret: "fv38u07Wdh$R@mRd",
    })

    await shop.publish("sales.order.created", { id: 1001 })

    const [request] = await receiver.waitFor(1)
    expect(request?.json()).toEqual({ data: { entity_id: 1001, status: "pending" } })
    await started.stop()
    expect(await shop.listeners()).toBe(0)
  })

  it("may have a process that does nothing else, and ends in peace", async () => {
    const listener = spawn(process.execPath, [main, "magento", "listen", app({ [ORDERS]: "orders" })], {
      cwd: folder,
      env: { ...process.env, CARILLON_SECRET: SECRET },
      stdio: ["ignore", "pipe", "inherit"],
    })
    atEnd(() => void listener.kill("SIGKILL"))

    await shop.publish("sales.order.created", { id: 1001 })
    await poll(() => shop.listeners()).toBe(1)
    await poll(() => shop.waiting()).toBe(0)
    listener.kill("SIGTERM")

    expect(await once(listener, "exit")).toEqual([0, null])
    const carillon = await createCarillon({ database: join(folder, "shop.db"), logger: false })
    atEnd(() => carillon.stop())
    expect((await carillon.listEvents()).items).toMatchObject([
      { name: "sales.order.created", data: { id: 1001 } },
    ])
  })

  it("lists what was refused, and takes it again when that is mended", async () => {
    const place = app({ [ORDERS]: "orders" })
    const first = await App.start(await loadApp({ folder: place, mode: "start" }), OPTIONS)
    await shop.publish("sales.order.shipped", { id: 7 }, { messageId: "m-7" })
    await poll(() => shop.waiting(shop.refusedQueue)).toBe(1)
    await first.stop()

    const { out } = await magento("refused", place, "--json")
    expect(JSON.parse(out)).toEqual([
      {
        eventName: "sales.order.shipped",
        messageId: "m-7",
        code: "CARILLON_UNKNOWN_EVENT",
        reason: expect.stringContaining("sales.order.shipped"),
        refusedAt: expect.stringMatching(/^\d{4}-/),
      },
    ])
    expect((await magento("refused", place)).out).toMatch(/sales.order.shipped +m-7 +CARILLON_UNKNOWN_EVENT/)
    expect(await shop.waiting(shop.refusedQueue)).toBe(1)

    const shipped = `import { defineEvent } from "carillon"\nexport default defineEvent("sales.order.shipped", {})\n`
    write("src/events/shipped.ts", shipped)
    expect((await magento("refused", place, "--retry")).out).toBe(
      `1 messages are back in the queue ${shop.queue}\n`,
    )
    const second = await App.start(await loadApp({ folder: place, mode: "start" }), OPTIONS)
    atEnd(() => second.stop())

    await poll(async () => (await second.carillon.listEvents()).items).toMatchObject([
      { name: "sales.order.shipped", data: { id: 7 } },
    ])
    expect(await shop.waiting(shop.refusedQueue)).toBe(0)
  })

  /** With a resolver as one would write it for a shop. */
  function app(services: Readonly<Record<string, string>>, shopUrl = "http://127.0.0.1:1"): string {
    return writeApp({ services, amqp: shop.settings }, shopUrl)
  }
})

const QUIET = pino({ enabled: false })
const OPTIONS = { logger: QUIET, mode: "start", answersHttp: false } as const

const XML = `<?xml version="1.0"?>
<config xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="urn:magento:module:Aligent_AsyncEvents:etc/async_events.xsd">
    <async_event name="sales.order.created">
        <service class="Magento\\Sales\\Api\\OrderRepositoryInterface" method="get"/>
        <resources><resource>Magento_Sales::actions_view</resource></resources>
    </async_event>
    <async_event name="sales.order.paid">
        <service class="Magento\\Sales\\Api\\OrderRepositoryInterface" method="get"/>
    </async_event>
</config>
`

function app(services: Readonly<Record<string, string>>): string {
  return writeApp({ services }, "http://127.0.0.1:1")
}

function writeApp(magento: object, shopUrl: string): string {
  write(
    "carillon.config.ts",
    `import { defineConfig } from "carillon"

export default defineConfig({
  database: "shop.db",
  group: "shop",
  secret: "${SECRET}",
  logLevel: "error",
  http: false,
  webhooks: { network: { allow: ["loopback"] } },
  services: {
    orders: () => ({
      get: async ({ id }: { id: number }) => {
        const answer = await fetch(\`${shopUrl}/rest/V1/orders/\${id}\`)
        if (!answer.ok) throw new Error(\`The shop answered \${answer.status}\`)
        return answer.json()
      },
    }),
  },
  magento: ${JSON.stringify(magento)},
})
`,
  )
  return folder
}

function events(): string {
  return join(folder, "src/events/magento.ts")
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

function magento(...words: readonly string[]) {
  return runHere(["magento", ...words], {})
}

/** What a shop's own REST API answers. */
async function shopApi(): Promise<string> {
  const server = createServer((request, response) => {
    const id = Number(request.url?.split("/").at(-1))
    response.writeHead(200, { "content-type": "application/json" })
    response.end(JSON.stringify({ entity_id: id, status: "pending" }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  atEnd(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Asks for as long as a busy machine may take. */
function poll<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 50_000 })
}
