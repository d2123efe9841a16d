import pg from "pg"
import { expect, it } from "vitest"
import type { Carillon } from "../../src/carillon.ts"
import { testDatabase } from "../support/postgres.ts"
import { until } from "../support/programs.ts"
import { describeShops, errorLog } from "./transactional-shop.ts"

await describeShops("an emit in a transaction of the application", (shop) => {
  it.each<[string, (carillon: Carillon) => Promise<unknown>]>([
    [
      "a client of pg",
      (carillon) =>
        shop.inTransaction((tx) => carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })),
    ],
    [
      "a transaction of Kysely",
      (carillon) =>
        shop.kysely
          .transaction()
          .execute((tx) => carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })),
    ],
    [
      "a controlled transaction of Kysely",
      async (carillon) => {
        const tx = await shop.kysely.startTransaction().execute()
        await carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })
        await tx.commit().execute()
      },
    ],
    [
      "a transaction of Knex",
      (carillon) =>
        shop.knex.transaction((tx) => carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })),
    ],
  ])("of %s is handled when that commits, without anybody looking", async (_, place) => {
    const { carillon, handled } = await shop.worker()

    await place(carillon)

    await until(async () => handled.length > 0)
    expect(handled).toEqual(["ord_1001"])
    expect(await shop.staged()).toBe(0)
  })

  it("is not there before the commit, nor after a rollback", async () => {
    const { carillon, handled } = await shop.worker()

    await shop.inTransaction(async (tx) => {
      await carillon.emit({ name: "order.placed" }, { tx })
      await carillon.drain()
      expect(handled).toEqual([])
    }, "ROLLBACK")
    await carillon.drain()

    expect(handled).toEqual([])
    expect((await carillon.listEvents()).items).toEqual([])
    expect(await shop.staged()).toBe(0)
  })

  it("goes with the savepoint it was made after", async () => {
    const { carillon, handled } = await shop.worker()

    await shop.inTransaction(async (tx) => {
      await carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })
      await tx.query("SAVEPOINT second")
      await carillon.emit({ name: "order.placed", id: "ord_1002" }, { tx })
      await tx.query("ROLLBACK TO SAVEPOINT second")
      await carillon.emit({ name: "order.placed", id: "ord_1003" }, { tx })
    })
    await carillon.drain()

    expect(handled.sort()).toEqual(["ord_1001", "ord_1003"])
  })

  it.each(["REPEATABLE READ", "SERIALIZABLE"])(
    "needs no newer snapshot than a %s transaction has",
    async (level) => {
      const { carillon, handled } = await shop.worker()
      const other = await shop.open()

      await shop.inTransaction(
        async (tx) => {
          await tx.query("SELECT count(*) FROM carillon.staged")
          await shop.inTransaction((second) =>
            other.emit({ name: "order.placed", id: "ord_1001" }, { tx: second }),
          )
          other.events.subscribe("order.placed", () => {}, { subscriberId: "crm" })
          await other.drain()
          await carillon.emit({ name: "order.placed", id: "ord_1002" }, { tx })
        },
        "COMMIT",
        `BEGIN ISOLATION LEVEL ${level}`,
      )
      await carillon.drain()

      expect(handled.sort()).toEqual(["ord_1001", "ord_1002"])
    },
  )

  it("keeps nobody waiting however long its transaction stays open", async () => {
    const { carillon, handled } = await shop.worker()
    const behind = (pid: unknown) =>
      shop.query("SELECT query FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))", [pid])

    await shop.inTransaction(async (tx) => {
      await carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })
      await carillon.emit({ name: "order.placed", metadata: { eventGroupId: "checkout" } }, { tx })

      await shop.inTransaction((second) =>
        carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx: second }),
      )
      await carillon.emit({ name: "order.placed", id: "ord_1002" })
      await carillon.events.releaseGroupedEvents("checkout")
      await carillon.events.clearGroupedEvents("checkout")
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "crm" })
      await carillon.drain()
      await carillon.prune({ before: 0 })

      expect(handled.sort()).toEqual(["ord_1001", "ord_1002"])
      const [self] = (await tx.query("SELECT pg_backend_pid() AS pid")).rows
      expect(await behind(self.pid)).toEqual([])
    })
    await carillon.drain()
    await carillon.events.releaseGroupedEvents("checkout")
    await carillon.drain()

    expect(handled.sort()).toEqual([expect.stringMatching(/^evt_/), "ord_1001", "ord_1002"])
  })

  it("is found by a worker's look where nobody saw the commit", async () => {
    const { handled } = await shop.worker({ pollMs: 20 })
    const producer = await shop.open()

    await shop.inTransaction((tx) =>
      producer.emit(
        { name: "order.placed", id: "ord_1001" },
        { tx: { query: (sql: string, values: unknown[]) => tx.query(sql, values) } },
      ),
    )

    await until(async () => handled.length > 0)
    expect(await shop.staged()).toBe(0)
  })

  it("is released once by two workers that look at the same time", async () => {
    const first = await shop.worker()
    const second = await shop.worker()
    const events = Array.from({ length: 2_500 }, (_, i) => ({ name: "order.placed", id: `ord_${i}` }))
    await shop.inTransaction((tx) =>
      first.carillon.emit(events, {
        tx: { query: (sql: string, values: unknown[]) => tx.query(sql, values) },
      }),
    )

    await Promise.all([first.carillon.drain(), second.carillon.drain()])
    await Promise.all([first.carillon.drain(), second.carillon.drain()])

    const handled = [...first.handled, ...second.handled]
    expect(handled).toHaveLength(events.length)
    expect(new Set(handled).size).toBe(events.length)
    expect(await shop.staged()).toBe(0)
  })

  it("takes arrays that mix event groups, in one transaction", async () => {
    const { carillon, handled } = await shop.worker()
    const grouped = (id: string, eventGroupId: string) => ({
      name: "order.placed",
      id,
      metadata: { eventGroupId },
    })

    const receipts = await shop.inTransaction((tx) =>
      carillon.emit(
        [grouped("a1", "a"), { name: "order.placed", id: "now" }, grouped("b1", "b"), grouped("a2", "a")],
        { tx },
      ),
    )
    await carillon.drain()

    expect(receipts.map(({ id }) => id)).toEqual(["a1", "now", "b1", "a2"])
    expect(handled).toEqual(["now"])
    await carillon.events.releaseGroupedEvents("a")
    await carillon.events.clearGroupedEvents("b")
    await carillon.drain()
    expect(handled.sort()).toEqual(["a1", "a2", "now"])
  })

  it("brings everything through that JSON and a name can hold", async () => {
    const { carillon } = await shop.worker()
    const data = { text: "ünï 🛎 \u0000 \\ ' \" $1 ?", nested: [null, true, 1e21], lone: "\ud800" }
    const got: unknown[] = []
    carillon.events.subscribe(
      "order 'x' ?$1.placed",
      ({ data, key, metadata }) => got.push([data, key, metadata.by]),
      { subscriberId: "all" },
    )

    await shop.inTransaction((tx) =>
      carillon.emit({ name: "order 'x' ?$1.placed", data, key: "k'1", metadata: { by: "knex?" } }, { tx }),
    )
    await shop.knex.transaction((tx) =>
      carillon.emit({ name: "order 'x' ?$1.placed", data, key: "k'1", metadata: { by: "knex?" } }, { tx }),
    )
    await carillon.drain()

    expect(got).toEqual([
      [data, "k'1", "knex?"],
      [data, "k'1", "knex?"],
    ])
  })

  it("writes at once on a client that is in no transaction", async () => {
    const { carillon, handled } = await shop.worker()
    const client = await shop.pool.connect()

    await carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx: client })
    client.release()

    await until(async () => handled.length > 0)
  })

  it("drops an event under another's id at the release, says so, and lets its neighbours go", async () => {
    const logger = errorLog()
    const { carillon, handled } = await shop.worker({ logger })
    const heard: unknown[] = []
    carillon.events.subscribe("carillon.event.refused", ({ data }) => heard.push(data), {
      subscriberId: "alarm",
    })
    await carillon.emit({ name: "order.placed", id: "ord_1001", data: { cents: 1 } })

    const events = [
      { name: "order.placed", id: "ord_1000" },
      { name: "order.placed", id: "ord_1001", data: { cents: 2 } },
      { name: "order.placed", id: "ord_1002" },
    ]
    await shop.inTransaction((tx) => carillon.emit(events, { tx }))
    await carillon.drain()
    await until(async () => heard.length > 0)

    expect(handled.sort()).toEqual(["ord_1000", "ord_1001", "ord_1002"])
    expect(await shop.staged()).toBe(0)
    expect(logger.errors.join()).toContain(
      "order.placed (ord_1001), emitted in a transaction, could not be released",
    )
    expect(heard).toEqual([expect.objectContaining({ eventId: "ord_1001", eventName: "order.placed" })])
  })

  it("is one event with an earlier one of the same id and content", async () => {
    const logger = errorLog()
    const { carillon, handled } = await shop.worker({ logger })
    const event = { name: "order.placed", id: "ord_1001", data: { cents: 1 } }
    await carillon.emit(event)

    await shop.inTransaction((tx) => carillon.emit([event, event], { tx }))
    await carillon.drain()

    expect(handled).toEqual(["ord_1001"])
    expect(await shop.staged()).toBe(0)
    expect(logger.errors).toEqual([])
  })

  it("drops the same way what an event group brings under another's id", async () => {
    const logger = errorLog()
    const { carillon, handled } = await shop.worker({ logger })
    await carillon.emit({ name: "order.placed", id: "ord_1001", data: { cents: 1 } })
    const metadata = { eventGroupId: "checkout" }
    const grouped = [
      { name: "order.placed", id: "ord_1001", data: { cents: 2 }, metadata },
      { name: "order.placed", id: "ord_1002", metadata },
    ]
    await shop.inTransaction((tx) => carillon.emit(grouped, { tx }))

    await carillon.events.releaseGroupedEvents("checkout")
    await carillon.drain()

    expect(handled.sort()).toEqual(["ord_1001", "ord_1002"])
    expect(await shop.staged()).toBe(0)
    expect(logger.errors).toHaveLength(1)
  })

  it("is refused on a pool, and by a database that is another", async () => {
    const carillon = await shop.open()
    const elsewhere = await testDatabase("elsewhere")
    const client = new pg.Client(elsewhere.url)
    await client.connect()

    await expect(carillon.emit({ name: "order.placed" }, { tx: shop.pool })).rejects.toThrow("got a pool")
    await expect(carillon.emit({ name: "order.placed" }, { tx: client })).rejects.toThrow(
      "the database that Carillon uses",
    )

    await client.end()
    await elsewhere.drop()
  })
})
