import type { Carillon, EmitOptions } from "carillon"
import { type MovingClock, type WebhookReceiver, webhookReceiver } from "carillon/testing"
import { type NewWebhook, verifyLegacyWebhook, verifyWebhook } from "carillon/webhooks"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const SECRET = "a-secret-of-a-test-of-more-than-32-letters"

/** What is set has to be felt where it arrives: each setting at a receiver on a socket. */
await describeEngines((engine) => {
  let shop: WorkflowShop
  let carillon: Carillon
  let clock: MovingClock
  let receiver: WebhookReceiver
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
    receiver = await webhookReceiver()
    const webhooks = { network: { allow: ["loopback"] } }
    const timed = await shop.timed({ secret: SECRET, webhooks, random: () => 0 })
    carillon = timed.carillon
    clock = timed.clock
  })
  afterEach(async () => {
    await receiver.close()
    await shop.close()
  })

  const hook = (wish: Partial<NewWebhook> = {}) =>
    carillon.webhooks.create({ events: "order.*", recipient: `${receiver.url}/orders`, ...wish })
  const placed = (id: string, more: Partial<EmitOptions> & { readonly data?: object } = {}) => ({
    name: "order.placed",
    id,
    ...more,
    data: { id, ...more.data },
  })
  const emit = async (...events: readonly object[]) => {
    await carillon.emit(events as never)
    await carillon.drain()
  }
  /** What arrived, by the events' ids. */
  const arrived = () => receiver.requests.map(({ headers }) => String(headers["webhook-id"]))
  /** When each attempt was made, in seconds since the first. */
  const times = () => {
    const at = receiver.requests.map(({ headers }) => Number(headers["webhook-timestamp"]))
    return at.map((each) => each - (at[0] ?? 0))
  }
  const pass = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      await clock.advance("1s")
      await carillon.drain()
    }
  }

  describe("which events a receiver gets", () => {
    it("is said by names and wildcards, filter, sender and store together", async () => {
      await hook({
        events: ["order.placed", "customer.*"],
        filter: { data: { total: [{ numeric: [">=", 100] }] } },
        sender: "erp",
        storeId: 2,
      })
      const rich = { data: { total: 100 }, sender: "erp", metadata: { storeId: 2 } }

      await emit(
        placed("ord_1", rich),
        { ...placed("cus_1", rich), name: "customer.created" },
        { ...placed("ord_2", rich), name: "order.cancelled" },
        placed("ord_3", { ...rich, data: { total: 99 } }),
        placed("ord_4", { ...rich, sender: "shop" }),
        placed("ord_5", { ...rich, metadata: { storeId: 3 } }),
      )

      expect(arrived().sort()).toEqual(["cus_1", "ord_1"])
    })

    it("may begin in the past", async () => {
      await emit(placed("ord_1"))
      await clock.advance("1h")
      const since = new Date(clock.now())
      await emit(placed("ord_2"))

      await hook({ start: since })
      await carillon.drain()

      expect(arrived()).toEqual(["ord_2"])
    })

    it("is nothing while it is not enabled, and all of it afterwards", async () => {
      const { id } = await hook({ enabled: false })
      await emit(placed("ord_1"))
      expect(arrived()).toEqual([])

      await carillon.webhooks.update(id, { enabled: true })
      await carillon.drain()

      expect(arrived()).toEqual(["ord_1"])
    })
  })

  describe("what a receiver gets", () => {
    it("is of the data what was selected, with the headers that were set, signed in its form", async () => {
      const wish = { fields: ["id", "items.sku"], headers: { "x-shop": "1001" } }
      const standard = await hook(wish)
      const legacy = await hook({ ...wish, form: "legacy", secret: "fv38u07Wdh$R@mRd" })

      await emit(placed("ord_1", { data: { total: 40, items: [{ sku: "shoe", price: 40 }] } }))

      const selected = { id: "ord_1", items: [{ sku: "shoe" }] }
      const [of, ofLegacy] = [standard, legacy].map((each) =>
        receiver.requests.find(({ headers }) => "x-magento-signature" in headers === (each === legacy)),
      )
      if (of === undefined || ofLegacy === undefined) throw new Error("Both should have been told.")
      expect([of.headers["x-shop"], ofLegacy.headers["x-shop"]]).toEqual(["1001", "1001"])
      const now = new Date(clock.now())
      const verified = await verifyWebhook({ ...of, secret: standard.secret, now })
      expect(verified.payload).toMatchObject({ type: "order.placed", data: selected })
      const checked = await verifyLegacyWebhook({ ...ofLegacy, token: legacy.secret })
      expect(checked.payload).toEqual({ data: selected })
    })
  })

  describe("when it is tried again", () => {
    beforeEach(() => receiver.answer(503))

    it("is said by six settings", async () => {
      const backoff = { initialBackoffDelay: 1_000, exponentialBackoffCoefficient: 3 }
      await hook({ policy: { retries: 4, ...backoff, maximumBackoffDelay: 5_000, jitter: 0 } })

      await emit(placed("ord_1"))
      await pass(20)

      expect(times()).toEqual([0, 1, 4, 9, 14])
      expect((await carillon.deadLetters()).items).toHaveLength(1)
    })

    it("or by a list of delays", async () => {
      await hook({ policy: { delays: [2_000, 1_000, 4_000], jitter: 0 } })

      await emit(placed("ord_1"))
      await pass(10)

      expect(times()).toEqual([0, 2, 3, 7])
    })

    it("is by the schedule of Magento's module where that is wanted", async () => {
      await hook({ policy: "magento" })

      await emit(placed("ord_1"))
      await pass(60)

      expect(times()).toEqual([0, 1, 5, 14, 30, 55])
      const [dead] = (await carillon.deadLetters()).items
      expect(dead?.attempts.map(({ details }) => details?.status)).toEqual(Array(6).fill(503))
    })
  })

  it("a receiver that does not answer is given the time that was set, and more with each attempt", async () => {
    receiver.answer("hang")
    const time = { timeout: 60, exponentialTimeoutCoefficient: 3, maximumTimeout: 120 }
    await hook({ policy: { ...time, delays: [0, 0] } })

    await emit(placed("ord_1"))
    await pass(2)

    const [dead] = (await carillon.deadLetters()).items
    const within = (ms: number) => expect.stringMatching(new RegExp(`within ${ms} ms, none came`))
    expect(dead?.attempts.map(({ error }) => error)).toEqual([within(60), within(120), within(120)])
  })

  describe("how much a receiver gets", () => {
    it("at a time is said by the rate limit, and nothing is lost by it", async () => {
      await hook({ policy: { rateLimit: { limit: 2, per: 10_000 } } })

      await emit(...["ord_1", "ord_2", "ord_3", "ord_4", "ord_5"].map((id) => placed(id)))
      await pass(25)

      expect(arrived().sort()).toEqual(["ord_1", "ord_2", "ord_3", "ord_4", "ord_5"])
      const at = times()
      for (const [i, time] of at.entries())
        expect(at.slice(i).filter((each) => each < time + 10).length).toBeLessThanOrEqual(3)
      expect(at.at(-1)).toBeGreaterThanOrEqual(15)
    })

    it.each([
      ["concurrency", { concurrency: 2 }, 2],
      ["globalConcurrency", { globalConcurrency: 1 }, 1],
      ["keyConcurrency", { keyConcurrency: 1 }, 2],
    ])("at one time is said by %s", async (_, policy, most) => {
      // It is known to be well, so that only its policy holds it back.
      await hook({ policy })
      for (let n = 0; n < 8; n++) await emit(placed(`ord_before_${n}`))
      let running = 0
      const seen: number[] = []
      receiver.answer(async () => {
        seen.push(++running)
        await new Promise((resolve) => setTimeout(resolve, 20))
        running--
        return 200
      })

      await emit(...Array.from({ length: 8 }, (_, n) => placed(`ord_${n}`, { key: `cus_${n % 2}` })))
      await pass(2)

      expect(seen).toHaveLength(8)
      expect(Math.max(...seen)).toBe(most)
    })
  })

  describe("the order in which a receiver gets what has one key", () => {
    const orders = ["ord_1", "ord_2", "ord_3"].map((id) => placed(id, { key: "cus_1" }))

    it("is kept by `hold`, also where one has to be tried again", async () => {
      await hook({ policy: { order: "hold", delays: [1_000, 1_000], jitter: 0 } })
      receiver.answerNext(500)

      await emit(...orders)
      await pass(3)

      expect(arrived()).toEqual(["ord_1", "ord_1", "ord_2", "ord_3"])
    })

    it("is kept by `skip` but for what has to be tried again", async () => {
      await hook({ policy: { order: "skip", delays: [1_000, 1_000], jitter: 0 } })
      receiver.answerNext(500)

      await emit(...orders)
      await pass(3)

      expect(arrived()).toEqual(["ord_1", "ord_2", "ord_3", "ord_1"])
    })
  })
})
