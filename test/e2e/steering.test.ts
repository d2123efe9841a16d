import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import {
  type CarillonOptions,
  createCarillon,
  type DeliveryReport,
  defineEvent,
  PermanentError,
  type TailEntry,
} from "carillon"
import { movingClock } from "carillon/testing"
import { createWorkflow, emitEventStep, sleepStep } from "carillon/workflows"
import { afterAll, describe, expect, it } from "vitest"
import { z } from "zod"

const folder = mkdtempSync(join(tmpdir(), "carillon-steering-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

/** A Carillon on a real file, with a clock that the test moves. */
async function setup(options: CarillonOptions = {}) {
  const clock = movingClock()
  const database = join(folder, `${++files}.db`)
  const carillon = await createCarillon({
    database,
    clock,
    storeThread: "main",
    logger: false,
    group: "shop",
    random: () => 0,
    ...options,
  })
  return { carillon, clock, database }
}

const down = async (): Promise<void> => {
  throw new Error("cms is down")
}
const refused = async (): Promise<void> => {
  throw new PermanentError("no such account")
}
const placed = { name: "order.placed", data: { id: "ord_1001", total: 40 } }

function bySubscriber(deliveries: readonly DeliveryReport[]): Record<string, DeliveryReport> {
  return Object.fromEntries(deliveries.map((each) => [each.subscription.split("@")[0], each]))
}

describe("a trace", () => {
  it("tells of every subscription what became of the event, each attempt, and what waits and why", async () => {
    const { carillon, clock } = await setup()
    carillon.events
      .subscribe("order.placed", async () => {}, { subscriberId: "stock" })
      .subscribe("order.*", down, { subscriberId: "cms", policy: { retries: 3, initialBackoffDelay: 5_000 } })
      .subscribe("*", refused, { subscriberId: "crm" })
      .subscribe("order.placed", async () => {}, { subscriberId: "mails" })
    await carillon.start()
    await carillon.pause("mails")

    const [receipt] = await carillon.emit(placed)
    await carillon.drain()
    const { event, deliveries } = await carillon.trace(receipt?.id ?? "")

    const { stock, cms, crm, mails } = bySubscriber(deliveries)
    expect(event).toMatchObject({ name: "order.placed", data: { id: "ord_1001" } })
    expect(stock).toMatchObject({ state: "delivered", together: { deliveries: 1 }, attempts: [] })
    expect(cms).toMatchObject({
      state: "retry",
      why: "attempt 1 failed, it is tried again",
      error: "cms is down",
      dueAt: new Date(clock.now() + 5_000),
      attempts: [{ attempt: 1, outcome: "retry", error: "cms is down" }],
    })
    expect(crm).toMatchObject({
      state: "dead",
      why: "the error is permanent",
      error: "no such account",
      attempts: [{ attempt: 1, outcome: "dead" }],
    })
    expect(mails).toMatchObject({ state: "waiting", why: "the subscription is paused", dueAt: null })
    await carillon.stop()
  })

  it("keeps every attempt, in order", async () => {
    const { carillon, clock } = await setup()
    carillon.events.subscribe("order.placed", down, {
      subscriberId: "cms",
      policy: { retries: 2, initialBackoffDelay: 1_000 },
    })
    await carillon.start()
    const [receipt] = await carillon.emit(placed)
    await carillon.drain()
    for (let i = 0; i < 2; i++) {
      await clock.advance("10s")
      await carillon.drain()
    }

    const { deliveries } = await carillon.trace(receipt?.id ?? "")

    expect(deliveries[0]?.state).toBe("dead")
    expect(deliveries[0]?.attempts.map((each) => [each.attempt, each.outcome])).toEqual([
      [1, "retry"],
      [2, "retry"],
      [3, "dead"],
    ])
    await carillon.stop()
  })

  it("says why others were not called: filter, sender, scope, a near name, subscribed later", async () => {
    const { carillon } = await setup()
    const filter = { data: { total: [{ numeric: [">", 100] }] } }
    carillon.events
      .subscribe("order.placed", () => {}, { subscriberId: "rich", filter })
      .subscribe("order.placed", () => {}, { subscriberId: "pos", sender: "till" })
      .subscribe("order.placed", () => {}, { subscriberId: "acme", scope: "acme/master" })
      .subscribe("order.placd", () => {}, { subscriberId: "typo" })
      .subscribe("customer.created", () => {}, { subscriberId: "stranger" })
    await carillon.start()
    const [receipt] = await carillon.emit(placed)
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "late" })

    const { notCalled, deliveries, didYouMean } = await carillon.trace(receipt?.id ?? "")

    expect(deliveries).toEqual([])
    expect(didYouMean).toBe("order.placd")
    expect(
      Object.fromEntries(notCalled.map((each) => [each.subscription.split("@")[0], each.reason])),
    ).toEqual({
      rich: "filter",
      pos: "sender",
      acme: "scope",
      typo: "name",
      late: "later",
    })
    expect(notCalled.find((each) => each.reason === "filter")?.why).toMatch(/data.total is 40, wanted/)
    await carillon.stop()
  })

  it("says that no worker is running, or that none has a handler", async () => {
    const { carillon, database } = await setup()
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    const [receipt] = await carillon.emit(placed)

    const before = await carillon.trace(receipt?.id ?? "")
    const other = await createCarillon({ database, group: "shop", logger: false, storeThread: "main" })
    await other.start()
    const after = await carillon.trace(receipt?.id ?? "")

    expect(before.deliveries[0]).toMatchObject({
      state: "waiting",
      why: "no worker of group `shop` is running",
    })
    expect(after.deliveries[0]?.why).toBe("no live worker has a handler for it")
    await other.stop()
    await carillon.stop()
  })

  it("shows what caused an event and what it caused", async () => {
    const { carillon } = await setup()
    carillon.events.subscribe(
      "order.placed",
      async () => {
        await carillon.emit({ name: "mail.requested" })
      },
      { subscriberId: "mails" },
    )
    await carillon.start()
    const [receipt] = await carillon.emit(placed)
    await carillon.drain()

    const order = await carillon.trace(receipt?.id ?? "")
    const mail = await carillon.trace(order.caused[0]?.id ?? "")

    expect(order.caused.map((each) => each.name)).toEqual(["mail.requested"])
    expect(mail.causes.map((each) => each.name)).toEqual(["order.placed"])
    await carillon.stop()
  })

  it("takes a delivery's id, a caller's id and a staged event's id, and refuses what is none", async () => {
    const { carillon } = await setup()
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    await carillon.start()
    await carillon.emit({ ...placed, id: "ord_1001-placed" })
    const [staged] = await carillon.emit({ name: "order.paid", metadata: { eventGroupId: "checkout_1" } })
    await carillon.drain()

    const own = await carillon.trace("ord_1001-placed")
    const delivery = own.deliveries[0]?.deliveryId ?? ""

    expect((await carillon.trace(delivery)).deliveryId).toBe(delivery)
    expect((await carillon.trace(staged?.id ?? "")).stagedIn).toBe("checkout_1")
    await expect(carillon.trace("evt_unknown")).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
    await carillon.stop()
  })
})

describe("lists", () => {
  it("page through all deliveries without losing or repeating one", async () => {
    const { carillon } = await setup()
    carillon.events
      .subscribe("order.placed", () => {}, { subscriberId: "stock" })
      .subscribe("order.placed", refused, { subscriberId: "crm" })
    await carillon.start()
    await carillon.emit(
      Array.from({ length: 20 }, (_, i) => ({ name: "order.placed", data: { id: `ord_${i}` } })),
    )
    await carillon.drain()

    for (const state of [undefined, "delivered", "dead"] as const) {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await carillon.listDeliveries({ state, limit: 7, cursor })
        seen.push(...page.items.map((each) => each.deliveryId))
        cursor = page.cursor ?? undefined
      } while (cursor !== undefined)
      expect([state, seen.length, new Set(seen).size]).toEqual([
        state,
        state === undefined ? 40 : 20,
        state === undefined ? 40 : 20,
      ])
    }
    await carillon.stop()
  })

  it("find what waits, wherever it is kept", async () => {
    const { carillon } = await setup()
    carillon.events
      .subscribe("order.placed", () => {}, { subscriberId: "stock" })
      .subscribe("order.placed", () => {}, { subscriberId: "later" })
    await carillon.pause("later")
    await carillon.emit(placed)
    await carillon.emit({ ...placed, delay: 60_000 })

    const { items } = await carillon.listDeliveries({ state: "waiting" })

    expect(items.map((each) => [each.subscription.split("@")[0], each.home]).sort()).toEqual([
      ["later", "job"],
      ["later", "part"],
      ["stock", "batch"],
      ["stock", "job"],
    ])
    await carillon.stop()
  })

  it("name the events seen, with the newest sample and who listens", async () => {
    const { carillon } = await setup()
    carillon.events.subscribe("order.*", () => {}, { subscriberId: "audit" })
    await carillon.emit<unknown>([
      placed,
      { name: "order.paid", data: { id: "ord_1002" }, sender: "till" },
      placed,
    ])

    const names = await carillon.eventNames()

    expect(names).toMatchObject([
      {
        name: "order.paid",
        events: 1,
        sender: "till",
        sample: { id: "ord_1002" },
        subscribers: ["audit@order.*"],
      },
      { name: "order.placed", events: 2, complete: true, sender: null },
    ])
    await carillon.stop()
  })

  it("say how far behind a subscription is, and that nobody handles it", async () => {
    const { carillon, clock } = await setup()
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    await carillon.emit([placed, placed])
    await carillon.emit({ ...placed, delay: 3_600_000 })
    await clock.advance("30s")

    const [stock] = await carillon.subscriptions()

    expect(stock).toMatchObject({ waiting: 3, lagSeconds: 30, orphaned: true, workers: [], paused: false })
    await carillon.start()
    await carillon.drain()
    expect((await carillon.subscriptions())[0]).toMatchObject({ waiting: 1, lagSeconds: 0, orphaned: false })
    await carillon.stop()
  })

  it("lists what waits for a pause once, however many subscriptions of the event are paused", async () => {
    const { carillon } = await setup()
    carillon.events
      .subscribe("order.placed", async () => {}, { subscriberId: "stock" })
      .subscribe("order.placed", async () => {}, { subscriberId: "mails" })
    await carillon.start()
    await carillon.pause("stock")
    await carillon.pause("mails")
    await carillon.emit(placed)

    const { items } = await carillon.listDeliveries({ state: "waiting" })

    expect(items.map((each) => each.subscription).sort()).toEqual([
      "mails@order.placed",
      "stock@order.placed",
    ])
    await carillon.stop()
  })

  it("refuse a cursor, a limit, a state and a date that are none", async () => {
    const { carillon } = await setup()

    await expect(carillon.listEvents({ cursor: "next" })).rejects.toThrow(/a cursor that this list returned/)
    await expect(carillon.listDeliveries({ cursor: "job:1" })).rejects.toThrow(/a cursor/)
    await expect(carillon.listEvents({ limit: 0 })).rejects.toThrow(/`limit` to be a whole number/)
    await expect(carillon.listEvents({ from: new Date("never") })).rejects.toThrow(
      /`from` to be a valid Date/,
    )
    await expect(carillon.listDeliveries({ state: "lost" as never })).rejects.toThrow(/`state` to be one of/)
    await carillon.stop()
  })
})

describe("steering", () => {
  it("redrives dead letters by id, by event name and by subscription", async () => {
    const { carillon } = await setup()
    let broken = true
    const handled: string[] = []
    carillon.events.subscribe<{ id: string }>(
      "order.*",
      async ({ name }) => {
        if (broken) throw new PermanentError("no such account")
        handled.push(name)
      },
      { subscriberId: "crm" },
    )
    await carillon.start()
    const names = ["order.placed", "order.paid", "order.sent", "order.sent"]
    await carillon.emit(names.map((name) => ({ name })))
    await carillon.drain()
    const dead = await carillon.deadLetters({ subscription: "crm" })
    broken = false
    const first = dead.items.find((each) => each.eventName === "order.placed")?.deliveryId ?? ""

    const dry = await carillon.redrive({ all: true, dryRun: true })
    const byId = await carillon.redrive({ ids: [first, "dlv_unknown"] })
    const byName = await carillon.redrive({ name: "order.sent" })
    await carillon.drain()

    expect([dead.items.length, dry.redriven, byId.redriven, byName.redriven]).toEqual([4, 4, 1, 2])
    expect(byId.skipped).toMatchObject([{ id: "dlv_unknown" }])
    expect(handled.sort()).toEqual(["order.placed", "order.sent", "order.sent"])
    expect(await carillon.redrive({ subscription: "crm@order.*" })).toMatchObject({ redriven: 1 })
    await expect(carillon.redrive({})).rejects.toThrow(/say which deliveries are meant/)
    await carillon.stop()
  })

  it("replays past events to a subscription that was not there", async () => {
    const { carillon, clock } = await setup()
    await carillon.emit([placed, placed])
    await clock.advance("1h")
    const since = clock.now()
    await carillon.emit([placed, { name: "order.paid" }, placed])
    const handled: string[] = []
    carillon.events.subscribe("order.placed", ({ id }) => handled.push(id), { subscriberId: "late" })
    await carillon.start()
    await clock.advance("1s")

    const dry = await carillon.replay({ subscription: "late", since, dryRun: true })
    const replay = await carillon.replay({ subscription: "late", since })
    await carillon.drain()

    expect(dry).toMatchObject({ id: null, count: 2 })
    expect(replay).toMatchObject({ id: "rpl_1", count: 2 })
    expect(handled).toHaveLength(2)
    expect(await carillon.replayProgress("rpl_1")).toMatchObject({ state: "done", made: 2 })
    const [one] = handled
    expect(await carillon.replay({ subscription: "late", eventId: one })).toMatchObject({ count: 1 })
    await carillon.drain()
    const { deliveries } = await carillon.trace(one ?? "")
    expect(deliveries.map((each) => [each.replay, each.state])).toEqual([
      [1, "delivered"],
      [2, "delivered"],
    ])
    await carillon.stop()
  })

  it("leaves out what a subscription was sent already when only the missing are asked for", async () => {
    const { carillon, clock } = await setup()
    await carillon.emit(placed)
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    await carillon.start()
    await carillon.emit([placed, placed])
    await clock.advance("1s")

    const missing = await carillon.replay({
      subscription: "stock",
      since: 0,
      missingOnly: true,
      dryRun: true,
    })

    expect(missing.count).toBe(1)
    await carillon.stop()
  })

  it("holds what is emitted during a pause, and lets it go on resume", async () => {
    const { carillon } = await setup()
    const handled: string[] = []
    carillon.events.subscribe("order.placed", ({ id }) => handled.push(id), { subscriberId: "stock" })
    await carillon.start()

    await carillon.pause("stock")
    await carillon.emit([placed, placed])
    await carillon.drain()
    const during = handled.length
    await carillon.resume("stock")
    await carillon.drain()

    expect([during, handled.length]).toEqual([0, 2])
    await carillon.stop()
  })

  it("cancels what waits for a retry, and keeps it as cancelled", async () => {
    const { carillon } = await setup()
    carillon.events.subscribe("order.placed", down, { subscriberId: "cms" })
    await carillon.start()
    const [receipt] = await carillon.emit(placed)
    await carillon.drain()

    expect(await carillon.cancel({ subscription: "cms" })).toMatchObject({ cancelled: 1 })
    const { deliveries } = await carillon.trace(receipt?.id ?? "")
    expect(deliveries[0]).toMatchObject({ state: "cancelled", why: "cancelled by an operator" })
    await carillon.stop()
  })

  it("removes a subscription and says how much that cancelled", async () => {
    const { carillon } = await setup()
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    await carillon.pause("stock")
    await carillon.emit([placed, placed, placed])

    expect(await carillon.removeSubscription("stock")).toEqual({
      id: "stock@order.placed",
      group: "shop",
      cancelled: 3,
    })
    expect(await carillon.subscriptions()).toEqual([])
    await carillon.stop()
  })

  it("prunes what is past retention, and leaves dead letters and what is open", async () => {
    const { carillon, clock } = await setup()
    carillon.events
      .subscribe("order.placed", () => {}, { subscriberId: "stock" })
      .subscribe("order.sent", refused, { subscriberId: "crm" })
    await carillon.start()
    await carillon.emit([placed, placed])
    await carillon.emit({ name: "order.sent" })
    await carillon.drain()
    await clock.advance("1h")

    const dry = await carillon.prune({ before: clock.now(), dryRun: true })
    const report = await carillon.prune({ before: clock.now() })

    expect(dry).toMatchObject({ events: 3, dryRun: true })
    expect(report).toEqual({ events: 2, jobs: 0, dryRun: false })
    expect((await carillon.deadLetters()).items).toHaveLength(1)
    await carillon.stop()
  })

  it("prunes by itself in a started worker", async () => {
    const { carillon, clock } = await setup({ retentionMs: 60_000, pollMs: 60_000, leaseMs: 600_000 })
    await carillon.start()
    await carillon.emit(placed)

    await clock.advance("12m")
    await new Promise((resolve) => setTimeout(resolve, 50)) // its slices pause in real time
    await clock.settle()

    expect((await carillon.stats()).events).toBe(0)
    await carillon.stop()
  })
})

describe("a tail", () => {
  it("brings new events, and what becomes of them as it comes", async () => {
    const { carillon } = await setup({ clock: undefined })
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    carillon.events.subscribe("order.*", () => gate, { subscriberId: "slow" })
    await carillon.start()
    const entries: TailEntry[] = []
    const stop = new AbortController()
    const tailing = (async () => {
      for await (const entry of carillon.tail({ name: "order.*", signal: stop.signal })) {
        entries.push(entry)
        if (entry.kind === "event") release()
        else if (entry.delivery.state === "delivered") stop.abort()
      }
    })()

    await carillon.emit([placed, { name: "mail.sent" }])
    await tailing

    expect(entries.map((each) => (each.kind === "event" ? each.event.name : each.delivery.state))).toEqual([
      "order.placed",
      "delivered",
    ])
    await carillon.stop()
  })
})

describe("operational events", () => {
  it("say that a delivery became a dead letter, to those who name them only", async () => {
    const { carillon } = await setup()
    const heard: unknown[] = []
    const all: string[] = []
    carillon.events
      .subscribe("order.placed", refused, { subscriberId: "crm" })
      .subscribe("carillon.dead_letter", ({ data }) => heard.push(data), { subscriberId: "alarm" })
      .subscribe("*", ({ name }) => all.push(name), { subscriberId: "audit" })
    await carillon.start()
    await carillon.emit({ ...placed, id: "ord_1001-placed" })
    await carillon.drain()

    expect(heard).toMatchObject([
      {
        eventId: "ord_1001-placed",
        eventName: "order.placed",
        subscription: "crm@order.placed",
        group: "shop",
        attempt: 1,
        reason: "the error is permanent",
        error: "no such account",
      },
    ])
    expect(all).toEqual(["order.placed"])
    await carillon.stop()
  })

  it("make no dead letter of a dead letter's own delivery, and are not written when nobody listens", async () => {
    const { carillon } = await setup()
    carillon.events
      .subscribe("order.placed", refused, { subscriberId: "crm" })
      .subscribe("carillon.*", refused, { subscriberId: "broken-alarm" })
    await carillon.start()
    await carillon.emit(placed)
    await carillon.drain()
    const { items } = await carillon.listEvents()
    expect(items.map((each) => each.name)).toEqual(["carillon.dead_letter", "order.placed"])
    await carillon.removeSubscription("broken-alarm")

    await carillon.emit(placed)
    await carillon.drain()

    expect((await carillon.listEvents()).items).toHaveLength(3)
    await carillon.stop()
  })

  it("say that a subscription lags and that it recovered, that one is orphaned, that a group expired", async () => {
    const { carillon, clock } = await setup({ laggingMs: 20_000, stagedTtlMs: 60_000 })
    const heard: string[] = []
    let broken = true
    carillon.events
      .subscribe(
        "order.placed",
        async () => {
          if (broken) throw new Error("cms is down")
        },
        {
          subscriberId: "cms",
          policy: { retries: 100, initialBackoffDelay: 1_000, exponentialBackoffCoefficient: 1 },
        },
      )
      .subscribe("brand.created", () => {}, { subscriberId: "gone" })
      .subscribe("carillon.*", ({ name }) => heard.push(name), { subscriberId: "alarm" })
    await carillon.start()
    carillon.events.unsubscribe("brand.created", undefined, { subscriberId: "gone" })
    await carillon.emit([placed, { name: "order.paid", metadata: { eventGroupId: "checkout_1" } }])

    await clock.advance("40s")
    await carillon.drain()
    const during = [...new Set(heard)].sort()
    broken = false
    await clock.advance("40s")
    await carillon.drain()

    expect(during).toEqual(["carillon.subscription.lagging", "carillon.subscription.orphaned"])
    expect([...heard].sort()).toEqual([
      "carillon.event_group.expired",
      "carillon.subscription.lagging",
      "carillon.subscription.orphaned",
      "carillon.subscription.recovered",
    ])
    await carillon.stop()
  })

  it("say of a subscription of one scope what they say of it there", async () => {
    const { carillon, clock } = await setup()
    carillon.events
      .subscribe("brand.created", () => {}, { subscriberId: "gone", scope: "acme" })
      .subscribe("brand.created", () => {}, { subscriberId: "everywhere" })
      .subscribe("carillon.*", () => {}, { subscriberId: "alarm" })
    await carillon.start()
    for (const subscriberId of ["gone", "everywhere"])
      carillon.events.unsubscribe("brand.created", undefined, { subscriberId })

    await clock.advance("40s")
    await carillon.drain()

    const { items } = await carillon.listEvents({ name: "carillon.subscription.orphaned" })
    const told = items.map(({ scope, data }) => [
      scope.account,
      (data as { subscription: string }).subscription,
    ])
    expect(told.toSorted()).toEqual([
      ["_carillon", "everywhere@brand.created"],
      ["acme", "gone@brand.created"],
    ])
    const within = await carillon.listEvents({ scopes: ["default/master", "acme/master"] })
    expect(within.items.map(({ scope }) => scope.account)).toEqual(["acme"])
    await carillon.stop()
  })

  it("say of an event group of one scope that it expired there, of one of several only to the installation", async () => {
    const { carillon, clock } = await setup({ stagedTtlMs: 60_000 })
    const staged = (eventGroupId: string, scope: string) => ({
      name: "order.paid",
      scope,
      metadata: { eventGroupId },
    })
    carillon.events.subscribe("carillon.*", () => {}, { subscriberId: "alarm" })
    await carillon.start()
    await carillon.emit([staged("own", "acme"), staged("mixed", "acme"), staged("mixed", "globex")])

    await clock.advance("80s")
    await carillon.drain()

    const { items } = await carillon.listEvents({ name: "carillon.event_group.expired" })
    const told = items.map(({ scope, data }) => [
      scope.account,
      (data as { eventGroupId: string }).eventGroupId,
    ])
    expect(told.toSorted()).toEqual([
      ["_carillon", "mixed"],
      ["acme", "own"],
    ])
    await carillon.stop()
  })

  it("say nothing of an event group whose run goes on", async () => {
    const checkout = createWorkflow("slow-checkout", () => {
      emitEventStep({ eventName: "order.paid", data: { id: "ord_1001" } })
      sleepStep({ seconds: 600 })
    })
    const { carillon, clock } = await setup({ stagedTtlMs: 60_000 })
    const heard: unknown[] = []
    carillon.events.subscribe("carillon.*", ({ data }) => heard.push(data), { subscriberId: "alarm" })
    await carillon.start()
    await checkout(carillon.container).run()
    await carillon.emit({ name: "order.paid", metadata: { eventGroupId: "forgotten" } })

    await clock.advance("2m")
    await carillon.drain()

    expect(heard).toMatchObject([{ eventGroupId: "forgotten" }])
    await carillon.stop()
  })

  it("say that a handler does not heed its signal", async () => {
    const { carillon, clock } = await setup()
    const heard: unknown[] = []
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    carillon.events
      .subscribe("order.placed", () => gate, { subscriberId: "deaf", policy: { timeout: 2_000 } })
      .subscribe("carillon.delivery.stuck", ({ data }) => heard.push(data), { subscriberId: "alarm" })
    await carillon.start()
    const [receipt] = await carillon.emit(placed)

    await clock.advance("5s")

    expect(heard).toMatchObject([{ subscription: "deaf@order.placed", group: "shop", eventId: receipt?.id }])
    const { deliveries } = await carillon.trace(receipt?.id ?? "")
    expect(deliveries[0]).toMatchObject({ state: "running" })
    expect(deliveries[0]?.why).toMatch(/past its timeout/)
    release()
    await carillon.stop()
  })

  it("say so too of a dead letter that the store made when its worker died of it", async () => {
    const { carillon, clock, database } = await setup()
    const heard: unknown[] = []
    carillon.events
      .subscribe("order.placed", down, { subscriberId: "cms", policy: { initialBackoffDelay: 3_600_000 } })
      .subscribe("carillon.dead_letter", ({ data }) => heard.push(data), { subscriberId: "alarm" })
    await carillon.start()
    const [receipt] = await carillon.emit(placed)
    await carillon.drain()
    const store = new DatabaseSync(database)
    store
      .prepare(
        "UPDATE jobs SET state = 3, reason = 'crashed worker', error = 'crashed worker', updated_at = ?",
      )
      .run(clock.now())
    store.close()

    await clock.advance("30s")

    expect(heard).toMatchObject([{ eventId: receipt?.id, reason: "crashed worker" }])
    await carillon.stop()
  })

  it("cannot be emitted by others", async () => {
    const { carillon } = await setup()
    const own = defineEvent("carillon.dead_letter", z.object({}))

    await expect(carillon.emit(own.create({}))).rejects.toThrow(/those are Carillon's own/)
    await carillon.stop()
  })
})
