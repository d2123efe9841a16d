import {
  type Carillon,
  type CarillonOptions,
  createCarillon,
  defineEvent,
  type EventDefinition,
} from "carillon"
import { createTestCarillon } from "carillon/testing"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { z } from "zod"
import { describeEngines, describePostgres } from "../support/describe.ts"
import { type Place, placeOn } from "../support/place.ts"

const late = defineEvent("sales.order.created", {
  resolve: { service: "orders", method: "get", params: ["id"] },
  schema: z.object({ total: z.number() }),
  resources: ["Magento_Sales::actions_view"],
  description: "Somebody ordered",
})
let looks = 0
const snapshot = defineEvent("sales.order.deleted", {
  resolveAt: "publish",
  schema: z.object({ id: z.string(), look: z.number() }),
  resolve: async ({ id }: { id: string }) => {
    if (id === "ord_404") throw new Error("Order ord_404 does not exist")
    return { id, look: id === "ord_bad" ? "none" : ++looks }
  },
})
const plain = defineEvent("customer.saved", z.object({ id: z.string() }))

await describeEngines((engine) => {
  let place: Place
  let carillon: Carillon

  beforeEach(async () => {
    looks = 0
    place = await placeOn(engine, "publish")
    carillon = await open({ definitions: [late, snapshot, plain] })
  })
  afterEach(async () => {
    await carillon.stop()
    await place.remove()
  })

  const open = (options: CarillonOptions) =>
    createCarillon({ database: place.database, logger: false, group: "shop", ...options })
  const kept = async () => (await carillon.listEvents()).items.toReversed()

  it("stores the arguments of what is resolved late, and handlers get them", async () => {
    const heard: unknown[] = []
    carillon.events.subscribe(late, (event) => void heard.push([event.data, event.isUnresolved]))
    carillon.container.register("orders", { resolve: () => ({ get: () => null }) } as never)
    await carillon.start()

    const [receipt] = await carillon.publish("sales.order.created", { id: "ord_1001" })
    await carillon.emit({ name: "sales.order.created", data: { total: 5 } })
    await carillon.drain()

    expect(await carillon.event(receipt?.id ?? "")).toMatchObject({
      data: { id: "ord_1001" },
      metadata: {},
      isUnresolved: true,
    })
    expect(heard).toEqual([
      [{ id: "ord_1001" }, true],
      [{ total: 5 }, false],
    ])
  })

  it("stores what the resolver returns where it is a snapshot, and how it stands later does not matter", async () => {
    await carillon.publish(snapshot, { id: "ord_1001" })

    expect(await kept()).toMatchObject([{ name: "sales.order.deleted", data: { id: "ord_1001", look: 1 } }])
  })

  it("takes arguments for data where nothing resolves them", async () => {
    await carillon.events.publish(plain, { id: "cus_1" })

    expect(await kept()).toMatchObject([{ name: "customer.saved", data: { id: "cus_1" } }])
    await expect(carillon.publish(plain, {} as never)).rejects.toMatchObject({ code: "CARILLON_SCHEMA" })
  })

  it("keeps store, scope, key, sender and metadata", async () => {
    const scope = { account: "acme", workspace: "master" }
    const options = { storeId: 2, scope, key: "ord_1001", sender: "shop", metadata: { by: "import" } }

    await carillon.publish("sales.order.created", { id: "ord_1001" }, options)

    expect(await kept()).toMatchObject([
      { scope, key: "ord_1001", sender: "shop", metadata: { by: "import", storeId: 2 } },
    ])
  })

  it("takes what shops put into their queues", async () => {
    await carillon.publish("event.trigger", ["sales.order.created", '{"id":"1001"}'])
    await carillon.publish("event.trigger", ["sales.order.created", '{"id":"1002"}', "3"])
    await carillon.publish("event.trigger", ["customer.saved", '{"id":"cus_1"}', 0])

    expect(await kept()).toMatchObject([
      { data: { id: "1001" }, metadata: {} },
      { data: { id: "1002" }, metadata: { storeId: 3 } },
      { data: { id: "cus_1" }, metadata: { storeId: 0 } },
    ])
  })

  it("says what is wrong, and writes nothing of it", async () => {
    const publish = carillon.publish as (...given: unknown[]) => Promise<unknown>
    const queue = (...message: unknown[]) => ["event.trigger", message] as const
    const wrong: readonly (readonly [readonly unknown[], RegExp])[] = [
      [["sales.order.craeted", {}], /Did you mean `sales\.order\.created`/],
      [["order.unknown", {}], /the name of a defined event/],
      [[7, {}], /an event's name or its definition/],
      [[late, ["ord_1001"]], /arguments of `sales\.order\.created` to be an object/],
      [[late, null], /to be an object/],
      [[late, {}], /the argument `id`, got none/],
      [[late, { id: "1" }, { storeId: -1 }], /`storeId` to be a whole number/],
      [[late, { id: "1" }, { storeId: 1, metadata: "none" }], /`metadata` to be an object/],
      [[late, { id: "1" }, 5], /options of `publish`/],
      [[late, { id: "1" }, { store_id: 2 }], /no option `store_id`. Did you mean `storeId`/],
      [[late, { id: 1n }], /something JSON can hold/],
      [[snapshot, { id: "ord_404" }], /`sales\.order\.deleted` failed: Order ord_404 does not exist/],
      [[snapshot, { id: "ord_bad" }], /data\.look/],
      [queue("sales.order.created"), /to be `\[name, jsonArguments, storeId\?\]`/],
      [queue("sales.order.created", { id: 1 }), /to be JSON in a string/],
      [queue("sales.order.created", "{id: 1}"), /got 7 characters that are none/],
      [queue("sales.order.created", "[]"), /the argument `id`/],
      [queue("sales.order.created", '["1001"]'), /to be an object/],
      [queue("sales.order.created", '{"id":1}', "main"), /`storeId`/],
      [queue(7, "{}"), /the event's name first/],
      [queue(), /got an array of 0/],
      [["event.trigger", "sales.order.created"], /to be `\[name, jsonArguments, storeId\?\]`/],
      [[...queue("sales.order.created", '{"id":1}', 2), { storeId: 3 }], /one store, got 2 and 3/],
    ]

    for (const [given, message] of wrong) await expect(publish(...given)).rejects.toThrow(message)

    expect(await kept()).toEqual([])
  })

  it("is safe to try again under a key, also where a snapshot would differ", async () => {
    const key = { idempotencyKey: "delete-1001" }
    const [first] = await carillon.publish(snapshot, { id: "ord_1001" }, key)
    const [again] = await carillon.publish(snapshot, { id: "ord_1001" }, key)
    const other = carillon.publish(snapshot, { id: "ord_1002" }, key)

    expect(again).toEqual({ id: first?.id, existing: true })
    await expect(other).rejects.toMatchObject({ code: "CARILLON_ID_CONFLICT" })
    expect(await kept()).toMatchObject([{ data: { id: "ord_1001", look: 1 } }])
  })

  it("tells what looks an event up, and needs it at the start", async () => {
    expect(carillon.definitions()).toMatchObject([
      {
        name: "sales.order.created",
        vendor: "zod",
        resolver: { service: "orders", method: "get", params: ["id"] },
        resolveAt: "delivery",
        resources: ["Magento_Sales::actions_view"],
      },
      { resolver: { service: null, method: null, params: null }, resolveAt: "publish", resources: [] },
      { name: "customer.saved", resolver: null },
    ])
    await expect(carillon.start()).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(/service `orders`, which resolves `sales\.order\.created`/),
    })
  })
})

await describePostgres("an event that is published in a transaction", () => {
  it("is there exactly if the transaction is committed, with its snapshot", async () => {
    const { database, remove } = await placeOn("postgres", "publish")
    const carillon = await createCarillon({ database, logger: false, definitions: [late, snapshot] })
    const tx = new pg.Client(database)
    await tx.connect()
    for (const end of ["ROLLBACK", "COMMIT"]) {
      await tx.query("BEGIN")
      await carillon.publish(late, { id: end }, { tx })
      await carillon.publish(snapshot, { id: end }, { tx })
      await tx.query(end)
    }
    await tx.end()
    await carillon.drain()

    const { items } = await carillon.listEvents()
    await carillon.stop()
    await remove()

    expect(items.toReversed()).toMatchObject([
      { name: "sales.order.created", data: { id: "COMMIT" } },
      { name: "sales.order.deleted", data: { id: "COMMIT" } },
    ])
  })
})

describe("a definition", () => {
  it("is refused with what it cannot be", () => {
    const define = defineEvent as (...given: unknown[]) => unknown

    for (const [parts, message] of [
      [5, /to be a schema or an object/],
      [{ resolver: () => 1 }, /got `resolver`/],
      [{ schema: {} }, /speak Standard Schema/],
      [{ resolve: "orders" }, /`resolve` to be a function/],
      [{ resolveAt: "later" }, /`resolveAt` to be/],
      [{ resources: "Magento_Sales::actions_view" }, /`resources` to be an array/],
    ] as const)
      expect(() => define("order.placed", parts)).toThrow(message)
  })

  it("may have nothing but a name, and a test sees what is published", async () => {
    const archived: EventDefinition = defineEvent("order.archived", {})
    const carillon = await createTestCarillon({ inline: true, definitions: [archived] })

    await carillon.publish("order.archived", { id: "ord_1001" })

    carillon.recorded.expectEmitted(archived, { id: "ord_1001" })
    await carillon.stop()
  })
})
