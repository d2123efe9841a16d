import { type CarillonOptions, createCarillon } from "carillon"
import { afterEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { DOWN, FakeNotifier, hanging, status } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"

const SECRET = "a-secret-of-at-least-thirty-two-characters"

await describeEngines((engine) => {
  const cleanups: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean()
  })

  async function setup(options: CarillonOptions = {}) {
    const place = await placeOn(engine, "webhooks_sending")
    cleanups.push(() => place.remove())
    const notifier = new FakeNotifier()
    const open = async (more: CarillonOptions = {}) => {
      const carillon = await createCarillon({
        database: place.database,
        logger: false,
        group: "shop",
        secret: SECRET,
        random: () => 0,
        pollMs: 100,
        webhooks: { notifiers: [notifier] },
        ...options,
        ...more,
      })
      cleanups.push(() => carillon.stop())
      return carillon
    }
    return { open, notifier, place }
  }

  const orders = { events: "order.placed", recipient: "https://shop.example/orders", notifier: "fake" }
  const placed = { name: "order.placed", data: { id: "ord_1001", total: 40 } }

  it("tells the recipient of what is emitted, and keeps each attempt with what was sent and came back", async () => {
    const { open, notifier } = await setup()
    notifier.answer = () => status(200)
    const carillon = await open()
    const webhook = await carillon.webhooks.create({ ...orders, fields: ["id"] })
    await carillon.start()

    const [receipt] = await carillon.emit(placed)
    await carillon.drain()

    const { deliveries } = await carillon.trace(receipt?.id ?? "")
    expect(notifier.data).toEqual([{ id: "ord_1001" }])
    expect(notifier.told[0]?.timeoutMs).toSatisfy(Number.isInteger)
    expect(notifier.told[0]).toMatchObject({ attempt: 1, isTest: false, subscription: { id: webhook.id } })
    expect(deliveries).toMatchObject([
      {
        subscription: webhook.id,
        state: "delivered",
        attempts: [{ attempt: 1, outcome: "delivered", details: { status: 200, request: { bytes: 20 } } }],
      },
    ])
    const { items } = await carillon.listDeliveries({ subscription: webhook.id })
    expect(items).toMatchObject([{ eventName: "order.placed", attempts: [{ details: { status: 200 } }] }])
  })

  it("finds what was emitted before a process that sends was started", async () => {
    const { open, notifier } = await setup()
    const shop = await open({ webhooks: false })
    await shop.start()
    const sender = await open()
    await sender.webhooks.create(orders)
    await shop.emit(placed)
    await shop.drain()
    expect(notifier.told).toEqual([])

    await sender.start()
    await sender.drain()

    expect(notifier.data).toEqual([placed.data])
  })

  it("tries again by the policy, and keeps what came of each attempt", async () => {
    const { open, notifier } = await setup()
    const carillon = await open()
    await carillon.webhooks.create({ ...orders, policy: { delays: [0, 0] } })
    await carillon.start()
    notifier.answer = ({ attempt }) => (attempt < 3 ? status(500) : status(200))

    const [receipt] = await carillon.emit(placed)
    await carillon.drain()

    const { deliveries } = await carillon.trace(receipt?.id ?? "")
    const statuses = deliveries[0]?.attempts.map(({ outcome, details }) => [outcome, details?.status])
    expect(statuses).toEqual([
      ["retry", 500],
      ["retry", 500],
      ["delivered", 200],
    ])
  })

  it("sends by the terms of now, and nothing more when it is removed", async () => {
    const { open, notifier } = await setup()
    const carillon = await open()
    await carillon.start()
    const { id } = await carillon.webhooks.create(orders)
    await carillon.webhooks.update(id, { recipient: "https://shop.example/new", policy: { concurrency: 1 } })

    await carillon.emit(placed)
    await carillon.drain()
    await carillon.webhooks.remove(id)
    await carillon.emit(placed)
    await carillon.drain()

    expect(notifier.told.map(({ subscription }) => subscription.recipient)).toEqual([
      "https://shop.example/new",
    ])
  })

  it("lets what comes wait while it is paused, and sends it afterwards", async () => {
    const { open, notifier } = await setup()
    const carillon = await open()
    await carillon.start()
    const { id } = await carillon.webhooks.create(orders)
    await carillon.webhooks.pause(id)
    await carillon.emit(placed)
    await carillon.drain()
    expect(notifier.told).toEqual([])

    await carillon.webhooks.resume(id)
    await carillon.drain()

    expect(notifier.data).toEqual([placed.data])
  })

  it("hears in each process of what another has made", async () => {
    const { open, notifier } = await setup()
    const office = await open()
    const sender = await open()
    await sender.start()

    await office.webhooks.create(orders)
    await office.emit(placed)
    await expect.poll(() => notifier.data).toEqual([placed.data])
  })

  it("lets attempts end when it stops, and leaves those that do not to others, with all their attempts", async () => {
    const { open, notifier } = await setup({ graceMs: 300 })
    const first = await open()
    await first.webhooks.create({ ...orders, policy: { concurrency: 1, retries: 0 } })
    await first.start()
    notifier.answer = hanging
    const [receipt] = await first.emit(placed)
    await expect.poll(() => notifier.told.length).toBe(1)

    await first.stop()

    notifier.answer = () => status(200)
    const second = await open()
    const { deliveries } = await second.trace(receipt?.id ?? "")
    expect(deliveries).toMatchObject([{ state: "waiting", attempts: [] }])
    await second.start()
    await second.drain()
    expect(notifier.told).toHaveLength(2)
    expect((await second.trace(receipt?.id ?? "")).deliveries).toMatchObject([{ state: "delivered" }])
  })

  it("outlives a notifier that says what no store can keep, and one that says nothing", async () => {
    const { open, notifier } = await setup()
    const carillon = await open()
    const { id } = await carillon.webhooks.create({ ...orders, policy: { retries: 0 } })
    await carillon.start()
    const circle: Record<string, unknown> = { status: 200, amount: 7n }
    circle.self = circle
    const answers: unknown[] = [{ success: true, responseData: "", details: circle }, { said: "thank you" }]
    notifier.answer = () => answers.shift() as never

    await carillon.emit(placed)
    await carillon.drain()
    await carillon.emit(placed)
    await carillon.drain()

    const { items } = await carillon.listDeliveries({ subscription: id })
    expect(items.map(({ state }) => state).toSorted()).toEqual(["dead", "delivered"])
    expect(items.find(({ state }) => state === "delivered")?.attempts).toMatchObject([
      { details: { status: 200 } },
    ])
    expect(items.find(({ state }) => state === "dead")?.error).toMatch(/notifier `fake` .*`success`/)
    notifier.answer = () => undefined as never
    expect(await carillon.webhooks.test(id)).toMatchObject({ success: false, details: null })
  })

  it("uses up no attempt where the fault is ours", async () => {
    const { open, notifier } = await setup()
    const carillon = await open()
    await carillon.webhooks.create({ ...orders, policy: { retries: 0 } })
    await carillon.start()
    let faults = 1
    notifier.answer = () => (faults-- > 0 ? { ...DOWN, fault: "sender" } : status(200))

    const [receipt] = await carillon.emit(placed)
    await carillon.drain()
    const { deliveries } = await carillon.trace(receipt?.id ?? "")
    expect(deliveries).toMatchObject([{ state: "waiting", attempts: [], error: "the shop is closed" }])
  })
})
