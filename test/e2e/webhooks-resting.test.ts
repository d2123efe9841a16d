import { type Carillon, type CarillonOptions, createCarillon } from "carillon"
import { type MovingClock, movingClock } from "carillon/testing"
import type { NewWebhook } from "carillon/webhooks"
import { afterEach, describe, expect, it } from "vitest"
import { DOWN, FakeNotifier, hanging, OK, status } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"
import { passUntil, until } from "../support/workflow-shop.ts"

const SECRET = "a-secret-of-at-least-thirty-two-characters"
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** Senders on one file, with a clock that the test moves; what operators would hear is heard. */
async function setup(options: CarillonOptions = {}) {
  const place = await placeOn("sqlite", "webhooks_resting")
  cleanups.push(() => place.remove())
  const clock = movingClock()
  const notifier = new FakeNotifier()
  const news: unknown[] = []
  const open = async (more: CarillonOptions = {}) => {
    const carillon = await createCarillon({
      database: place.database,
      clock,
      storeThread: "main",
      logger: false,
      group: "shop",
      secret: SECRET,
      random: () => 0,
      leaseMs: DAY * 20,
      pollMs: MINUTE,
      retentionMs: 90 * DAY,
      graceMs: 100,
      webhooks: { notifiers: [notifier] },
      ...options,
      ...more,
    })
    cleanups.push(() => carillon.stop())
    return carillon
  }
  const carillon = await open()
  carillon.events.subscribe("carillon.webhook.*", ({ name, data }) => void news.push([name, data]), {
    subscriberId: "operators",
    scope: null,
  })
  const hook = (over: Partial<NewWebhook> = {}) =>
    carillon.webhooks.create({
      events: "order.placed",
      recipient: "https://shop.example/orders",
      notifier: "fake",
      policy: { timeout: 15_000, maximumTimeout: 15_000, delays: Array(20).fill(HOUR) },
      ...over,
    })
  return { carillon, clock, notifier, news, hook, open }
}

function placed(count: number, from = 1) {
  return Array.from({ length: count }, (_, i) => ({ name: "order.placed", data: { id: `ord_${from + i}` } }))
}

/** A day that nobody has to live through: clocks show another, and what fell due meanwhile is taken. */
async function later(carillon: Carillon, clock: MovingClock, ms: number): Promise<void> {
  clock.set(clock.now() + ms)
  await carillon.drain()
}

function restOf(id: string, until: number) {
  const value = JSON.stringify({
    phase: "resting",
    until,
    trips: 1,
    why: "the shop is closed",
    failing: null,
  })
  return { kind: "put-record", collection: "webhook-states", id, value, ifAbsent: false } as const
}

async function attemptsOf(carillon: Carillon, subscription: string): Promise<number> {
  const { items } = await carillon.listDeliveries({ subscription, limit: 500 })
  return items.reduce((sum, { attempts }) => sum + attempts.length, 0)
}

describe("an endpoint that fails", () => {
  it("is left alone after ten attempts, and the deliveries that wait use up none of theirs", async () => {
    const { carillon, notifier, hook } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = () => DOWN

    await carillon.emit(placed(40))
    await carillon.drain()

    expect(notifier.told.length).toBeLessThan(14)
    expect(await attemptsOf(carillon, id)).toBe(notifier.told.length)
    expect((await carillon.webhooks.get(id)).state).toBe("resting")
    const { items } = await carillon.listDeliveries({ subscription: id, state: "waiting", limit: 500 })
    expect(items.map(({ attempts }) => attempts.length)).toEqual(items.map(() => 0))
    expect(items[0]?.why).toMatch(/^its endpoint rests until 2026-01-01T12:0.*: the shop is closed$/)
  })

  it("gets one attempt when its rest is over, and all that waits once it is back", async () => {
    const { carillon, clock, notifier, hook, news } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = () => DOWN
    await carillon.emit(placed(40))
    await carillon.drain()
    const before = notifier.told.length

    await clock.advance("29s")
    expect(notifier.told.length).toBe(before)
    await clock.advance("1s")
    await carillon.drain()
    expect(notifier.told.length).toBe(before + 1)
    notifier.answer = () => OK
    await clock.advance("60s")
    await carillon.drain()

    expect((await carillon.webhooks.get(id)).state).toBe("active")
    const { items } = await carillon.listDeliveries({ subscription: id, state: "delivered", limit: 500 })
    expect(items.length).toBe(40 - before - 1)
    await clock.advance("1h")
    await carillon.drain()
    expect(
      (await carillon.listDeliveries({ subscription: id, state: "delivered", limit: 500 })).items,
    ).toHaveLength(40)
    expect(news).toMatchObject([
      ["carillon.webhook.resting", { subscription: id, group: "shop", why: "the shop is closed" }],
      ["carillon.webhook.recovered", { subscription: id }],
    ])
  })

  it("is left alone after three attempts without an answer", async () => {
    const { carillon, clock, notifier, hook } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = hanging

    await carillon.emit(placed(20))
    await passUntil(
      clock,
      until(async () => (await carillon.webhooks.get(id)).state === "resting"),
      1_000,
    )

    expect(notifier.told.length).toBeLessThan(6)
  })

  it("rests as long as it asks for, and no other delivery is sent meanwhile", async () => {
    const { carillon, clock, notifier, hook } = await setup()
    const { id } = await hook({ policy: { concurrency: 1, delays: [1_000, 1_000] } })
    await carillon.start()
    notifier.answer = () => status(429, { retryAfter: HOUR })

    await carillon.emit(placed(5))
    await carillon.drain()
    await later(carillon, clock, HOUR - 1_000)
    expect(notifier.told).toHaveLength(1)
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "resting" })

    notifier.answer = () => OK
    await clock.advance("2s")
    await carillon.drain()
    expect(notifier.told).toHaveLength(6)
  })

  it("is never left alone for events that it refuses", async () => {
    const { carillon, notifier, hook } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = () => status(422, { fault: "event" })

    await carillon.emit(placed(40))
    await carillon.drain()

    expect(notifier.told).toHaveLength(40)
    expect((await carillon.webhooks.get(id)).state).toBe("active")
  })

  it("is left alone by every process, and by one that starts later", async () => {
    const { carillon, clock, notifier, hook, open } = await setup()
    const { id } = await hook()
    const sender = await open()
    await sender.start()
    const until = clock.now() + HOUR
    await carillon.records.write(restOf(id, until)) // as another process does it
    await clock.advance("6s")

    const late = await open()
    await late.start()
    for (const each of [sender, late]) {
      await each.emit(placed(10))
      await each.drain()
    }
    expect(notifier.told).toEqual([])

    await later(late, clock, HOUR)
    await late.drain()
    expect(notifier.told.length).toBeGreaterThan(0)
  })

  it("gets one attempt when its rest is over, however many processes send", async () => {
    const { carillon, clock, notifier, hook, open } = await setup()
    await hook()
    const others = [await open(), await open()]
    for (const each of [carillon, ...others]) await each.start()
    notifier.answer = () => DOWN
    await carillon.emit(placed(40))
    for (const each of [carillon, ...others]) await each.drain()
    await clock.advance("2s")
    const before = notifier.told.length
    notifier.answer = hanging

    await clock.advance("30s")

    expect(notifier.told.length - before).toBe(1)
  })

  it("is taken up again at once by whoever enables it", async () => {
    const { carillon, notifier, hook } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = () => DOWN
    await carillon.emit(placed(30))
    await carillon.drain()
    notifier.answer = () => OK

    await carillon.webhooks.disable(id)
    await carillon.webhooks.enable(id)
    await carillon.emit(placed(1, 500))
    await carillon.drain()

    expect((await carillon.webhooks.get(id)).state).toBe("active")
    expect(notifier.data).toContainEqual({ id: "ord_500" })
  })
})

describe("a webhook", () => {
  it("is disabled when its recipient is gone, and what it would get waits", async () => {
    const { carillon, notifier, hook, news } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = () => status(410, { disable: "gone", responseData: "moved away" })

    await carillon.emit(placed(1))
    await carillon.drain()
    await carillon.emit(placed(5, 2))
    await carillon.drain()

    expect(notifier.told).toHaveLength(1)
    expect(await carillon.webhooks.get(id)).toMatchObject({ state: "disabled", disabled: { reason: "gone" } })
    expect(news).toMatchObject([
      [
        "carillon.webhook.disabled",
        {
          subscription: id,
          reason: "gone",
          detail: "410: moved away",
          recipient: "shop.example",
          status: 410,
        },
      ],
    ])
    const { items } = await carillon.listDeliveries({ subscription: id, state: "waiting" })
    expect(items[0]?.why).toBe("the webhook is disabled")
  })

  it("is disabled when all its attempts fail for five days, and there were ten of them", async () => {
    const { carillon, clock, notifier, hook, news } = await setup()
    const { id } = await hook()
    await carillon.start()
    notifier.answer = () => DOWN

    for (let day = 0; day < 4; day++) {
      await carillon.emit(placed(3, day * 3))
      await carillon.drain()
      await later(carillon, clock, HOUR)
      await later(carillon, clock, 23 * HOUR)
      expect((await carillon.webhooks.get(id)).disabled).toBeNull()
    }
    await later(carillon, clock, 23 * HOUR)
    await carillon.emit(placed(1, 100))
    await later(carillon, clock, 2 * HOUR)

    expect(await carillon.webhooks.get(id)).toMatchObject({
      state: "disabled",
      disabled: { reason: "failing", detail: expect.stringMatching(/^all \d+ attempts since 2026-01-01/) },
    })
    await clock.settle()
    await carillon.drain()
    expect(news.at(-1)).toMatchObject([
      "carillon.webhook.disabled",
      { reason: "failing", recipient: "shop.example", status: null },
    ])
  })

  it("is not disabled where one attempt in five days succeeds", async () => {
    const { carillon, clock, notifier, hook } = await setup()
    const { id } = await hook()
    await carillon.start()

    for (let day = 0; day < 8; day++) {
      notifier.answer = () => (day === 4 ? OK : DOWN)
      await carillon.emit(placed(3, day * 3))
      await carillon.drain()
      await later(carillon, clock, DAY)
    }

    expect((await carillon.webhooks.get(id)).disabled).toBeNull()
  })

  it("about Carillon itself does not make news of its own rests", async () => {
    const { carillon, clock, notifier, hook } = await setup()
    const { id } = await hook({ events: ["carillon.*", "order.placed"], scope: null })
    await carillon.start()
    notifier.answer = () => DOWN

    await carillon.emit(placed(30))
    for (let round = 0; round < 10; round++) {
      await carillon.drain()
      await later(carillon, clock, HOUR)
    }

    expect((await carillon.webhooks.get(id)).state).not.toBe("disabled")
    const { items } = await carillon.listEvents({ name: "carillon.webhook.resting" })
    expect(items).toEqual([])
  })
})
