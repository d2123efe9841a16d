import { type Carillon, createCarillon, type DeliveryReport } from "carillon"
import { afterEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { FakeNotifier, status } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"

const SECRET = "a-secret-of-at-least-thirty-two-characters"
const acme = { scopes: ["acme/master"] }

await describeEngines((engine) => {
  const cleanups: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean()
  })

  /** One order of a tenant, which a webhook of theirs and one of the operator's have heard of. */
  async function setup(answer: number, delays: readonly number[] = []) {
    const place = await placeOn(engine, "webhooks_tenants")
    cleanups.push(() => place.remove())
    const notifier = new FakeNotifier()
    notifier.answer = () => status(answer)
    const carillon = await createCarillon({
      database: place.database,
      logger: false,
      group: "shop",
      secret: SECRET,
      pollMs: 50,
      webhooks: { notifiers: [notifier] },
    })
    cleanups.push(() => carillon.stop())
    const orders = { events: "order.placed", notifier: "fake", policy: { delays } }
    const recipient = "https://hooks.example/services/T0001/a-token-in-a-path"
    const operators = await carillon.webhooks.create({ ...orders, recipient, scope: null })
    const theirs = await carillon.webhooks.create({ ...orders, recipient, scope: "acme/master" })
    await carillon.start()
    const [receipt] = await carillon.emit({ name: "order.placed", data: {}, scope: "acme/master" })
    await carillon.drain()
    return { carillon, notifier, operators: operators.id, theirs: theirs.id, event: receipt?.id ?? "" }
  }

  it.each([204, 500])("shows tenants what was sent by webhooks of their own alone (%i)", async (answer) => {
    const { carillon, operators, theirs, event } = await setup(answer)

    const seen = await waysToSee(carillon, event)

    for (const reports of seen) {
      const details = reports.map(({ subscription, attempts }) => [
        subscription,
        attempts[0]?.details ?? null,
      ])
      expect(Object.fromEntries(details)).toEqual({
        [operators]: null,
        [theirs]: expect.objectContaining({ status: answer }),
      })
    }
  })

  it("tells tenants that an endpoint of others rests, and not what it answered", async () => {
    const { carillon, operators, theirs, notifier } = await setup(204, [60_000])
    notifier.answer = () => ({
      success: false,
      responseData: "the operator's bus is full",
      retryAfter: 3_600_000,
    })
    const [receipt] = await carillon.emit({ name: "order.placed", data: {}, scope: "acme/master" })
    await carillon.drain()

    const why = async (options?: typeof acme) => {
      const { deliveries } = await carillon.trace(receipt?.id ?? "", options)
      return Object.fromEntries(deliveries.map((each) => [each.subscription, each.why]))
    }
    const rests = /its endpoint rests until 20\S+Z/
    const toTenants = await why(acme)
    expect(toTenants[operators]).toMatch(new RegExp(`${rests.source}$`))
    expect(toTenants[theirs]).toMatch(new RegExp(`${rests.source}: the operator's bus is full$`))
    expect((await why())[operators]).toMatch(new RegExp(`${rests.source}: the operator's bus is full$`))
  })

  it("shows the operator what was sent by all of them", async () => {
    const { carillon, event } = await setup(204)

    const { deliveries } = await carillon.trace(event, { scopes: "all" })

    expect(deliveries.map(({ attempts }) => attempts[0]?.details?.status)).toEqual([204, 204])
  })

  async function waysToSee(carillon: Carillon, event: string): Promise<readonly DeliveryReport[][]> {
    const { deliveries } = await carillon.trace(event, acme)
    const { items } = await carillon.listDeliveries({ ...acme, name: "order.placed" })
    const dead = (await carillon.deadLetters(acme)).items.filter(
      ({ eventName }) => eventName === "order.placed",
    )
    const single = await Promise.all(deliveries.map(({ deliveryId }) => carillon.delivery(deliveryId, acme)))
    return [[...deliveries], [...items], [...dead], single].filter(({ length }) => length > 0)
  }
})
