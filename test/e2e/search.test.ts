import type { Carillon } from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { listDeadLetters, listDeliveries } from "../../src/contract/deliveries.ts"
import { listEvents } from "../../src/contract/events.ts"
import { ApiShop } from "../support/api-shop.ts"
import { describeEngines } from "../support/describe.ts"

const since = new Date("2026-01-01T00:00:00Z")
const placed = { name: "order.placed", from: since } as const
const of = (customer: string) => ({ data: { customer_id: [customer] } })

await describeEngines((engine) => {
  let shop: ApiShop
  let carillon: Carillon
  beforeEach(async () => {
    shop = await ApiShop.open(engine, { start: false, policy: { retries: 0 } })
    carillon = shop.carillon
  })
  afterEach(() => shop.close())

  /** Orders of three customers in turn. */
  const orders = (count: number, more: object = {}) =>
    Array.from({ length: count }, (_, i) => ({
      name: "order.placed",
      id: `ord_${i}`,
      data: { customer_id: `cus_${i % 3}`, total: i },
      ...more,
    }))

  describe("events", () => {
    it("are found by what they hold, newest first, page by page", async () => {
      await carillon.emit(orders(30))
      await carillon.emit({ name: "order.paid", data: { customer_id: "cus_1" } })
      const request = { ...placed, filter: of("cus_1"), limit: 4 }

      const ids: string[] = []
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await carillon.listEvents({ ...request, cursor })
        ids.push(...page.items.map(({ id }) => id))
        cursor = page.cursor
      }

      expect(ids).toEqual([28, 25, 22, 19, 16, 13, 10, 7, 4, 1].map((n) => `ord_${n}`))
    })

    it("are found by all that a pattern can ask for", async () => {
      await carillon.emit(orders(9, { sender: "till", metadata: { storeId: 2 } }))
      const filter = {
        data: { total: [{ numeric: [">", 6] }] },
        metadata: { storeId: [2] },
        sender: ["till"],
      }

      const { items } = await carillon.listEvents({ ...placed, filter })

      expect(items.map(({ id }) => id)).toEqual(["ord_8", "ord_7"])
    })

    it("are looked through a bounded number at a time, and none is passed over", async () => {
      await carillon.emit([{ name: "order.placed", id: "ord_first", data: { customer_id: "cus_9" } }])
      for (let batch = 0; batch < 6; batch++)
        await carillon.emit(orders(1_000).map(({ id, ...rest }) => ({ ...rest, id: `${id}_${batch}` })))

      const first = await carillon.listEvents({ ...placed, filter: of("cus_9") })
      const second = await carillon.listEvents({ ...placed, filter: of("cus_9"), cursor: first.cursor ?? "" })

      expect(first.items).toEqual([])
      expect(first.cursor).not.toBe(null)
      expect(second).toMatchObject({ items: [{ id: "ord_first" }], cursor: null })
    })

    it("are not searched without a name and a time, nor by what is no pattern", async () => {
      for (const request of [
        { filter: of("cus_1") },
        { filter: of("cus_1"), name: "order.placed" },
        { filter: of("cus_1"), from: since },
      ])
        await expect(carillon.listEvents(request)).rejects.toThrow(/`name` and `from`/)
      await expect(carillon.listEvents({ ...placed, filter: { data: { total: 1 } } })).rejects.toMatchObject({
        code: "CARILLON_INVALID_FILTER",
      })
    })

    it("of other scopes are not found", async () => {
      await carillon.emit(orders(6, { scope: "acme/master" }))
      await carillon.emit(orders(6, { scope: "globex/master" }))

      const { items } = await carillon.listEvents({ ...placed, filter: of("cus_0"), scopes: ["acme/master"] })

      expect(items.map(({ id, scope }) => [id, scope.account])).toEqual([
        ["ord_3", "acme"],
        ["ord_0", "acme"],
      ])
    })
  })

  describe("deliveries", () => {
    const found = async (request: object): Promise<readonly string[]> => {
      const ids: string[] = []
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const wish = { ...placed, filter: of("cus_1"), limit: 2, ...request }
        const page = await carillon.listDeliveries({ ...wish, cursor })
        ids.push(...page.items.map(({ eventId }) => eventId))
        cursor = page.cursor
      }
      return ids
    }

    it("are found in every state by what their events hold", async () => {
      carillon.events
        .subscribe("order.*", () => {}, { subscriberId: "stock" })
        .subscribe("order.*", refuse, { subscriberId: "print" })
        .subscribe("order.*", () => {}, { subscriberId: "ledger" })
      await carillon.start()
      await carillon.pause("ledger")
      await carillon.emit(orders(9))
      await carillon.drain()
      const theirs = ["ord_7", "ord_4", "ord_1"]

      const byState = {
        delivered: await found({ state: "delivered" }),
        dead: await found({ state: "dead" }),
        waiting: await found({ state: "waiting" }),
        all: await found({ subscription: "print" }),
      }

      // What waits in a part is in the order in which it will be taken.
      const waiting = byState.waiting.toSorted().reverse()
      expect({ ...byState, waiting }).toEqual({
        delivered: theirs,
        dead: theirs,
        waiting: theirs,
        all: theirs,
      })
    })

    it("are not searched without a name and a time", async () => {
      await expect(carillon.deadLetters({ filter: of("cus_1") })).rejects.toThrow(/`name` and `from`/)
    })
  })

  describe("over HTTP", () => {
    it("a search is a pattern as JSON", async () => {
      carillon.events.subscribe("order.*", refuse, { subscriberId: "print" })
      await carillon.start()
      await carillon.emit(orders(6))
      await carillon.drain()
      const query = {
        name: "order.placed",
        from: since.toISOString(),
        filter: JSON.stringify(of("cus_2")),
      }

      const events = (await shop.admin.ask(listEvents, { query })).body.items
      const dead = (await shop.admin.ask(listDeadLetters, { query })).body.items
      const all = (await shop.admin.ask(listDeliveries, { query: { ...query, state: "dead" } })).body.items

      expect(events.map(({ id }) => id)).toEqual(["ord_5", "ord_2"])
      expect(dead.map(({ eventId }) => eventId)).toEqual(["ord_5", "ord_2"])
      expect(all).toEqual(dead)
    })

    it("what is no pattern, or has no bounds, is refused", async () => {
      const query = { name: "order.placed", from: since.toISOString() }

      for (const filter of ["order", "[]", "null", '"x"', '{"data":{"total":1}}'])
        expect(await shop.admin.refused(listEvents, { query: { ...query, filter } })).toMatchObject({
          status: 400,
        })
      for (const contract of [listEvents, listDeliveries, listDeadLetters])
        expect(
          await shop.admin.refused(contract, { query: { filter: JSON.stringify(of("cus_1")) } }),
        ).toMatchObject({ status: 400 })
    })
  })
})

function refuse(): never {
  throw new Error("the printer is out of paper")
}
