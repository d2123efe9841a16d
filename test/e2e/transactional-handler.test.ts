import { Kysely, PostgresDialect } from "kysely"
import type pg from "pg"
import { beforeEach, expect, it } from "vitest"
import type { DeliveryReport } from "../../src/bus/delivery-report.ts"
import type { Handler } from "../../src/bus/events.ts"
import type { Carillon } from "../../src/carillon.ts"
import type { Policy } from "../../src/core/policy.ts"
import { until } from "../support/programs.ts"
import { describeShops, type Shop } from "./transactional-shop.ts"

await describeShops("the transaction of a handler", (shop) => {
  let emitter: Carillon

  beforeEach(async () => {
    emitter = await shop.open()
  })

  /** A worker whose one handler is called for one event; resolves to what the trace says of its delivery. */
  async function deliver(handler: Handler, policy: Policy = {}, deliveries = 1) {
    const carillon = await shop.open()
    const quick = { transactional: true, initialBackoffDelay: 1, ...policy }
    carillon.events.subscribe("order.placed", handler, { subscriberId: "ledger", policy: quick })
    await carillon.start()
    const [receipt] = await carillon.emit({ name: "order.placed" })
    for (let i = 1; i < deliveries; i++) await carillon.emit({ name: "order.placed" })
    const delivery = async () => (await carillon.trace(receipt?.id as string)).deliveries[0]
    await until(async () => ["delivered", "dead"].includes((await delivery())?.state ?? ""))
    return { carillon, delivery: (await delivery()) as DeliveryReport }
  }

  it("stays where the handler succeeds, and is undone where it does not", async () => {
    const { delivery } = await deliver(async (_, { tx, attempt }) => {
      const { rowCount } = await tx.query("INSERT INTO orders VALUES ($1)", [`attempt ${attempt}`])
      expect(rowCount).toBe(1)
      if (attempt < 3) throw new Error("The till is jammed")
    })

    expect(delivery).toMatchObject({ state: "delivered", attempts: [{}, {}, { attempt: 3 }] })
    expect(await shop.orders()).toEqual(["attempt 3"])
  })

  it("reads values as pg does by itself", async () => {
    const rows: unknown[] = []

    await deliver(async (_, { tx }) => {
      rows.push(...(await tx.query("SELECT 9007199254740993::bigint AS id, 0.10::numeric AS price")).rows)
    })

    expect(rows).toEqual([{ id: "9007199254740993", price: "0.10" }])
  })

  it("takes queries at once one after another", async () => {
    const warned: Error[] = []
    const onWarning = (warning: Error): void => void warned.push(warning)
    process.on("warning", onWarning)

    await deliver(async (_, { tx }) => {
      await Promise.all(["a", "b", "c"].map((id) => tx.query("INSERT INTO orders VALUES ($1)", [id])))
    })

    expect(await shop.orders()).toEqual(["a", "b", "c"])
    expect(warned).toEqual([]) // pg deprecates queries that wait in its client
    process.off("warning", onWarning)
  })

  it("carries emits, which go out when it commits and never otherwise", async () => {
    const heard: string[] = []
    const { carillon } = await deliver(async (_, { tx, attempt }) => {
      await emitter.emit({ name: "invoice.made", id: `inv_${attempt}` }, { tx })
      if (attempt === 1) throw new Error("The till is jammed")
    })
    carillon.events.subscribe("invoice.made", ({ id }) => heard.push(id), {
      subscriberId: "post",
      start: "beginning",
    })
    await carillon.drain()
    await until(async () => heard.length > 0)

    expect(heard).toEqual(["inv_2"])
  })

  it("lends its client to Kysely", async () => {
    await deliver(async (_, { tx, attempt }) => {
      const lent = { connect: () => tx.client<pg.PoolClient>(), end: async () => {}, options: {} }
      const db = new Kysely<Shop>({ dialect: new PostgresDialect({ pool: lent }) })
      await db
        .insertInto("orders")
        .values({ id: `attempt ${attempt}` })
        .execute()
      await emitter.emit({ name: "invoice.made", id: `inv_${attempt}` }, { tx: await tx.client() })
      if (attempt === 1) throw new Error("The till is jammed")
    })

    expect(await shop.orders()).toEqual(["attempt 2"])
    await until(async () => (await emitter.listEvents({ name: "invoice.made" })).items.length > 0)
    expect((await emitter.listEvents({ name: "invoice.made" })).items.map(({ id }) => id)).toEqual(["inv_2"])
  })

  it("fails the attempt where the handler goes on after a failed query, and says how to mend it", async () => {
    const { delivery } = await deliver(
      async (_, { tx }) => {
        await tx.query("INSERT INTO orders VALUES ('lost')")
        await tx.query("SELECT 1 / 0").catch(() => {})
      },
      { retries: 0 },
    )

    expect(delivery).toMatchObject({ state: "dead" })
    expect(delivery.attempts[0]?.error).toContain("put what may fail into a savepoint")
    expect(await shop.orders()).toEqual([])
  })

  it("fails the attempt where the commit is refused", async () => {
    await shop.query("CREATE TABLE numbers (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    const { delivery } = await deliver(
      async (_, { tx }) => void (await tx.query("INSERT INTO numbers VALUES (1), (1)")),
      { retries: 1 },
    )

    expect(delivery).toMatchObject({ state: "dead", attempts: [{}, {}] })
    expect(delivery.attempts[0]?.error).toContain("duplicate key value")
    expect(await shop.query("SELECT * FROM numbers")).toEqual([])
  })

  it("is ended at the timeout whatever runs in it", async () => {
    const sleepers = async () =>
      await shop.query(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(99)%' AND pid <> pg_backend_pid()",
      )
    const running = Promise.withResolvers<void>()

    const delivered = deliver(
      async (_, { tx }) => {
        await tx.query("INSERT INTO orders VALUES ('lost')")
        const sleeping = tx.query("SELECT pg_sleep(99)")
        await until(async () => (await sleepers()).length > 0)
        running.resolve()
        await sleeping
      },
      { retries: 0, timeout: 1_000 },
    )
    await running.promise

    expect((await delivered).delivery).toMatchObject({ state: "dead" })
    await until(async () => (await sleepers()).length === 0)
    expect(await shop.orders()).toEqual([])
  })

  it("waits for a free connection where more handlers run than there are", async () => {
    const gate = Promise.withResolvers<void>()
    let begun = 0
    const delivered = deliver(
      async (_, { tx, deliveryId }) => {
        await tx.query("INSERT INTO orders VALUES ($1)", [deliveryId])
        if (++begun === 1) setTimeout(gate.resolve, 100)
        await gate.promise
      },
      { concurrency: 30 },
      30,
    )

    await delivered
    await until(async () => (await shop.orders()).length === 30)
  })
})
