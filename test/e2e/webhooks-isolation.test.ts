import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type Carillon, createCarillon } from "carillon"
import { createTestCarillon } from "carillon/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { FakeNotifier, hanging, OK } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"

const HANGING = 500
const HEALTHY = 20

/** Attempts at those that nobody knows, or that fail, have three quarters of all slots at most. */
const SLOTS = 400
const MOST_SUSPECT = 300

/** Takes every request, answers those below `/healthy/`, and holds the others for ever. */
async function receiver() {
  const told = new Map<string, Set<string>>()
  const seen = { hanging: 0, most: 0, total: 0 }
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (request.url?.startsWith("/healthy/")) note(told, request, response)
    else hang(seen, request, response)
  })
  await once(server.listen(0, "127.0.0.1", 1_024), "listening")
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const arrived = (path: string): number => told.get(path)?.size ?? 0
  return { url: (path: string) => `http://127.0.0.1:${port}${path}`, arrived, seen }
}

function note(told: Map<string, Set<string>>, request: IncomingMessage, response: ServerResponse): void {
  const ids = told.get(request.url ?? "") ?? new Set()
  told.set(request.url ?? "", ids.add(String(request.headers["webhook-id"])))
  request.resume().on("end", () => response.end("thank you"))
}

function hang(
  seen: { hanging: number; most: number; total: number },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  seen.total++
  seen.hanging++
  seen.most = Math.max(seen.most, seen.hanging)
  request.resume()
  response.on("close", () => {
    seen.hanging--
  })
}

async function sender(): Promise<Carillon> {
  const place = await placeOn("sqlite", "webhooks_isolation")
  const carillon = await createCarillon({
    database: place.database,
    logger: false,
    group: "shop",
    secret: "a-secret-of-at-least-thirty-two-characters",
    graceMs: 0,
    webhooks: { network: { allow: ["loopback"] }, concurrency: SLOTS },
  })
  onTestFinished(async () => {
    await carillon.stop()
    await place.remove()
  })
  return carillon
}

async function hooks(
  carillon: Carillon,
  recipients: readonly string[],
  wish: { readonly events: string; readonly timeout: number; readonly notifier?: string },
): Promise<void> {
  const { timeout, ...rest } = wish
  // On a busy machine a first attempt may fail of itself.
  const delays = Array(30).fill(500)
  const policy = { timeout, maximumTimeout: timeout, concurrency: 4, delays }
  for (const recipient of recipients) await carillon.webhooks.create({ ...rest, recipient, policy })
}

const paths = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `/${kind}/${i}`)

function placed(count: number, name = "order.placed") {
  return Array.from({ length: count }, (_, i) => ({ name, data: { id: `ord_${i}` } }))
}

it("endpoints that nobody knows are tried before any of those that hang was given up", async () => {
  const notifier = new FakeNotifier()
  notifier.answer = (notification) =>
    notification.subscription.recipient.startsWith("/healthy/") ? OK : hanging(notification)
  const carillon = await createTestCarillon({ webhooks: { notifiers: [notifier] } })
  onTestFinished(() => carillon.stop())
  const all = [...paths("hanging", HANGING), ...paths("healthy", HEALTHY)]
  await hooks(carillon, all, { events: "order.placed", timeout: 15_000, notifier: "fake" })
  for (let i = 0; i < 3; i++) await carillon.emit(placed(1))

  const arrived = () =>
    notifier.told.filter(({ subscription }) => subscription.recipient.startsWith("/healthy/"))
  for (let seconds = 0; seconds < 10 && arrived().length < 3 * HEALTHY; seconds++)
    await carillon.clock.advance("1s")

  expect(arrived()).toHaveLength(3 * HEALTHY)
  expect(notifier.told.every(({ attempt }) => attempt === 1)).toBe(true)
}, 60_000)

describe("beside five hundred endpoints that hang", () => {
  it("those that are known to be well get all of theirs, while not one attempt at the others has ended", async () => {
    const { url, arrived, seen } = await receiver()
    const carillon = await sender()
    const healthy = paths("healthy", HEALTHY)
    await hooks(carillon, healthy.map(url), { events: "order.*", timeout: 60_000 })
    await hooks(carillon, paths("hanging", HANGING).map(url), { events: "order.late", timeout: 60_000 })
    await carillon.start()
    await carillon.emit(placed(1))
    await expect.poll(() => healthy.map(arrived), { timeout: 60_000 }).toEqual(healthy.map(() => 1))
    for (let i = 0; i < 10; i++) await carillon.emit(placed(1, "order.late"))
    await expect.poll(() => seen.hanging, { timeout: 60_000 }).toBeGreaterThan(MOST_SUSPECT / 2)
    const before = process.memoryUsage.rss()

    await carillon.emit(placed(100))

    await expect.poll(() => healthy.map(arrived), { timeout: 60_000 }).toEqual(healthy.map(() => 111))
    expect(seen.total).toBe(seen.hanging)
    expect(seen.most).toBeLessThanOrEqual(MOST_SUSPECT)
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(200)
  }, 180_000)

  it("those that nobody knows yet get all of theirs, and the others are left alone in the end", async () => {
    const { url, arrived, seen } = await receiver()
    const carillon = await sender()
    const healthy = paths("healthy", HEALTHY)
    const all = [...paths("hanging", HANGING / 2), ...healthy, ...paths("hanging", HANGING / 2)]
    await hooks(carillon, all.map(url), { events: "order.placed", timeout: 3_000 })
    await carillon.start()

    for (let i = 0; i < 20; i++) await carillon.emit(placed(1))

    await expect.poll(() => healthy.map(arrived), { timeout: 120_000 }).toEqual(healthy.map(() => 20))
    const resting = async () =>
      (await carillon.webhooks.list()).filter(({ state }) => state === "resting").length
    await expect.poll(resting, { timeout: 120_000, interval: 1_000 }).toBeGreaterThan(HANGING / 2)
    expect(seen.most).toBeLessThanOrEqual(MOST_SUSPECT)
  }, 300_000)
})
