import { createCarillon } from "carillon"
import { movingClock } from "carillon/testing"
import { afterEach, describe, expect, it } from "vitest"
import { DOWN, FakeNotifier, OK, status } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"

const SECRET = "a-secret-of-at-least-thirty-two-characters"
const HOUR = 3_600_000
const WRONG = "https://shop.example/oders"
const RIGHT = "https://shop.example/orders"

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** A webhook that was given a wrong address, where nobody answers; the right one is another. */
async function setup() {
  const place = await placeOn("sqlite", "webhooks_mended")
  cleanups.push(() => place.remove())
  const notifier = new FakeNotifier()
  notifier.answer = ({ subscription }) => (subscription.recipient === WRONG ? DOWN : OK)
  const clock = movingClock()
  const open = async () => {
    const carillon = await createCarillon({
      database: place.database,
      clock,
      storeThread: "main",
      logger: false,
      group: "shop",
      secret: SECRET,
      random: () => 0,
      leaseMs: 20 * 24 * HOUR,
      webhooks: { notifiers: [notifier] },
    })
    cleanups.push(() => carillon.stop())
    return carillon
  }
  const carillon = await open()
  const policy = { delays: Array(20).fill(HOUR) }
  const { id } = await carillon.webhooks.create({
    events: "order.placed",
    recipient: WRONG,
    notifier: "fake",
    policy,
  })
  return { carillon, notifier, id, clock, open }
}

function placed(count: number) {
  return Array.from({ length: count }, (_, i) => ({ name: "order.placed", data: { id: `ord_${i}` } }))
}

describe("a webhook that rests", () => {
  it("is sent what waits as soon as it is given another recipient, or enabled", async () => {
    for (const mend of ["update", "enable"] as const) {
      const { carillon, notifier, id } = await setup()
      await carillon.start()
      await carillon.emit(placed(40))
      await carillon.drain()
      expect((await carillon.webhooks.get(id)).state).toBe("resting")
      notifier.answer = () => OK
      const before = notifier.told.length

      const { state } = await (mend === "update"
        ? carillon.webhooks.update(id, { recipient: RIGHT })
        : carillon.webhooks.enable(id))
      await carillon.drain()

      expect(state).toBe("active")
      expect([mend, notifier.told.length - before > 20]).toEqual([mend, true])
    }
  })

  it("goes on resting when something else of it is changed", async () => {
    const { carillon, id } = await setup()
    await carillon.start()
    await carillon.emit(placed(40))
    await carillon.drain()

    const changed = await carillon.webhooks.update(id, { description: "the ERP" })

    expect(changed.state).toBe("resting")
  })
})

it("is not disabled for what the recipient says that it had before", async () => {
  const { carillon, notifier, id } = await setup()
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  notifier.answer = async ({ subscription }) => {
    if (subscription.recipient !== WRONG) return OK
    asked.resolve()
    await answer.promise
    return status(410, { disable: "gone" })
  }
  await carillon.start()
  await carillon.emit(placed(1))
  await asked.promise

  await carillon.webhooks.update(id, { recipient: RIGHT })
  answer.resolve()
  await carillon.drain()

  expect((await carillon.webhooks.get(id)).disabled).toBeNull()
})
