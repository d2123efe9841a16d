import { type CarillonEvent, createCarillon, defineEvent, type Handler, Modules } from "carillon"
import { createTestCarillon, type TestCarillon, type TestCarillonOptions } from "carillon/testing"
import { afterEach, describe, expect, it, vi } from "vitest"
import { z } from "zod"

const open: TestCarillon[] = []

async function setup(options?: TestCarillonOptions) {
  const carillon = await createTestCarillon({ inline: true, ...options })
  open.push(carillon)
  return { carillon, events: carillon.events, clock: carillon.clock }
}

afterEach(async () => {
  for (const carillon of open.splice(0)) await carillon.stop()
})

/** A subscriber that keeps what it hears. */
function listener(): {
  handler: Handler
  heard: CarillonEvent[]
  names: () => string[]
  data: () => unknown[]
} {
  const heard: CarillonEvent[] = []
  return {
    heard,
    handler: (event) => void heard.push(event),
    names: () => heard.map((event) => event.name),
    data: () => heard.map((event) => event.data),
  }
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error) => error.code,
  )

describe("emit", () => {
  it("hands a subscriber exactly name, data and metadata, with dates in the metadata", async () => {
    const { events } = await setup()
    const { handler, heard } = listener()
    events.subscribe("product.created", handler, { subscriberId: "index" })

    const result = await events.emit({
      name: "product.created",
      data: { id: "prod_1" },
      metadata: { source: "product", object: "product", action: "created" },
    })

    expect(result).toBeUndefined()
    expect(heard).toEqual([
      {
        name: "product.created",
        data: { id: "prod_1" },
        metadata: {
          source: "product",
          object: "product",
          action: "created",
          created_at: expect.any(Date),
          published_at: expect.any(Date),
        },
      },
    ])
    expect(Object.keys(heard[0] as object)).toEqual(["name", "data", "metadata"])
  })

  it("is what the container resolves by both of its names", async () => {
    const { carillon, events } = await setup()

    expect(carillon.container.resolve(Modules.EVENT)).toBe(events)
    expect(carillon.container.resolve(Modules.EVENT_BUS)).toBe(events)
  })

  it("hands over each event of an array once, in order", async () => {
    const { events } = await setup()
    const { handler, data } = listener()
    events.subscribe("product.updated", handler, { subscriberId: "index" })

    await events.emit(Array.from({ length: 500 }, (_, i) => ({ name: "product.updated", data: i })))

    expect(data()).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  it("takes no options, undefined, null, an empty array, and options it does not know", async () => {
    const { carillon, events } = await setup()

    await events.emit({ name: "order.placed" }, undefined)
    await events.emit({ name: "order.placed" }, null as never)
    await events.emit([])
    await events.emit(
      { name: "order.placed" },
      { removeOnComplete: true, groupedEventsTTL: 600, internal: true },
    )

    expect(carillon.recorded.list.length).toBe(3)
  })

  it("keeps an event that nobody listens to, and calls interceptors for it", async () => {
    const { carillon, events } = await setup()
    const intercepted: string[] = []
    events.addInterceptor((message) => void intercepted.push(message.name))

    const [receipt] = await carillon.emit({ name: "order.placed", data: 1 })
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "late", start: "beginning" })
    await carillon.drain()

    expect(intercepted).toEqual(["order.placed"])
    expect(receipt).toEqual({ id: expect.stringMatching(/^evt_/), existing: false })
    expect(data()).toEqual([1])
  })

  it("gives four subscribers their own terms: two that fail do not touch the two that do not", async () => {
    const { events } = await setup()
    const calls: Record<string, number> = {}
    for (const id of ["mail", "index", "erp", "cms"]) {
      events.subscribe(
        "order.placed",
        () => {
          calls[id] = (calls[id] ?? 0) + 1
          if (id === "erp" || id === "cms") throw new Error(`${id} is down`)
        },
        { subscriberId: id, policy: { retries: 0 } },
      )
    }

    await events.emit({ name: "order.placed" })

    expect(calls).toEqual({ mail: 1, index: 1, erp: 1, cms: 1 })
  })

  it("retries only the subscribers that failed, as many times as `attempts` says", async () => {
    const { carillon, events, clock } = await setup()
    const good = vi.fn()
    const bad = vi.fn(() => {
      throw new Error("down")
    })
    events.subscribe("order.placed", good, { subscriberId: "good" })
    events.subscribe("order.placed", bad, { subscriberId: "bad" })

    await events.emit({ name: "order.placed" }, { attempts: 3, backoff: 1_000 })
    await clock.advance("1h")

    expect([good.mock.calls.length, bad.mock.calls.length]).toEqual([1, 3])
    expect((await carillon.deadLetters()).items).toMatchObject([{ subscription: "bad@order.placed" }])
  })

  it("lets the message's options win over the emit's", async () => {
    const { events, clock } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    await events.emit(
      [
        { name: "order.placed", data: "by emit" },
        { name: "order.placed", data: "by message", options: { delay: 1_000 } },
        { name: "order.placed", data: "by event", options: { delay: 1_000 }, delay: 500 },
      ],
      { delay: 2_000 },
    )

    await clock.advance(500)
    expect(data()).toEqual(["by event"])
    await clock.advance(500)
    expect(data()).toEqual(["by event", "by message"])
    await clock.advance(1_000)
    expect(data()).toEqual(["by event", "by message", "by emit"])
  })

  it("takes what the caller's objects hold at the moment of the call", async () => {
    const { carillon, events } = await setup({ inline: false })
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    const order = { id: "ord_1001", lines: ["mug"] }

    const emitted = events.emit({ name: "order.placed", data: order })
    order.lines.push("plate")
    await emitted
    await carillon.drain()

    expect(data()).toEqual([{ id: "ord_1001", lines: ["mug"] }])
  })

  it("never waits for handlers", async () => {
    const { carillon, events } = await setup({ inline: false })
    let finish = (): void => {}
    const running = new Promise<void>((resolve) => {
      finish = resolve
    })
    events.subscribe("order.placed", () => running, { subscriberId: "slow" })

    await events.emit({ name: "order.placed" })
    await events.emit({ name: "order.placed" })

    finish()
    await carillon.drain()
  })
})

describe("subscribe and unsubscribe", () => {
  it("return the module, so that they can be chained", async () => {
    const { events } = await setup()
    const { handler } = listener()

    expect(events.subscribe("a", handler, { subscriberId: "one" }).unsubscribe("a", handler)).toBe(events)
    expect(events.addInterceptor(() => {}).removeInterceptor(() => {})).toBe(events)
  })

  it("takes a handler off by function, and by id", async () => {
    const { events } = await setup()
    const [byFunction, byId, kept] = [listener(), listener(), listener()]
    events.subscribe("order.placed", byFunction.handler, { subscriberId: "one" })
    events.subscribe("order.placed", byId.handler, { subscriberId: "two" })
    events.subscribe("order.placed", kept.handler, { subscriberId: "three" })

    events.unsubscribe("order.placed", byFunction.handler)
    events.unsubscribe("order.placed", () => {}, { subscriberId: "two" })
    await events.emit({ name: "order.placed" })

    expect([byFunction.heard.length, byId.heard.length, kept.heard.length]).toEqual([0, 0, 1])
  })

  it("takes a function off one event and leaves it on another", async () => {
    const { events } = await setup()
    const { handler, names } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    events.subscribe("order.paid", handler, { subscriberId: "mail" })

    events.unsubscribe("order.placed", handler)
    await events.emit([{ name: "order.placed" }, { name: "order.paid" }])

    expect(names()).toEqual(["order.paid"])
  })

  it("takes no offence at a function or an id that never subscribed", async () => {
    const { events } = await setup()

    events.unsubscribe("order.placed", () => {})
    events.unsubscribe("order.placed", undefined, { subscriberId: "nobody" })
    events.unsubscribe(Symbol("order.placed"), () => {})

    await events.emit({ name: "order.placed" })
  })

  it("keeps what waits for a handler that was taken off until it subscribes again", async () => {
    const { carillon, events } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    events.unsubscribe("order.placed", handler)
    await events.emit({ name: "order.placed", data: "missed" })
    expect(data()).toEqual([])

    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await carillon.drain()

    expect(data()).toEqual(["missed"])
  })

  it("lets symbols of one description meet", async () => {
    const { events } = await setup()
    const { handler, heard } = listener()
    events.subscribe(Symbol("order placed"), handler, { subscriberId: "mail" })

    await events.emit({ name: Symbol("order placed").toString() })

    expect(heard.length).toBe(1)
    events.unsubscribe(Symbol("order placed"), handler)
    await events.emit({ name: "Symbol(order placed)" })
    expect(heard.length).toBe(1)
  })

  it("calls wildcard subscribers besides the named ones", async () => {
    const { events } = await setup()
    const [all, orders, placed] = [listener(), listener(), listener()]
    events.subscribe("*", all.handler, { subscriberId: "audit" })
    events.subscribe("order.*", orders.handler, { subscriberId: "orders" })
    events.subscribe("order.placed", placed.handler, { subscriberId: "mail" })

    await events.emit([{ name: "order.placed" }, { name: "brand.created" }, { name: "order.paid" }])

    expect(all.names().toSorted()).toEqual(["brand.created", "order.paid", "order.placed"])
    expect(orders.names().toSorted()).toEqual(["order.paid", "order.placed"])
    expect(placed.names()).toEqual(["order.placed"])
  })

  it("refuses what is no function, and one id twice on one event", async () => {
    const { events } = await setup()
    const { handler } = listener()

    expect(() => events.subscribe("order.placed", "mail" as never)).toThrow("Subscriber must be a function")
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    expect(() => events.subscribe("order.placed", () => {}, { subscriberId: "mail" })).toThrow(
      "Subscriber with id mail already exists",
    )
    events.subscribe("order.paid", handler, { subscriberId: "mail" })
  })

  it.each(["checkout\0", "g\ud800x", ""])("refuses %j as an event group's id", async (eventGroupId) => {
    const { events } = await setup()
    const code = "CARILLON_INVALID_INPUT"

    const emit = events.emit({ name: "order.placed", metadata: { eventGroupId } })

    await expect(emit).rejects.toMatchObject({ code })
    await expect(events.releaseGroupedEvents(eventGroupId)).rejects.toMatchObject({ code })
    await expect(events.clearGroupedEvents(eventGroupId)).rejects.toMatchObject({ code })
  })

  it("refuses `tx: null`, which would write outside of any transaction", async () => {
    const { events } = await setup()

    await expect(events.emit({ name: "order.placed" }, { tx: null })).rejects.toThrow(/transaction/)
  })

  it("warns of a subscriber without a name, and names the others after their functions", async () => {
    const warn = vi.fn()
    const { carillon, events } = await setup({ logger: { debug() {}, info() {}, warn, error() {} } })
    events.subscribe("order.placed", async function syncToCms() {})
    expect(warn).not.toHaveBeenCalled()

    events.subscribe("order.placed", () => {})

    expect(warn).toHaveBeenCalledTimes(1)
    const ids = (await carillon.subscriptions()).map((each) => each.id)
    expect(ids).toContain("sync-to-cms@order.placed")
  })

  it("delivers only what a filter, a sender and a scope let through", async () => {
    const { events } = await setup()
    const [big, checkout, dev] = [listener(), listener(), listener()]
    const filter = { data: { total: [{ numeric: [">", 100] }] } }
    events.subscribe("order.placed", big.handler, { subscriberId: "big", filter })
    events.subscribe("order.placed", checkout.handler, { subscriberId: "checkout", sender: "checkout" })
    events.subscribe("order.placed", dev.handler, { subscriberId: "dev", scope: "acme/dev" })

    await events.emit([
      { name: "order.placed", data: { total: 50 } },
      { name: "order.placed", data: { total: 150 }, sender: "checkout" },
      { name: "order.placed", data: { total: 99 }, scope: { account: "acme", workspace: "dev" } },
    ])

    expect(big.data()).toEqual([{ total: 150 }])
    expect(checkout.heard.map((event) => event.sender)).toEqual(["checkout"])
    expect(dev.heard.map((event) => event.scope)).toEqual([{ account: "acme", workspace: "dev" }])
  })
})

describe("handlers", () => {
  it("get a stable delivery id, the attempt, a signal, a logger and the container", async () => {
    const { carillon, events, clock } = await setup()
    const contexts: unknown[][] = []
    events.subscribe(
      "order.placed",
      (_event, { deliveryId, attempt, signal, logger, container }) => {
        contexts.push([deliveryId, attempt, signal.aborted, logger, container])
        if (attempt === 1) throw new Error("once more")
      },
      { subscriberId: "mail" },
    )

    await events.emit({ name: "order.placed" })
    await clock.advance("1s")

    const [first, second] = contexts
    expect(first?.[0]).toMatch(/^dlv_/)
    expect(first?.slice(1)).toEqual([1, false, carillon.logger, carillon.container])
    expect(second?.slice(0, 2)).toEqual([first?.[0], 2])
  })

  it("get a frozen view: what one tries to change, no other sees", async () => {
    const { carillon, events } = await setup()
    const { handler, data } = listener()
    events.subscribe(
      "order.placed",
      (event) => {
        ;(event.data as { lines: string[] }).lines.push("mine")
      },
      { subscriberId: "vandal", policy: { retries: 0 } },
    )
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    await events.emit({ name: "order.placed", data: { lines: ["mug"] } })

    expect(data()).toEqual([{ lines: ["mug"] }])
    expect((await carillon.deadLetters()).items[0]?.error).toContain("not extensible")
  })

  it("find the event's further fields beside the contract's three", async () => {
    const { carillon, events, clock } = await setup()
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    const [receipt] = await carillon.emit({
      name: "order.placed",
      key: "cus_1",
      sender: "checkout",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    })

    const [event] = heard
    expect(event?.id).toBe(receipt?.id)
    expect([event?.key, event?.sender, event?.causationId]).toEqual(["cus_1", "checkout", null])
    expect(event?.scope).toEqual({ account: "default", workspace: "master" })
    expect(event?.at.getTime()).toBe(clock.now())
    expect(event?.traceparent).toContain("0af7651916cd43dd8448eb211c80319c")
  })

  it("pass cause, correlation and trace on to what they emit", async () => {
    const { carillon, events } = await setup()
    const { handler, heard } = listener()
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    events.subscribe("order.placed", () => events.emit({ name: "order.confirmed" }), {
      subscriberId: "confirm",
    })
    events.subscribe("order.confirmed", () => events.emit({ name: "mail.sent" }), { subscriberId: "mail" })
    events.subscribe("*", handler, { subscriberId: "audit" })

    const [receipt] = await carillon.emit({ name: "order.placed", traceparent })

    const by = Object.fromEntries(heard.map((event) => [event.name, event]))
    expect(by["order.confirmed"]?.causationId).toBe(receipt?.id)
    expect(by["mail.sent"]?.causationId).toBe(by["order.confirmed"]?.id)
    expect(by["mail.sent"]?.correlationId).toBe(receipt?.id)
    expect(by["mail.sent"]?.traceparent).toBe(traceparent)
    await events.emit({ name: "order.paid" })
    expect(heard.find((event) => event.name === "order.paid")?.causationId).toBeNull()
  })
})

describe("event groups", () => {
  const grouped = (name: string, eventGroupId: string, data?: unknown) => ({
    name,
    data,
    metadata: { eventGroupId },
  })

  it("hold an event back until its release, then deliver it once with its group's id", async () => {
    const { events, clock } = await setup()
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await events.emit(grouped("order.placed", "checkout_1"))
    const createdAt = clock.now()
    await clock.advance("5m")
    expect(heard).toEqual([])

    await events.releaseGroupedEvents("checkout_1")
    await events.releaseGroupedEvents("checkout_1")

    expect(heard.length).toBe(1)
    expect(heard[0]?.metadata).toEqual({
      eventGroupId: "checkout_1",
      created_at: new Date(createdAt),
      published_at: new Date(clock.now()),
    })
  })

  it("of several are released each alone; ungrouped events of the same emit go at once", async () => {
    const { events } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    await events.emit([
      grouped("order.placed", "checkout_1", "first of 1"),
      { name: "order.placed", data: "at once" },
      grouped("order.placed", "checkout_2", "of 2"),
      grouped("order.placed", "checkout_1", "second of 1"),
    ])

    expect(data()).toEqual(["at once"])
    await events.releaseGroupedEvents("checkout_2")
    expect(data()).toEqual(["at once", "of 2"])
    await events.releaseGroupedEvents("checkout_1")
    expect(data()).toEqual(["at once", "of 2", "first of 1", "second of 1"])
  })

  it("deliver each event once when two release at the same moment", async () => {
    const { events } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await events.emit(Array.from({ length: 50 }, (_, i) => grouped("order.placed", "checkout_1", i)))

    await Promise.all([events.releaseGroupedEvents("checkout_1"), events.releaseGroupedEvents("checkout_1")])

    expect(data()).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  it("that are cleared are never delivered; clearing some names leaves the others", async () => {
    const { events } = await setup()
    const { handler, names } = listener()
    events.subscribe("*", handler, { subscriberId: "audit" })
    await events.emit([grouped("order.placed", "checkout_1"), grouped("order.paid", "checkout_1")])
    await events.emit(grouped("order.placed", "checkout_2"))

    await events.clearGroupedEvents("checkout_1", { eventNames: ["order.placed", "order.gone"] })
    await events.clearGroupedEvents("checkout_2")
    await events.releaseGroupedEvents("checkout_1")
    await events.releaseGroupedEvents("checkout_2")

    expect(names()).toEqual(["order.paid"])
    await events.clearGroupedEvents("checkout_1", { eventNames: ["order.paid"] })
  })

  it("may be cleared one by one, by their ids", async () => {
    const { events } = await setup()
    const { handler, data } = listener()
    events.subscribe("*", handler, { subscriberId: "audit" })
    await events.emit([
      { ...grouped("order.placed", "checkout_1", "kept"), id: "placed-1" },
      { ...grouped("order.placed", "checkout_1", "dropped"), id: "placed-2" },
    ])

    await events.clearGroupedEvents("checkout_1", { eventIds: ["placed-2", "unknown"] })
    await events.releaseGroupedEvents("checkout_1")

    expect(data()).toEqual(["kept"])
    await expect(events.clearGroupedEvents("checkout_1", { eventIds: [1] as never })).rejects.toThrow(
      "`eventIds`",
    )
  })

  it("that do not exist may be released and cleared", async () => {
    const { events } = await setup()

    await expect(events.releaseGroupedEvents("nobody")).resolves.toBeUndefined()
    await expect(events.clearGroupedEvents("nobody")).resolves.toBeUndefined()
    await expect(events.clearGroupedEvents("nobody", { eventNames: ["a"] })).resolves.toBeUndefined()
  })

  it("may be used again after a release", async () => {
    const { events } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    for (const round of [1, 2]) {
      await events.emit(grouped("order.placed", "checkout_1", round))
      await events.releaseGroupedEvents("checkout_1")
    }

    expect(data()).toEqual([1, 2])
  })
})

describe("interceptors", () => {
  it("see a staged event once, at its release, with its group; and are taken off again", async () => {
    const { events } = await setup()
    const seen: unknown[] = []
    const interceptor = (message: { name: string }, context: object) =>
      void seen.push([message.name, context])
    events.addInterceptor(interceptor)

    await events.emit({ name: "order.placed", metadata: { eventGroupId: "checkout_1" } })
    await events.releaseGroupedEvents("checkout_1")
    events.removeInterceptor(interceptor)
    await events.emit({ name: "order.paid" })

    expect(seen).toEqual([["order.placed", { isGrouped: true, eventGroupId: "checkout_1" }]])
  })

  it("stop nothing when they throw or reject; their errors are logged", async () => {
    const error = vi.fn()
    const { events } = await setup({ logger: { debug() {}, info() {}, warn() {}, error } })
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    events.addInterceptor(() => {
      throw new Error("thrown")
    })
    events.addInterceptor(() => Promise.reject(new Error("rejected")))

    await events.emit({ name: "order.placed" })

    expect(heard.length).toBe(1)
    expect(error.mock.calls.map(([problem]) => (problem as Error).message)).toEqual(["thrown", "rejected"])
  })
})

describe("time, priority and order", () => {
  it("delivers when the delay is over, or the date has come, and not earlier", async () => {
    const { events, clock } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    await events.emit({ name: "order.placed", data: "delayed", delay: 60_000 })
    await events.emit({ name: "order.placed", data: "dated", deliverAt: new Date(clock.now() + 90_000) })
    await events.emit({ name: "order.placed", data: "past", deliverAt: clock.now() - 1 })

    expect(data()).toEqual(["past"])
    await clock.advance(59_999)
    expect(data()).toEqual(["past"])
    await clock.advance(1)
    expect(data()).toEqual(["past", "delayed"])
    await clock.advance(30_000)
    expect(data()).toEqual(["past", "delayed", "dated"])
  })

  it("counts the delay of a staged event from its emit", async () => {
    const { events, clock } = await setup()
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await events.emit({ name: "order.placed", metadata: { eventGroupId: "checkout_1" } }, { delay: 10_000 })
    await clock.advance("4s")
    await events.releaseGroupedEvents("checkout_1")

    await clock.advance(5_999)
    expect(heard.length).toBe(0)
    await clock.advance(1)

    expect(heard.length).toBe(1)
  })

  it("runs what is urgent first, and low priority too", async () => {
    const { carillon, events } = await setup({ inline: false, start: false })
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail", policy: { concurrency: 1 } })
    for (const priority of ["low", 500, "normal", 100, "high", 10] as const)
      await events.emit({ name: "order.placed", data: priority, priority })

    await carillon.start()
    await carillon.drain()

    expect(data().slice(0, 2).toSorted()).toEqual([10, "high"])
    expect(data().length).toBe(6)
  })

  it("warns of a priority out of range and counts it as normal", async () => {
    const warn = vi.fn()
    const { events } = await setup({ logger: { debug() {}, info() {}, warn, error() {} } })
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })

    await events.emit({ name: "order.placed" }, { priority: 0 })

    expect(heard.length).toBe(1)
    expect(warn).toHaveBeenCalledTimes(1)
  })

  it("delivers the events of one key in order, one after another, other keys beside them", async () => {
    const { carillon, events } = await setup({ inline: false })
    const log: string[] = []
    events.subscribe<{ n: number }>(
      "order.updated",
      async (event) => {
        log.push(`begin ${event.key} ${event.data.n}`)
        await new Promise((resolve) => setImmediate(resolve))
        log.push(`end ${event.key} ${event.data.n}`)
      },
      { subscriberId: "erp", policy: { order: "hold" } },
    )

    for (let n = 1; n <= 3; n++)
      await events.emit(["cus_1", "cus_2"].map((key) => ({ name: "order.updated", key, data: { n } })))
    await carillon.drain()

    for (const key of ["cus_1", "cus_2"]) {
      expect(log.filter((line) => line.includes(key))).toEqual(
        [1, 2, 3].flatMap((n) => [`begin ${key} ${n}`, `end ${key} ${n}`]),
      )
    }
  })
})

describe("ids of callers", () => {
  it("make an emit idempotent: the same again is one event, other content an error", async () => {
    const { carillon, events } = await setup()
    const { handler, data } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    const order = { name: "order.placed", id: "ord_1001-placed", data: { a: 1, b: 2 } }

    const first = await carillon.emit(order)
    const again = await carillon.emit({ ...order, data: { b: 2, a: 1 } })

    expect([first, again]).toEqual([
      [{ id: "ord_1001-placed", existing: false }],
      [{ id: "ord_1001-placed", existing: true }],
    ])
    expect(await codeOf(events.emit({ ...order, data: { a: 2 } }))).toBe("CARILLON_ID_CONFLICT")
    expect(data()).toEqual([{ a: 1, b: 2 }])
  })

  it("refuse two contents under one id in one array of staged events, and stage none of it", async () => {
    const { carillon, events } = await setup()
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    const metadata = { eventGroupId: "checkout_1" }

    const emitted = events.emit([
      { name: "order.placed", id: "a", data: 1, metadata },
      { name: "order.placed", id: "a", data: 2, metadata },
    ])

    expect(await codeOf(emitted)).toBe("CARILLON_ID_CONFLICT")
    await events.releaseGroupedEvents("checkout_1")
    expect(heard).toEqual([])
    expect((await carillon.stats()).staged).toBe(0)
  })
})

describe("definitions", () => {
  const orderPlaced = defineEvent(
    "order.placed",
    z.object({ id: z.string(), total: z.number().positive(), currency: z.string().default("EUR") }),
  )

  it("check data before anything is written, and give handlers what the schema made of it", async () => {
    const { carillon, events } = await setup({ definitions: [orderPlaced] })
    const totals: string[] = []
    events.subscribe(
      orderPlaced,
      ({ data }) => void totals.push(`${data.total.toFixed(2)} ${data.currency}`),
      {
        subscriberId: "books",
      },
    )

    await events.emit(orderPlaced.create({ id: "ord_1001", total: 12 }))
    const bad = events.emit([
      { name: "order.placed", data: { id: "ord_1002", total: 1 } },
      { name: "order.placed", data: { id: "ord_1003", total: -1 } },
    ])

    await expect(bad).rejects.toThrow(/Expected the data of `order.placed` to fit its schema. data.total: /)
    expect(totals).toEqual(["12.00 EUR"])
    expect((await carillon.stats()).events).toBe(1)
  })

  it("take an asynchronous schema, and names without one unless they are refused", async () => {
    const slow = defineEvent(
      "brand.created",
      z.object({ id: z.string().refine(async (id) => id !== "brand_0") }),
    )
    const { events } = await setup({ definitions: [slow] })
    const strict = await setup({ definitions: [slow], onlyDefined: true })

    await events.emit(slow.create({ id: "brand_1" }))
    await events.emit({ name: "anything.else" })
    expect(await codeOf(events.emit(slow.create({ id: "brand_0" })))).toBe("CARILLON_SCHEMA")
    await expect(strict.events.emit({ name: "brand.craeted" })).rejects.toThrow(
      "Did you mean `brand.created`?",
    )
    expect(await codeOf(strict.events.emit({ name: "other" }))).toBe("CARILLON_UNKNOWN_EVENT")
  })
})

describe("bad input", () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const bad: [what: string, event: unknown, options: unknown, code: string][] = [
    ["no event", null, undefined, "CARILLON_INVALID_INPUT"],
    ["a string", "order.placed", undefined, "CARILLON_INVALID_INPUT"],
    ["no name", { data: 1 }, undefined, "CARILLON_INVALID_INPUT"],
    ["an empty name", { name: "" }, undefined, "CARILLON_INVALID_INPUT"],
    ["a name that is a number", { name: 7 }, undefined, "CARILLON_INVALID_INPUT"],
    ["a name of Carillon's own", { name: "carillon.mine" }, undefined, "CARILLON_INVALID_INPUT"],
    ["options that are none", { name: "a" }, "soon", "CARILLON_INVALID_INPUT"],
    ["metadata that is a list", { name: "a", metadata: [] }, undefined, "CARILLON_INVALID_INPUT"],
    [
      "an event group that is a number",
      { name: "a", metadata: { eventGroupId: 5 } },
      undefined,
      "CARILLON_INVALID_INPUT",
    ],
    ["an empty id", { name: "a", id: "" }, undefined, "CARILLON_INVALID_INPUT"],
    ["an id with a NUL", { name: "a", id: "a\0b" }, undefined, "CARILLON_INVALID_INPUT"],
    ["half a surrogate pair as a key", { name: "a", key: "\ud800" }, undefined, "CARILLON_INVALID_INPUT"],
    ["a scope that is a path", { name: "a", scope: "a/b/c" }, undefined, "CARILLON_INVALID_INPUT"],
    ["a delay below zero", { name: "a", delay: -1 }, undefined, "CARILLON_INVALID_INPUT"],
    ["a delay that is a string", { name: "a" }, { delay: "1s" }, "CARILLON_INVALID_INPUT"],
    ["a date that is none", { name: "a", deliverAt: new Date("soon") }, undefined, "CARILLON_INVALID_INPUT"],
    ["a priority by a wrong name", { name: "a", priority: "urgent" }, undefined, "CARILLON_INVALID_INPUT"],
    ["attempts below one", { name: "a" }, { attempts: 0 }, "CARILLON_INVALID_INPUT"],
    [
      "a backoff that is no time",
      { name: "a" },
      { backoff: { type: "fixed", delay: -5 } },
      "CARILLON_INVALID_INPUT",
    ],
    ["a backoff without end", { name: "a" }, { backoff: Number.POSITIVE_INFINITY }, "CARILLON_INVALID_INPUT"],
    ["a function as data", { name: "a", data: () => {} }, undefined, "CARILLON_UNSERIALISABLE"],
    ["a bigint as data", { name: "a", data: 1n }, undefined, "CARILLON_UNSERIALISABLE"],
    ["a circle as data", { name: "a", data: circle }, undefined, "CARILLON_UNSERIALISABLE"],
    ["a circle in the metadata", { name: "a", metadata: circle }, undefined, "CARILLON_UNSERIALISABLE"],
    ["too much data", { name: "a", data: "x".repeat(300_000) }, undefined, "CARILLON_EVENT_TOO_LARGE"],
    [
      "too much metadata",
      { name: "a", metadata: { x: "x".repeat(300_000) } },
      undefined,
      "CARILLON_EVENT_TOO_LARGE",
    ],
    ["a transaction", { name: "a" }, { tx: {} }, "CARILLON_UNSUPPORTED"],
  ]

  for (const [what, event, options, code] of bad) {
    it(`refuses ${what}, and writes nothing of its array`, async () => {
      const { carillon, events } = await setup()

      expect(await codeOf(events.emit([{ name: "order.placed" }, event] as never, options as never))).toBe(
        code,
      )

      expect(await carillon.stats()).toMatchObject({ events: 0, staged: 0 })
      expect(carillon.recorded.list).toEqual([])
    })
  }

  it("takes an event of exactly the largest size, and counts bytes, not characters", async () => {
    const { events } = await setup({ mostEventBytes: 100 })

    await events.emit({ name: "a", data: "x".repeat(98) })
    expect(await codeOf(events.emit({ name: "a", data: "x".repeat(99) }))).toBe("CARILLON_EVENT_TOO_LARGE")
    await events.emit({ name: "a", data: "€".repeat(32) })
    expect(await codeOf(events.emit({ name: "a", data: "€".repeat(33) }))).toBe("CARILLON_EVENT_TOO_LARGE")
  })

  it("refuses subscriptions with a bad pattern, filter, policy, id or start", async () => {
    const { events } = await setup()
    const { handler } = listener()
    const codeOfSubscribing = (options: object, event: unknown = "order.placed") => {
      try {
        events.subscribe(event as string, handler, { subscriberId: "mail", ...options })
      } catch (error) {
        return (error as { code?: string }).code
      }
      return events.emit({ name: "x" }).then(
        () => "no error",
        (error) => error.code,
      )
    }

    expect(await codeOfSubscribing({}, "")).toBe("CARILLON_INVALID_INPUT")
    expect(await codeOfSubscribing({}, 7)).toBe("CARILLON_INVALID_INPUT")
    expect(await codeOfSubscribing({ filter: { data: "EUR" } })).toBe("CARILLON_INVALID_FILTER")
    expect(await codeOfSubscribing({ policy: { retires: 3 } })).toBe("CARILLON_INVALID_POLICY")
    expect(await codeOfSubscribing({ subscriberId: "" })).toBe("CARILLON_INVALID_INPUT")
    expect(await codeOfSubscribing({ sender: 7 })).toBe("CARILLON_INVALID_INPUT")
    expect(await codeOfSubscribing({ scope: "a/b/c" })).toBe("CARILLON_INVALID_INPUT")
    expect(await codeOfSubscribing({ start: "yesterday" })).toBe("CARILLON_INVALID_INPUT")
  })

  it("leaves nothing of a subscription that was refused", async () => {
    const { events } = await setup()
    const { handler, heard } = listener()
    expect(() =>
      events.subscribe("order.placed", handler, { subscriberId: "mail", start: "yesterday" as never }),
    ).toThrow()

    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await events.emit({ name: "order.placed" })

    expect(heard.length).toBe(1)
  })
})

describe("backpressure", () => {
  it("rejects what is more than may wait for the disk, and takes events again afterwards", async () => {
    const { carillon, events } = await setup({ inline: false, mostWaitingBytes: 10_000 })
    const { handler, heard } = listener()
    events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await events.emit({ name: "order.placed" })

    const flood = Array.from({ length: 50 }, () =>
      codeOf(events.emit({ name: "order.placed", data: "x".repeat(500) })),
    )
    const codes = await Promise.all(flood)

    const taken = codes.filter((code) => code === "no error").length
    expect(taken).toBeGreaterThan(5)
    expect(new Set(codes)).toEqual(new Set(["no error", "CARILLON_OVERLOADED"]))
    await events.emit({ name: "order.placed" })
    await carillon.drain()
    expect(heard.length).toBe(taken + 2)
  })

  it("takes one event that is larger than all that may wait", async () => {
    const { events } = await setup({ mostWaitingBytes: 100 })

    expect(await codeOf(events.emit({ name: "order.placed", data: "x".repeat(500) }))).toBe("no error")
  })
})

describe("a store in a file", () => {
  it("delivers after a restart what was emitted before it, to the same subscriber", async () => {
    const { mkdtemp, rm } = await import("node:fs/promises")
    const { tmpdir } = await import("node:os")
    const { join } = await import("node:path")
    const folder = await mkdtemp(join(tmpdir(), "carillon-e2e-"))
    const options = { database: join(folder, "shop.db"), logger: false, group: "shop" } as const
    const { handler, data } = listener()
    const before = await createCarillon(options)
    before.events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await before.events.emit({ name: "order.placed", data: "before" })
    await before.stop()

    const after = await createCarillon(options)
    after.events.subscribe("order.placed", handler, { subscriberId: "mail" })
    await after.start()
    await after.drain()

    expect(data()).toEqual(["before"])
    expect(await codeOf(before.events.emit({ name: "order.placed" }))).toBe("CARILLON_STOPPED")
    await after.stop()
    await rm(folder, { recursive: true })
  })
})
