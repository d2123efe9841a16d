import { createHmac } from "node:crypto"
import { defineEvent } from "carillon"
import { type MovingClock, movingClock, type WebhookReceiver, webhookReceiver } from "carillon/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { DoorShop } from "../support/shop-door.ts"

const TOKEN = "fD03@NpYbXYg"
const definitions = [
  defineEvent("sales.order.created", { resolve: { service: "orders", method: "get", params: ["id"] } }),
  defineEvent("sales.order.deleted", {
    resolveAt: "publish",
    resolve: { service: "orders", method: "get", params: ["id"] },
  }),
]

await describeEngines((engine) => {
  let door: DoorShop
  let clock: MovingClock
  let receiver: WebhookReceiver
  const orders = new Map<string, object>()
  beforeEach(async () => {
    orders.clear()
    orders.set("1001", { increment_id: "000001001", customer_email: "zoë@example.com", url: "https://x/y" })
    receiver = await webhookReceiver()
    clock = movingClock()
    door = await DoorShop.open(engine, {
      definitions,
      clock,
      leaseMs: 600_000,
      heartbeatMs: 200_000,
      webhooks: { network: { allow: ["127.0.0.1"] } },
      start: false,
    })
    door.carillon.container.register("orders", { resolve: () => ({ get: findOrder }) } as never)
    await door.carillon.start()
  })
  afterEach(async () => {
    await door.close()
    await receiver.close()
  })

  const findOrder = async (id: string): Promise<object> => {
    const order = orders.get(id)
    if (order === undefined) throw new Error(`The order with ID ${id} does not exist`)
    return order
  }
  const subscribe = async (path: string, over: object = {}): Promise<number> => {
    const { body } = await door.post("/rest/V1/async_event", {
      asyncEvent: {
        event_name: "sales.order.created",
        recipient_url: `${receiver.url}/${path}`,
        verification_token: TOKEN,
        metadata: "http",
        ...over,
      },
    })
    return body.subscription_id
  }
  const publish = (name: string, args: object, storeId?: number) =>
    door.carillon.publish("event.trigger", [name, JSON.stringify(args), storeId])
  const logs = async (query = "searchCriteria=") =>
    (await door.get(`/rest/V1/async_event_logs?${query}`)).body
  const uuidOf = ({ uuid }: { uuid: string }): string => uuid
  const paths = (): string[] => receiver.requests.map(({ path }) => path.slice(1)).toSorted()

  describe("an event that a shop publishes", () => {
    it("is looked up when it is delivered, and signed to the byte", async () => {
      await subscribe("orders")
      await publish("sales.order.created", { id: "1001" })

      const [request] = await receiver.waitFor(1)

      expect(request?.json()).toEqual({ data: orders.get("1001") })
      expect(request?.headers["content-type"]).toBe("application/json")
      expect(request?.headers["x-magento-signature"]).toBe(
        createHmac("sha256", TOKEN)
          .update(request?.body ?? "")
          .digest("hex"),
      )
    })

    it("of a store reaches the subscriptions of that store and of all, and of no store everybody", async () => {
      for (const store_id of [0, 2, 3]) await subscribe(`store-${store_id}`, { store_id })

      await publish("sales.order.created", { id: "1001" }, 2)
      await door.carillon.drain()
      expect(paths()).toEqual(["store-0", "store-2"])

      await publish("sales.order.created", { id: "1001" }, 0)
      await publish("sales.order.created", { id: "1001" })
      await door.carillon.drain()
      expect(paths().filter((path) => path === "store-3")).toHaveLength(2)
    })

    it("whose snapshot was taken is told although there is nothing to look up any more", async () => {
      await subscribe("deleted", { event_name: "sales.order.deleted" })
      await publish("sales.order.deleted", { id: "1001" })
      orders.clear()

      const [request] = await receiver.waitFor(1)

      expect(request?.json()).toMatchObject({ data: { increment_id: "000001001" } })
    })

    it("waits where its subscription is off, and is told when it is on again", async () => {
      const no = await subscribe("orders")
      await door.put(`/rest/V1/async_event/${no}`, { asyncEvent: { status: false } })
      await publish("sales.order.created", { id: "1001" })
      await door.carillon.drain()
      expect(receiver.requests).toEqual([])

      await door.put(`/rest/V1/async_event/${no}`, { asyncEvent: { status: true } })
      await door.carillon.drain()

      expect(receiver.requests).toHaveLength(1)
    })
  })

  describe("what became of it", () => {
    it("is told attempt by attempt, by a shop's schedule", async () => {
      const no = await subscribe("orders")
      receiver.answer({ status: 500, body: "sold out" })
      await publish("sales.order.created", { id: "1001" })
      await door.carillon.drain()
      const pending = (await logs()).items
      for (const ms of [1_000, 4_000, 9_000, 16_000, 25_000]) {
        await clock.advance(ms)
        await door.carillon.drain()
      }

      const { items, total_count, searched_all } = await logs()

      expect(pending).toMatchObject([{ subscription_id: no, attempt: 1, success: false }])
      expect([total_count, searched_all]).toEqual([6, true])
      expect(items[0]).toMatchObject({
        event_name: "sales.order.created",
        attempt: 6,
        success: false,
        status_code: 500,
        response_data: "sold out",
      })
      const { body } = await door.get(`/rest/V1/async_event_logs/${items[0].uuid}`)
      expect(body).toMatchObject({
        status: "Dead Lettered with 5 retries",
        subscription: { subscription_id: no },
        data: { id: "1001" },
      })
      expect(body.attempts.map((each: { attempt: number }) => each.attempt)).toEqual([1, 2, 3, 4, 5, 6])
    })

    it("says why nothing could be looked up, and goes on when there is", async () => {
      await subscribe("orders")
      await publish("sales.order.created", { id: "1002" })
      await door.carillon.drain()
      const [entry] = (await logs()).items
      orders.set("1002", { increment_id: "000001002" })
      await clock.advance(1_000)
      await door.carillon.drain()

      expect(entry).toMatchObject({
        success: false,
        response_data: expect.stringMatching(
          /`sales\.order\.created` failed: The order with ID 1002 does not exist/,
        ),
      })
      expect(receiver.requests[0]?.json()).toEqual({ data: { increment_id: "000001002" } })
      expect((await door.get(`/rest/V1/async_event_logs/${entry.uuid}`)).body.status).toBe(
        "Delivered with 1 retry",
      )
    })

    it("is searched like subscriptions", async () => {
      const no = await subscribe("orders")
      await subscribe("others")
      await publish("sales.order.created", { id: "1001" })
      await door.carillon.drain()
      const by = (field: string, value: unknown, type = "eq"): string =>
        Object.entries({ field, value, condition_type: type })
          .map(([name, each]) => `searchCriteria[filter_groups][0][filters][0][${name}]=${each}`)
          .join("&")

      expect((await logs(by("subscription_id", no))).items).toMatchObject([
        { subscription_id: no, success: true },
      ])
      expect((await logs(by("subscription_id", 99))).items).toEqual([])
      expect((await logs(by("success", 0))).items).toEqual([])
      expect((await logs(by("event_name", "sales.%25", "like"))).items).toHaveLength(2)
      expect((await logs(by("event_name", "customer.saved"))).items).toEqual([])
      expect((await door.get("/rest/V1/async_event_logs")).status).toBe(400)
    })

    it("is sent again, under its own uuid where it is dead and under another where it was delivered", async () => {
      await subscribe("orders", {})
      await publish("sales.order.created", { id: "1001" })
      await door.carillon.drain()
      const { uuid } = (await logs()).items[0]

      const again = await door.post(`/rest/V1/async_event_logs/${uuid}/replay`, {})

      expect(again).toMatchObject({ status: 200, body: { uuid, replay_id: expect.any(String) } })
      await door.carillon.drain()
      expect(new Set((await logs()).items.map(uuidOf)).size).toBe(2)
      expect(receiver.requests).toHaveLength(2)

      receiver.answer(500)
      await publish("sales.order.created", { id: "1001" })
      for (const ms of [0, 1_000, 4_000, 9_000, 16_000, 25_000]) {
        await clock.advance(ms)
        await door.carillon.drain()
      }
      const dead = (await logs()).items[0].uuid
      receiver.answer(200)
      expect((await door.post(`/rest/V1/async_event_logs/${dead}/replay`, {})).body).toEqual({
        uuid: dead,
        replay_id: null,
      })
      await door.carillon.drain()
      expect((await door.get(`/rest/V1/async_event_logs/${dead}`)).body.status).toMatch(/^Delivered/)
    })

    it("is not there for others, and what never was is not either", async () => {
      await subscribe("orders")
      await publish("sales.order.created", { id: "1001" })
      await door.carillon.drain()
      const { uuid } = (await logs()).items[0]
      const acme = await door.token({ resources: ["Aligent_AsyncEvents::manage"] }, ["acme/master"])
      const none = { status: 404, body: { message: "Async event log with UUID %1 does not exist" } }

      expect((await door.get("/rest/V1/async_event_logs?searchCriteria=", acme)).body.items).toEqual([])
      for (const path of [uuid, "none", "dlv_0"])
        expect(await door.get(`/rest/V1/async_event_logs/${path}`, acme)).toMatchObject(none)
      expect(await door.post(`/rest/V1/async_event_logs/${uuid}/replay`, {}, acme)).toMatchObject(none)
      expect(await door.get("/rest/V1/async_event_logs/none")).toMatchObject(none)
    })
  })
})
