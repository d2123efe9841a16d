import { type Carillon, type CarillonOptions, createCarillon, type Finding } from "carillon"
import { movingClock } from "carillon/testing"
import type { NewWebhook } from "carillon/webhooks"
import { afterEach, describe, expect, it } from "vitest"
import { FakeNotifier, OK } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"

const SECRET = "a-secret-of-at-least-thirty-two-characters"
const OTHER_SECRET = "another-secret-of-at-least-thirty-two-characters"
const DAY = 24 * 60 * 60_000
const OURS = { success: false, responseData: "no names are resolved", fault: "sender" } as const

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** Senders on one file, with a clock that the test moves. */
async function setup() {
  const place = await placeOn("sqlite", "webhooks_stalled")
  cleanups.push(() => place.remove())
  const clock = movingClock()
  const notifier = new FakeNotifier()
  const news: { name: string; data: { subscription: string; since: string; why: string } }[] = []
  const open = async (more: CarillonOptions = {}) => {
    const carillon = await createCarillon({
      database: place.database,
      clock,
      storeThread: "main",
      logger: false,
      group: "shop",
      secret: SECRET,
      random: () => 0,
      leaseMs: 20 * DAY,
      retentionMs: 90 * DAY,
      graceMs: 100,
      webhooks: { notifiers: [notifier] },
      ...more,
    })
    cleanups.push(() => carillon.stop())
    return carillon
  }
  const hear = (carillon: Carillon) =>
    carillon.events.subscribe<{ subscription: string; since: string; why: string }>(
      "carillon.webhook.stalled",
      ({ name, data }) => void news.push({ name, data }),
      { subscriberId: "operators", scope: null },
    )
  return { clock, notifier, news, open, hear }
}

const orders: NewWebhook = {
  events: "order.placed",
  recipient: "https://shop.example/orders",
  notifier: "fake",
  policy: { retries: 0 },
}

function placed(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    name: "order.placed",
    id: `ord_${i}`,
    data: { id: `ord_${i}` },
  }))
}

describe("a webhook that cannot be sent for a fault of Carillon's own", () => {
  it("says so as long as that lasts, with its reason, and is sent when it is over", async () => {
    const { clock, notifier, open } = await setup()
    const carillon = await open()
    const { id } = await carillon.webhooks.create(orders)
    await carillon.start()
    notifier.answer = () => OURS
    const since = new Date(clock.now())
    await carillon.emit(placed(3))
    await clock.advance("1m")
    await carillon.drain()

    const stalled = { since, why: OURS.responseData }
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "stalled", stalled, resting: null })
    expect(await carillon.webhooks.health(id)).toMatchObject({ attempts: 0, waiting: 3, stalled })
    expect(await doctorOf(carillon)).toMatchObject({ verdict: "problem", what: expect.stringContaining(id) })
    const { items } = await carillon.listDeliveries({ subscription: id })
    const why = `nothing is sent, for a fault of Carillon's own since ${since.toISOString()}: ${OURS.responseData}`
    expect(items.map((each) => [each.state, each.why])).toEqual(Array(3).fill(["waiting", why]))

    notifier.answer = () => OK
    await clock.advance("1m")
    await carillon.drain()
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "active", stalled: null })
    expect(await doctorOf(carillon)).toMatchObject({ verdict: "ok" })
    expect(await carillon.webhooks.health(id)).toMatchObject({ successRate: 1, waiting: 0, stalled: null })
  })

  it("is told of once, by however many processes it is seen", async () => {
    const { clock, notifier, open, news, hear } = await setup()
    const [one, other] = [await open(), await open()]
    hear(one)
    const { id } = await one.webhooks.create(orders)
    await Promise.all([one.start(), other.start()])
    notifier.answer = () => OURS
    const since = new Date(clock.now()).toISOString()
    await one.emit(placed(20))
    await clock.advance("20m")
    await one.drain()

    expect(news).toMatchObject([
      { name: "carillon.webhook.stalled", data: { subscription: id, since, why: OURS.responseData } },
    ])
  })

  it("is nothing to speak of where it is over within seconds", async () => {
    const { clock, notifier, open, news, hear } = await setup()
    const carillon = await open()
    hear(carillon)
    const { id } = await carillon.webhooks.create(orders)
    await carillon.start()
    let faults = 3
    notifier.answer = () => (faults-- > 0 ? OURS : OK)
    await carillon.emit(placed(1))
    await clock.advance("1m")
    await carillon.drain()

    expect(news).toEqual([])
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "active", stalled: null })
  })

  it("for want of a key names the key, and waits for it however long it takes", async () => {
    const { clock, notifier, open } = await setup()
    const before = await open()
    const { id } = await before.webhooks.create(orders)
    await before.stop()
    const without = await open({ secret: OTHER_SECRET })
    await without.start()
    await without.emit(placed(1))
    for (let days = 0; days < 10; days++) {
      clock.set(clock.now() + DAY)
      await without.drain()
    }

    expect(await without.webhooks.get(id)).toMatchObject({
      state: "stalled",
      stalled: { why: expect.stringMatching(/^Expected the key `\S+` on the key ring/) },
    })
    await without.stop()
    const mended = await open({ secret: `${OTHER_SECRET},${SECRET}` })
    await mended.start()
    await clock.advance("2m")
    await mended.drain()
    expect(notifier.data).toEqual([{ id: "ord_0" }])
    expect(await mended.webhooks.get(id)).toMatchObject({ state: "active", stalled: null })
  })

  it("in one process is sent by another, and told of once", async () => {
    const { clock, notifier, open, news, hear } = await setup()
    const good = await open()
    hear(good)
    const { id } = await good.webhooks.create({ ...orders, policy: { retries: 0 } })
    const without = await open({ secret: OTHER_SECRET })
    await Promise.all([good.start(), without.start()])
    for (let minute = 0; minute < 30; minute++) {
      await good.emit({ name: "order.placed", id: `ord_good_${minute}`, data: {} })
      await without.emit({ name: "order.placed", id: `ord_without_${minute}`, data: {} })
      await clock.advance("1m")
    }
    for (let minute = 0; notifier.told.length < 60 && minute < 10; minute++) {
      await clock.advance("1m")
      await good.drain()
    }

    expect(new Set(notifier.told.map(({ event }) => event.id)).size).toBe(60)
    expect(notifier.told).toHaveLength(60)
    expect(await good.webhooks.health(id)).toMatchObject({ waiting: 0, successRate: 1, attempts: 60 })
    expect(news.length).toBeLessThanOrEqual(1)
  })

  it("is tried at once by whoever enables it, and says so again where it is not mended", async () => {
    const { clock, notifier, open } = await setup()
    const carillon = await open()
    const { id } = await carillon.webhooks.create(orders)
    await carillon.start()
    notifier.answer = () => OURS
    await carillon.emit(placed(1))
    await clock.advance("10m")
    await carillon.drain()

    expect(await carillon.webhooks.enable(id)).toMatchObject({ state: "active", stalled: null })
    await clock.advance("5m")
    await carillon.drain()
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "stalled" })
    notifier.answer = () => OK
    await carillon.webhooks.enable(id)
    await clock.advance("2m")
    await carillon.drain()
    expect(notifier.told).not.toEqual([])
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "active", stalled: null })
  })
})

async function doctorOf(carillon: Carillon): Promise<Finding | undefined> {
  const { findings } = await carillon.doctor()
  return findings.find(({ check }) => check === "webhooks")
}
