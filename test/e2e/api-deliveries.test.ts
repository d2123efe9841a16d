import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  cancel,
  cancelDelivery,
  getDelivery,
  listDeadLetters,
  listDeliveries,
  redrive,
  redriveDelivery,
} from "../../src/contract/deliveries.ts"
import { getReplay, startReplay } from "../../src/contract/replays.ts"
import {
  getSubscription,
  listSubscriptions,
  pauseSubscription,
  removeSubscription,
  resumeSubscription,
} from "../../src/contract/subscriptions.ts"
import { ApiShop } from "../support/api-shop.ts"
import { describeEngines } from "../support/describe.ts"
import { until } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: ApiShop
  let fails = true
  beforeEach(async () => {
    fails = true
    shop = await ApiShop.open(engine, { policy: { retries: 0 } })
    shop.carillon.events.subscribe("order.placed", () => {}, { subscriberId: "bill" })
    shop.carillon.events.subscribe(
      "order.placed",
      () => {
        if (fails) throw new Error("the printer is out of paper")
      },
      { subscriberId: "print" },
    )
  })
  afterEach(() => shop.close())

  const place = async (id: string, scope?: string): Promise<void> => {
    await shop.carillon.emit({ name: "order.placed", id, scope, data: { total: 120 } })
    await shop.carillon.drain()
  }

  describe("deliveries", () => {
    it("are listed with what became of them, by state, subscription and name", async () => {
      await place("ord_1001")

      const all = await shop.admin.ask(listDeliveries)
      const dead = await shop.admin.ask(listDeliveries, { query: { state: "dead" } })
      const bill = await shop.admin.ask(listDeliveries, { query: { subscription: "bill" } })
      const none = await shop.admin.ask(listDeliveries, { query: { name: "order.shipped" } })

      expect(all.body.items.map(({ state }) => state).sort()).toEqual(["dead", "delivered"])
      expect(dead.body.items).toMatchObject([{ subscription: "print@order.placed", eventId: "ord_1001" }])
      expect(bill.body.items).toMatchObject([{ subscription: "bill@order.placed", state: "delivered" }])
      expect(none.body).toEqual({ items: [], cursor: null })
    })

    it("go on, page by page, by a cursor that says nothing", async () => {
      for (const id of ["ord_1001", "ord_1002", "ord_1003"]) await place(id)

      const seen: string[] = []
      let cursor: string | null | undefined
      do {
        const { body } = await shop.admin.ask(listDeliveries, { query: { limit: 2, cursor } as never })
        seen.push(...body.items.map(({ deliveryId }) => deliveryId))
        cursor = body.cursor
        expect(cursor ?? "").not.toContain("event")
      } while (cursor !== null)

      expect(new Set(seen).size).toBe(6)
      expect(seen).toHaveLength(6)
    })

    it("are got one by one with their attempts, delivered ones and dead letters", async () => {
      await place("ord_1001")
      const { items } = (await shop.admin.ask(listDeliveries)).body

      for (const item of items) {
        const { body } = await shop.admin.ask(getDelivery, { params: { id: item.deliveryId } })
        expect(body).toEqual(item)
      }
      const dead = items.find(({ state }) => state === "dead")
      expect(dead?.attempts).toMatchObject([
        { attempt: 1, outcome: "dead", error: "the printer is out of paper" },
      ])
    })

    it("are not there under an id that is none, and refuse filters that are none", async () => {
      const unknown = { params: { id: "dlv_01JNQ000000000000000000000000_1" } }

      for (const each of [getDelivery, redriveDelivery, cancelDelivery])
        expect(await shop.admin.refused(each, unknown)).toMatchObject({ status: 404 })
      expect(await shop.admin.refused(listDeliveries, { query: { stat: "dead" } as never })).toMatchObject({
        status: 400,
      })
      expect(await shop.admin.refused(listDeliveries, { query: { subscription: "nobody" } })).toMatchObject({
        status: 404,
      })
      expect(await shop.admin.refused(listDeliveries, { query: { cursor: "job:1:0" } })).toMatchObject({
        status: 400,
      })
    })

    it("are told of when they have outlived their event", async () => {
      await place("ord_1001")
      const id = (await shop.admin.ask(listDeadLetters)).body.items[0]?.deliveryId ?? ""
      const { place: store } = shop.shop
      await store.sql(`DELETE FROM ${store.table("events")}`)

      const { body } = await shop.admin.ask(getDelivery, { params: { id } })

      expect(body).toMatchObject({
        deliveryId: id,
        eventName: null,
        state: "dead",
        subscription: "print@order.placed",
      })
      const acme = await shop.bound(["acme/master"])
      expect(await acme.refused(getDelivery, { params: { id } })).toMatchObject({ status: 404 })
    })

    it("of another scope are not there, and a list says nothing of them", async () => {
      await place("ord_1001", "globex/master")
      const acme = await shop.bound(["acme/master"])
      const id = (await shop.admin.ask(listDeadLetters)).body.items[0]?.deliveryId ?? ""

      expect((await acme.ask(listDeliveries)).body).toEqual({ items: [], cursor: null })
      expect(await acme.refused(getDelivery, { params: { id } })).toMatchObject({ status: 404 })
      for (const steer of [redriveDelivery, cancelDelivery])
        expect(await acme.refused(steer, { params: { id } })).toMatchObject({ status: 404 })
      expect((await acme.ask(redrive, { body: { all: true } })).body).toMatchObject({ redriven: 0 })
      expect((await shop.admin.ask(listDeadLetters)).body.items).toMatchObject([{ state: "dead" }])
    })
  })

  describe("dead letters", () => {
    it("go again, one by its id, or all that a selection means", async () => {
      for (const id of ["ord_1001", "ord_1002", "ord_1003"]) await place(id)
      const { items } = (await shop.admin.ask(listDeadLetters)).body
      fails = false

      const one = await shop.admin.ask(redriveDelivery, { params: { id: items[0]?.deliveryId ?? "" } })
      await shop.carillon.drain()
      const counted = await shop.admin.ask(redrive, { body: { subscription: "print", dryRun: true } })
      const rest = await shop.admin.ask(redrive, { body: { subscription: "print" } })
      await shop.carillon.drain()

      expect([one.body.redriven, counted.body.redriven, rest.body.redriven]).toEqual([1, 2, 2])
      expect(counted.body.dryRun).toBe(true)
      expect((await shop.admin.ask(listDeadLetters)).body.items).toEqual([])
    })

    it("are cancelled, one by its id, or by a list of ids", async () => {
      await place("ord_1001")
      await place("ord_1002")
      const [first, second] = (await shop.admin.ask(listDeadLetters)).body.items

      const one = await shop.admin.ask(cancelDelivery, { params: { id: first?.deliveryId ?? "" } })
      const ids = [second?.deliveryId ?? "", "ord_9999"]
      const two = await shop.admin.ask(cancel, { body: { ids } })
      const again = await shop.admin.ask(redriveDelivery, { params: { id: first?.deliveryId ?? "" } })

      expect(one.body).toEqual({ cancelled: 1, skipped: [], dryRun: false })
      expect(two.body).toMatchObject({ cancelled: 1, skipped: [{ id: "ord_9999" }] })
      expect(again.body).toMatchObject({ redriven: 0, skipped: [{ id: first?.deliveryId }] })
      expect((await shop.admin.ask(listDeadLetters)).body.items).toEqual([])
    })

    it("are not looked for under what no store can keep", async () => {
      for (const id of ["ord_\0", "ord_\ud800"])
        for (const body of [{ ids: [id] }, { name: id }, { subscription: id }])
          expect(await shop.admin.refused(redrive, { body })).toMatchObject({ status: 400 })
    })

    it("have to be named, or all of them meant", async () => {
      expect(await shop.admin.refused(redrive, { body: {} })).toMatchObject({ status: 400 })
      expect(await shop.admin.refused(cancel, { body: { dryRun: true } })).toMatchObject({ status: 400 })
    })
  })

  describe("a replay", () => {
    it("counts first, and says where to ask how far it is", async () => {
      await place("ord_1001")
      const body = { subscription: "bill", since: "2020-01-01T00:00:00Z" }

      expect(await shop.admin.refused(startReplay, { body: body as never })).toMatchObject({ status: 400 })
      const counted = await shop.admin.ask(startReplay, { body: { ...body, dryRun: true } })
      const begun = await shop.admin.ask(startReplay, { body: { ...body, dryRun: false } })
      await shop.carillon.drain()

      expect(counted).toMatchObject({ status: 200, body: { id: null, count: 1, dryRun: true } })
      expect(begun).toMatchObject({ status: 202, body: { count: 1, dryRun: false } })
      expect(begun.headers.get("location")).toBe(`/api/replays/${begun.body.id}`)
      const progress = await shop.admin.ask(getReplay, { params: { id: begun.body.id ?? "" } })
      expect(progress.body).toMatchObject({ state: "done", made: 1, subscription: "bill@order.placed" })
    })

    it("of somebody else is not there", async () => {
      await place("ord_1001", "globex/master")
      const [acme, globex] = [await shop.bound(["acme/master"]), await shop.bound(["globex/master"])]
      const body = { subscription: "bill", since: "2020-01-01T00:00:00Z", dryRun: false }

      const theirs = await globex.ask(startReplay, { body })
      const mine = await acme.ask(startReplay, { body })

      expect(theirs.body.count).toBe(1)
      expect(mine.body).toMatchObject({ id: null, count: 0 })
      const id = theirs.body.id ?? ""
      expect((await globex.ask(getReplay, { params: { id } })).status).toBe(200)
      expect(await acme.refused(getReplay, { params: { id } })).toMatchObject({ status: 404 })
      expect(await shop.admin.refused(getReplay, { params: { id: "rpl_999" } })).toMatchObject({
        status: 404,
      })
    })
  })

  describe("a subscription", () => {
    it("is listed and got, by its id or its subscriber's", async () => {
      await place("ord_1001")

      const all = await shop.admin.ask(listSubscriptions, { query: { limit: 1 } })
      const rest = await shop.admin.ask(listSubscriptions, { query: { cursor: all.body.cursor ?? "" } })
      const one = await shop.admin.ask(getSubscription, { params: { id: "print" } })

      expect([...all.body.items, ...rest.body.items].map(({ id }) => id).sort()).toEqual([
        "bill@order.placed",
        "print@order.placed",
      ])
      expect(rest.body.cursor).toBeNull()
      expect(one.body).toMatchObject({ id: "print@order.placed", dead: 1, waiting: 0, paused: false })
      expect(await shop.admin.refused(getSubscription, { params: { id: "nobody" } })).toMatchObject({
        status: 404,
      })
    })

    it("is paused, resumed and removed", async () => {
      const named = { params: { id: "bill@order.placed" } }
      const isPaused = async () => (await shop.admin.ask(getSubscription, named)).body.paused

      await shop.admin.ask(pauseSubscription, named)
      expect(await isPaused()).toBe(true)
      await shop.admin.ask(resumeSubscription, named)
      expect(await isPaused()).toBe(false)
      const removed = await shop.admin.ask(removeSubscription, named)

      expect(removed.body).toEqual({ id: "bill@order.placed", group: "shop", cancelled: 0 })
      expect(await shop.admin.refused(getSubscription, named)).toMatchObject({ status: 404 })
      expect(
        await shop.admin.refused(pauseSubscription, { ...named, query: { group: "till" } }),
      ).toMatchObject({ status: 404 })
    })

    it("that hears every scope shows no counts to who is bound to one, who cannot steer it", async () => {
      await place("ord_1001", "globex/master")
      const acme = await shop.bound(["acme/master"])
      const named = { params: { id: "print" } }

      const { body } = await acme.ask(getSubscription, named)

      expect(body).toMatchObject({ dead: null, waiting: null, running: null, lagSeconds: null })
      for (const steer of [pauseSubscription, resumeSubscription, removeSubscription])
        expect(await acme.refused(steer, named)).toMatchObject({ status: 403 })
    })

    it("is no schedule: these have a room of their own", async () => {
      const named = { params: { id: "schedule:sync-brands" } }
      expect(await shop.admin.refused(pauseSubscription, named)).toMatchObject({ status: 400 })
    })

    it("is not steered by who may only look", async () => {
      const viewer = await shop.bound(["acme/master"], "viewer")

      expect(await viewer.refused(pauseSubscription, { params: { id: "bill" } })).toMatchObject({
        status: 403,
      })
      expect(await viewer.refused(redrive, { body: { all: true } })).toMatchObject({ status: 403 })
    })

    it("leaves a trace in the audit log when it is steered, and when that fails", async () => {
      await shop.admin.ask(pauseSubscription, { params: { id: "bill" } })
      await shop.admin.refused(pauseSubscription, { params: { id: "nobody" } })

      await until(
        async () =>
          (await shop.carillon.identity.audit.list({ action: "subscription.*" })).items.length === 2,
      )
      const { items } = await shop.carillon.identity.audit.list({ action: "subscription.pause" })
      expect(items.map(({ target, outcome }) => [target, outcome])).toEqual([
        ["nobody", "failed"],
        ["bill", "done"],
      ])
    })
  })
})
