import { afterEach, describe, expect, it } from "vitest"
import type { Handler } from "../../src/bus/events.ts"
import { Carillon } from "../../src/carillon.ts"
import type { Change, ChangeResult, SettleJob } from "../../src/engine/commit.ts"
import type { Engine } from "../../src/engine/engine.ts"
import type { HandlerTransaction, SqlTransaction, TransactionsPort } from "../../src/engine/transactions.ts"
import { openSqlite } from "../../src/engines/sqlite/engine.ts"
import { resolveOptions } from "../../src/options.ts"
import { movingClock } from "../../src/testing/moving-clock.ts"
import { CatalogCache } from "../../src/worker/catalog-cache.ts"

/** A transaction of an application whose database is played by a file of SQLite. */
class Order implements SqlTransaction {
  readonly changes: Change[] = []
  readonly #engine: Engine
  readonly #callbacks: (() => void)[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async query(): Promise<void> {}

  onCommit(callback: () => void): void {
    this.#callbacks.push(callback)
  }

  async commit(): Promise<void> {
    await this.#engine.commit(this.changes)
    this.rollback()
  }

  /** Whoever waits for the end is told of this one, too. */
  rollback(): void {
    for (const callback of this.#callbacks) callback()
  }
}

class Till implements TransactionsPort {
  readonly log: string[] = []
  settles: "as they should" | "unknown, written" | "unknown, not written" = "as they should"
  #engine: Engine | null = null

  set engine(engine: Engine) {
    this.#engine = engine
  }

  async stage(tx: SqlTransaction, change: Parameters<TransactionsPort["stage"]>[1]): Promise<void> {
    this.log.push(`stage ${change.events.length} under "${change.eventGroupId}"`)
    ;(tx as Order).changes.push({ kind: "stage", ...change })
  }

  async begin(): Promise<HandlerTransaction> {
    this.log.push("begin")
    return {
      client: { query: async () => {}, release: () => this.log.push("release") },
      query: async (sql) => {
        this.log.push(sql)
        return { rows: [] }
      },
      settle: (change) => this.#settle(change),
      rollback: async () => {
        this.log.push("rollback")
      },
    }
  }

  async #settle(change: SettleJob): Promise<ChangeResult> {
    if (this.settles === "unknown, not written") throw new Error("Connection terminated unexpectedly")
    const [result] = (await (this.#engine as Engine).commit([change])) as [ChangeResult]
    if (this.settles === "unknown, written") throw new Error("Connection terminated unexpectedly")
    this.log.push(result.status === "ok" ? "commit" : `rollback: ${result.status}`)
    return result
  }
}

let carillon: Carillon

afterEach(() => carillon.stop())

async function setup() {
  const clock = movingClock()
  const store = await openSqlite({ path: ":memory:", synchronous: "FULL", thread: "main", clock })
  const till = new Till()
  const appends: number[] = [] // events of each
  const errors: string[] = []
  const engine: Engine = {
    ...store,
    transactions: till,
    commit: (changes) => {
      for (const each of changes) if (each.kind === "append") appends.push(each.events.length)
      return store.commit(changes)
    },
  }
  till.engine = store
  const catalog = new CatalogCache(engine.queries)
  await catalog.refresh()
  const nothing = (): void => {}
  const note = (...parts: unknown[]) => void errors.push(String(parts.at(-1)))
  const logger = { debug: nothing, info: nothing, warn: note, error: note }
  const options = { database: ":memory:", group: "shop", logger, clock, random: () => 0, graceMs: 100 }
  carillon = new Carillon(engine, catalog, { ...resolveOptions(options), clock })
  const order = () => new Order(store)
  return { clock, till, engine, store, appends, errors, order }
}

describe("an emit in a transaction", () => {
  it("exists from the commit on, and is handled at once where the commit is seen", async () => {
    const { order } = await setup()
    const handled: string[] = []
    carillon.events.subscribe("order.placed", ({ id }) => handled.push(id), { subscriberId: "mail" })
    await carillon.start()
    const tx = order()

    const [receipt] = await carillon.emit({ name: "order.placed", data: { id: "ord_1001" } }, { tx })
    await carillon.drain()
    expect(handled).toEqual([])
    await tx.commit()
    await carillon.drain()

    expect(handled).toEqual([receipt?.id])
    expect((await carillon.listEvents()).items.map(({ id }) => id)).toEqual([receipt?.id])
  })

  it("is nothing after a rollback", async () => {
    const { order, appends } = await setup()
    await carillon.start()
    const tx = order()
    await carillon.emit({ name: "order.placed" }, { tx })

    tx.rollback()
    await carillon.drain()

    expect((await carillon.listEvents()).items).toEqual([])
    expect(appends).toEqual([1]) // it was tried, and left out
  })

  it("waits in the outbox where the commit is not seen", async () => {
    const { order } = await setup()
    await carillon.start()
    const tx = order()
    await carillon.emit({ name: "order.placed" }, { tx: { query: tx.query, changes: tx.changes } })

    await tx.commit()
    expect((await carillon.listEvents()).items).toEqual([])
    await carillon.drain()

    expect((await carillon.listEvents()).items).toHaveLength(1)
  })

  it("takes together what was committed while a release was under way", async () => {
    const { order, appends } = await setup()
    const orders = Array.from({ length: 50 }, order)
    await Promise.all(orders.map((tx) => carillon.emit({ name: "order.placed" }, { tx })))

    await Promise.all(orders.map((tx) => tx.commit()))
    await carillon.drain()

    expect((await carillon.listEvents({ limit: 100 })).items).toHaveLength(50)
    expect(appends.length).toBeLessThan(10)
  })

  it("writes arrays group by group, each as a whole, and gives receipts in their order", async () => {
    const { order, till } = await setup()
    const tx = order()
    const metadata = { eventGroupId: "checkout" }

    const receipts = await carillon.emit(
      [
        { name: "order.placed", id: "placed-1" },
        { name: "order.paid", id: "paid-1", metadata },
        { name: "stock.low" },
      ],
      { tx },
    )
    await tx.commit()
    await carillon.drain()

    expect(till.log).toEqual(['stage 2 under ""', 'stage 1 under "checkout"'])
    expect(receipts.map(({ id }) => id)).toEqual(["placed-1", "paid-1", expect.stringMatching(/^evt_/)])
    const names = async () => (await carillon.listEvents()).items.map(({ name }) => name).sort()
    expect(await names()).toEqual(["order.placed", "stock.low"])
    await carillon.events.releaseGroupedEvents("checkout")
    expect(await names()).toEqual(["order.paid", "order.placed", "stock.low"])
  })

  it("is refused as a whole before the first write for one bad event", async () => {
    const { order, till } = await setup()
    const events = [{ name: "order.placed" }, { name: "order.paid", data: 1n }]

    await expect(carillon.emit(events, { tx: order() })).rejects.toMatchObject({
      code: "CARILLON_UNSERIALISABLE",
    })

    expect(till.log).toEqual([])
  })

  it("is refused where `tx` stands with one event of many", async () => {
    const { order } = await setup()

    const emitted = carillon.emit([{ name: "order.placed", options: { tx: order() } }])

    await expect(emitted).rejects.toThrow("among the options of `emit`")
  })

  it("resolves to nothing on the event module, as any emit there", async () => {
    const { order } = await setup()

    expect(await carillon.events.emit({ name: "order.placed" }, { tx: order() })).toBeUndefined()
  })

  it("tells where the transaction is of a database without Carillon's tables", async () => {
    const { till } = await setup()
    till.stage = () => Promise.reject(Object.assign(new Error("no relation"), { code: "42P01" }))

    const emitted = carillon.emit({ name: "order.placed" }, { tx: { query: async () => {} } })

    await expect(emitted).rejects.toThrow("in the database that Carillon uses")
  })

  it("passes on the errors of the caller's own transaction as they are", async () => {
    const { till } = await setup()
    const failure = Object.assign(new Error("could not serialize access"), { code: "40001" })
    till.stage = () => Promise.reject(failure)

    await expect(carillon.emit({ name: "order.placed" }, { tx: { query: async () => {} } })).rejects.toBe(
      failure,
    )
  })
})

describe("the transaction of a handler", () => {
  const transactional = { subscriberId: "ledger", policy: { transactional: true, retries: 1 } }

  async function run(handler: Handler, { till, clock }: Awaited<ReturnType<typeof setup>>, policy = {}) {
    carillon.events.subscribe("order.paid", handler, {
      ...transactional,
      policy: { ...transactional.policy, ...policy },
    })
    await carillon.start()
    const [receipt] = await carillon.emit({ name: "order.paid" })
    return { id: receipt?.id as string, till, clock }
  }

  async function deliveryOf(id: string) {
    await carillon.drain()
    const { deliveries } = await carillon.trace(id)
    return deliveries[0]
  }

  it("begins with the first query and commits with the delivery", async () => {
    const till = (await run(async (_, { tx }) => void (await tx.query("UPDATE balance")), await setup())).till

    await carillon.drain()

    expect(till.log).toEqual(["begin", "UPDATE balance", "commit"])
  })

  it("leaves the delivery delivered, with its attempt", async () => {
    const { id } = await run(async (_, { tx }) => void (await tx.query("UPDATE balance")), await setup())

    expect(await deliveryOf(id)).toMatchObject({
      state: "delivered",
      attempts: [{ attempt: 1, outcome: "delivered" }],
    })
  })

  it("is never begun by a handler that does not query", async () => {
    const { id, till } = await run((_, { tx }) => void tx, await setup())

    expect(await deliveryOf(id)).toMatchObject({ state: "delivered" })
    expect(till.log).toEqual([])
  })

  it("is rolled back when the handler fails, and begun anew by its retry", async () => {
    const { id, till, clock } = await run(
      async (_, { tx, attempt }) => {
        await tx.query(`UPDATE balance ${attempt}`)
        if (attempt === 1) throw new Error("The till is jammed")
      },
      await setup(),
    )

    await carillon.drain()
    await clock.advance("2s")

    expect(await deliveryOf(id)).toMatchObject({
      state: "delivered",
      attempts: [{ error: "The till is jammed" }, {}],
    })
    expect(till.log).toEqual(["begin", "UPDATE balance 1", "rollback", "begin", "UPDATE balance 2", "commit"])
  })

  it("is rolled back at the timeout even if the handler never ends, and takes no more queries", async () => {
    const [late, running] = [Promise.withResolvers<unknown>(), Promise.withResolvers<void>()]
    const { till, clock, ...rest } = await setup()
    await run(
      async (_, { tx, signal }) => {
        await tx.query("UPDATE balance")
        running.resolve()
        await new Promise((resolve) => signal.addEventListener("abort", resolve))
        while (!till.log.includes("rollback")) await new Promise(setImmediate)
        await tx.query("SELECT 1").catch(late.resolve)
        await new Promise(() => {})
      },
      { till, clock, ...rest },
      { timeout: 1_000 },
    )

    await running.promise
    await clock.advance("1s")

    expect(await late.promise).toMatchObject({ code: "CARILLON_STOPPED" })
    expect(till.log).toEqual(["begin", "UPDATE balance", "rollback"])
  })

  it("counts for nothing where the delivery was taken over meanwhile", async () => {
    const all = await setup()
    const { till } = await run(async (_, { tx }) => {
      await tx.query("UPDATE balance")
      await all.store.leases.leave(1) // as whoever takes a dead worker's work does
    }, all)

    await carillon.drain()

    expect(till.log.slice(0, 3)).toEqual(["begin", "UPDATE balance", "rollback: fenced"])
  })

  it("is tried again where it is not known to have committed, and was not", async () => {
    const all = await setup()
    all.till.settles = "unknown, not written"
    const { id, clock } = await run(async (_, { tx }) => void (await tx.query("UPDATE balance")), all)
    await carillon.drain()
    all.till.settles = "as they should"

    await clock.advance("2s")

    expect(await deliveryOf(id)).toMatchObject({ state: "delivered", attempts: [{ outcome: "retry" }, {}] })
    expect(all.till.log).toEqual(["begin", "UPDATE balance", "rollback", "begin", "UPDATE balance", "commit"])
    expect(all.errors.join()).toContain("could not be committed: Connection terminated")
  })

  it("is not run again where it is not known to have committed, but was", async () => {
    const all = await setup()
    all.till.settles = "unknown, written"
    const { id, clock } = await run(async (_, { tx }) => void (await tx.query("UPDATE balance")), all)
    await carillon.drain()

    await clock.advance("10s")

    expect(await deliveryOf(id)).toMatchObject({ state: "delivered", attempts: [{ outcome: "delivered" }] })
    expect(all.till.log).toEqual(["begin", "UPDATE balance", "rollback"])
  })

  it("carries emits, which go out with its commit", async () => {
    const all = await setup()
    all.till.stage = async (tx) => void (await tx.query("INSERT INTO staged", []))
    const { till } = await run((_, { tx }) => carillon.events.emit({ name: "invoice.made" }, { tx }), all)

    await carillon.drain()

    expect(till.log).toEqual(["begin", "INSERT INTO staged", "commit"])
    expect(all.appends).toEqual([1, 1]) // the order, and the release that followed the commit
  })

  it("cannot be ended by hand, but for savepoints", async () => {
    const { id, till } = await run(
      async (_, { tx }) => {
        await tx.query("SAVEPOINT here")
        await tx.query("ROLLBACK TO SAVEPOINT here")
        await tx.query(" commit")
      },
      await setup(),
    )

    expect((await deliveryOf(id))?.attempts[0]?.error).toContain("got `COMMIT`")
    expect(till.log).toEqual(["begin", "SAVEPOINT here", "ROLLBACK TO SAVEPOINT here", "rollback"])
  })

  it("sends what was asked for before the end, and refuses what comes after it", async () => {
    const late = Promise.withResolvers<unknown>()
    const { till } = await run(
      (_, { tx }) => {
        void tx.query("INSERT INTO balance")
        const client = tx.client<{ query(): Promise<void> }>()
        setImmediate(async () => {
          const lent = await client
          late.resolve([await tx.query("SELECT 1").catch((error) => error.code), caught(() => lent.query())])
        })
      },
      await setup(),
    )

    await carillon.drain()

    expect(till.log).toEqual(["begin", "INSERT INTO balance", "commit"])
    expect(await late.promise).toEqual(["CARILLON_STOPPED", "CARILLON_STOPPED"])
  })

  it("gives libraries a client that they cannot hand back", async () => {
    const { till } = await run(
      async (_, { tx }) => {
        const client = await tx.client<{ release(): void }>()
        client.release()
      },
      await setup(),
    )

    await carillon.drain()

    expect(till.log).toEqual(["begin", "commit"])
  })

  it("is refused to a subscription that is not transactional", async () => {
    const { id } = await run((_, { tx }) => tx.query("SELECT 1"), await setup(), { transactional: false })

    expect((await deliveryOf(id))?.attempts[0]?.error).toContain("`policy: { transactional: true }`")
  })
})

function caught(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

it("keeps transactions from an application on SQLite", async () => {
  const { createTestCarillon } = await import("carillon/testing")
  const shop = await createTestCarillon()
  carillon = shop
  shop.events.subscribe("order.paid", (_, { tx }) => tx.query("SELECT 1"), {
    subscriberId: "ledger",
    policy: { transactional: true },
  })

  const [receipt] = await shop.emit({ name: "order.paid" })
  await shop.drain()

  expect((await shop.trace(receipt?.id as string)).deliveries[0]?.attempts[0]?.error).toContain("got SQLite")
  await expect(shop.emit({ name: "order.paid" }, { tx: {} })).rejects.toThrow("on SQLite")
})
