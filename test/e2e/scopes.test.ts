import {
  type Carillon,
  type CarillonOptions,
  createCarillon,
  type DeliveryReport,
  PermanentError,
  type ReplayProgress,
} from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { type Place, placeOn } from "../support/place.ts"

const ACME = "acme/master"
const GLOBEX = "globex/master"
const [acme, globex] = [{ scopes: [ACME] }, { scopes: [GLOBEX] }]
const both = { scopes: [ACME, GLOBEX] }

/** The same order of the same id, in each shop. */
function order(scope: string, id = "ord_1001", name = "order.placed") {
  return { name, id, scope, data: { shop: scope, id } }
}

async function refusalOf(asked: Promise<unknown>, id: string): Promise<readonly [string, string]> {
  const error = await asked.then(
    () => null,
    (reason: Error & { code: string }) => reason,
  )
  return [error?.code ?? "none", (error?.message ?? "none").replaceAll(id, "<id>")]
}

await describeEngines((engine) => {
  let place: Place
  const open: Carillon[] = []

  beforeEach(async () => {
    place = await placeOn(engine, "scopes")
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.stop()))
    await place.remove()
  })

  async function shop(options: CarillonOptions = {}): Promise<Carillon> {
    const carillon = await createCarillon({
      database: place.database,
      logger: false,
      group: "shop",
      pollMs: 50,
      ...options,
    })
    open.push(carillon)
    return carillon
  }

  async function emitted(carillon: Carillon, ...events: ReturnType<typeof order>[]): Promise<string[]> {
    return (await carillon.emit(events)).map((each) => each.id)
  }

  /** Where each of some ids of an event is listed. */
  const shopsOf = (reports: readonly { readonly scope: { readonly account: string } }[]): string[] =>
    reports.map((each) => each.scope.account)

  const ids = (reports: readonly DeliveryReport[]): string[] => reports.map((each) => each.deliveryId)

  describe("events of two shops with the same keys", () => {
    it.each([{ order: "hold" } as const, { keyConcurrency: 1 }])(
      "do not wait for each other, whatever becomes of one shop's (%o)",
      async (policy) => {
        const carillon = await shop()
        carillon.events.subscribe<{ shop: string }>(
          "order.placed",
          ({ data }) => {
            if (data.shop === ACME) throw new Error("no stock")
          },
          { subscriberId: "stock", scope: null, policy: { ...policy, delays: [3_600_000] } },
        )
        await carillon.start()
        const keyed = (scope: string, id: string) => ({ ...order(scope, id), key: "cus_1" })

        await carillon.emit([keyed(ACME, "ord_1"), keyed(ACME, "ord_2"), keyed(GLOBEX, "ord_1")])
        await carillon.drain()

        const { items } = await carillon.listDeliveries(globex)
        expect(items.map(({ state, why }) => [state, why])).toEqual([["delivered", null]])
        const waiting = (await carillon.listDeliveries({ ...acme, state: "waiting" })).items
        expect(waiting.map(({ why }) => why)).toEqual(
          "order" in policy ? ["it waits for its turn: earlier events of key `cus_1` go first"] : [],
        )
      },
    )
  })

  describe("events of two shops with the same ids", () => {
    it("are listed to each shop as if there were no other", async () => {
      const carillon = await shop()
      await emitted(carillon, order(ACME), order(GLOBEX))

      const lists = await Promise.all([
        carillon.listEvents(acme),
        carillon.listEvents({ ...globex, name: "order.placed" }),
        carillon.listEvents({ ...acme, scope: GLOBEX }),
        carillon.listEvents({ ...both, scope: { account: "globex" } }),
        carillon.listEvents({ scopes: [] }),
        carillon.listEvents({ scopes: "all" }),
      ])

      expect(lists.map(({ items }) => shopsOf(items))).toEqual([
        ["acme"],
        ["globex"],
        [],
        ["globex"],
        [],
        ["globex", "acme"],
      ])
      expect(lists.every(({ cursor }) => cursor === null)).toBe(true)
    })

    it("are traced each in its own shop, with its own causes and what it caused", async () => {
      const carillon = await shop()
      await emitted(carillon, order(ACME), order(GLOBEX))
      for (const scope of [ACME, GLOBEX])
        await carillon.emit({ name: "mail.sent", id: `mail of ${scope}`, scope, causationId: "ord_1001" })

      for (const [within, scope, account] of [
        [acme, ACME, "acme"],
        [globex, GLOBEX, "globex"],
      ] as const) {
        const { event, caused } = await carillon.trace("ord_1001", within)
        const { causes } = await carillon.trace(`mail of ${scope}`, within)
        expect(event.scope.account).toBe(account)
        expect(caused.map((each) => each.id)).toEqual([`mail of ${scope}`])
        expect(causes).toMatchObject([{ id: "ord_1001", at: event.at }])
      }
      const { causes } = await carillon.trace(`mail of ${ACME}`)
      expect(causes[0]?.at).toEqual((await carillon.trace("ord_1001", acme)).event.at)
    })

    it("are not there for the other shop: an id, a derived one or a delivery's is as unknown as one that never was", async () => {
      const carillon = await shop()
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
      await carillon.start()
      const [derived] = await carillon.emit({ name: "order.placed", scope: GLOBEX })
      await emitted(carillon, order(GLOBEX))
      await carillon.drain()
      const { deliveries } = await carillon.trace("ord_1001", globex)
      const delivery = deliveries[0]?.deliveryId ?? ""
      const strangers = ["ord_1001", derived?.id ?? "", delivery]
      const unknown = ["ord_9", `evt_${"0".repeat(29)}`, `dlv_${"0".repeat(29)}_1`]

      for (const [i, id] of strangers.entries()) {
        const other = unknown[i] as string
        expect(await refusalOf(carillon.trace(id, acme), id)).toEqual(
          await refusalOf(carillon.trace(other, acme), other),
        )
      }
      expect((await carillon.trace(delivery, globex)).deliveryId).toBe(delivery)
    })

    it("tell neither of subscriptions nor of causes in the other shop", async () => {
      const carillon = await shop()
      carillon.events
        .subscribe("order.placed", () => {}, { subscriberId: "theirs", scope: GLOBEX })
        .subscribe("order.placd", () => {}, { subscriberId: "typo", scope: GLOBEX })
        .subscribe("order.placed", () => {}, { subscriberId: "tills", sender: "till" })
      await carillon.emit(order(GLOBEX, "secret"))
      await carillon.emit({ ...order(ACME), causationId: "secret" })

      const { notCalled, didYouMean, causes } = await carillon.trace("ord_1001", acme)

      expect(notCalled.map((each) => each.subscription)).toEqual(["tills@order.placed"])
      expect(didYouMean).toBe(null)
      expect(causes).toEqual([{ kind: "event", id: "secret", name: null, at: null }])
    })

    it("are staged under one event group each for itself, released and cleared by each for itself", async () => {
      const carillon = await shop()
      const staged = (scope: string, id: string) => ({
        ...order(scope, id),
        metadata: { eventGroupId: "checkout" },
      })
      await carillon.emit([
        staged(ACME, "ord_1"),
        staged(ACME, "ord_2"),
        staged(GLOBEX, "ord_1"),
        staged(GLOBEX, "ord_2"),
      ])

      expect((await carillon.trace("ord_1", acme)).event.data).toEqual({ shop: ACME, id: "ord_1" })
      expect((await carillon.trace("ord_1", globex)).event.data).toEqual({ shop: GLOBEX, id: "ord_1" })
      await carillon.events.clearGroupedEvents("checkout", { ...acme, eventIds: ["ord_1"] })
      await carillon.events.releaseGroupedEvents("checkout", acme)
      expect(shopsOf((await carillon.listEvents()).items)).toEqual(["acme"])
      await carillon.events.clearGroupedEvents("checkout", { scopes: [] })
      await carillon.events.releaseGroupedEvents("checkout", globex)

      const { items } = await carillon.listEvents()
      expect(items.map((each) => each.data)).toEqual([
        { shop: GLOBEX, id: "ord_2" },
        { shop: GLOBEX, id: "ord_1" },
        { shop: ACME, id: "ord_2" },
      ])
    })

    it("are counted by name for each shop, with its own sample and who may hear it there", async () => {
      const carillon = await shop()
      carillon.events
        .subscribe("order.*", () => {}, { subscriberId: "stock" })
        .subscribe("order.placed", () => {}, { subscriberId: "theirs", scope: GLOBEX })
      await emitted(
        carillon,
        order(ACME),
        order(GLOBEX),
        order(GLOBEX, "ord_2"),
        order(GLOBEX, "x", "order.lost"),
      )

      const [own, all] = [await carillon.eventNames(acme), await carillon.eventNames()]

      expect(own).toMatchObject([
        {
          name: "order.placed",
          events: 1,
          complete: true,
          sample: { shop: ACME },
          sampleId: "ord_1001",
          subscribers: ["stock@order.*"],
        },
      ])
      expect(all.map(({ name, events }) => [name, events])).toEqual([
        ["order.lost", 1],
        ["order.placed", 3],
      ])
    })

    it("make known which scopes there are", async () => {
      const carillon = await shop()
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "quiet", scope: "initech" })
      await emitted(carillon, order(ACME), order(GLOBEX), order(GLOBEX, "ord_2"))
      await carillon.emit({ name: "order.placed" })

      expect(await carillon.scopes()).toEqual([
        { account: "acme", workspace: "master", events: 1, complete: true },
        { account: "default", workspace: "master", events: 1, complete: true },
        { account: "globex", workspace: "master", events: 2, complete: true },
        { account: "initech", workspace: "master", events: 0, complete: true },
      ])
      expect((await carillon.scopes(acme)).map((each) => each.account)).toEqual(["acme"])
    })
  })

  describe("deliveries of two shops", () => {
    /** In each shop one event was handled from memory, one is delayed, one waits in a part, one is dead. */
    async function inEveryHome() {
      const carillon = await shop()
      carillon.events
        .subscribe("order.placed", () => {}, { subscriberId: "stock" })
        .subscribe("order.paid", () => {}, { subscriberId: "mails" })
        .subscribe(
          "order.lost",
          () => {
            throw new PermanentError("no such order")
          },
          { subscriberId: "crm" },
        )
      await carillon.start()
      await carillon.pause("mails")
      for (const scope of [ACME, GLOBEX]) {
        await carillon.emit([
          order(scope, "handled"),
          { ...order(scope, "delayed"), delay: 3_600_000 },
          order(scope, "paused", "order.paid"),
          order(scope, "dead", "order.lost"),
        ])
      }
      await carillon.drain()
      return carillon
    }

    it("are listed to each shop alone, wherever they are kept", async () => {
      const carillon = await inEveryHome()

      const [own, theirs] = [await carillon.listDeliveries(acme), await carillon.listDeliveries(globex)]

      expect(own.items.map(({ eventId, state }) => [eventId, state])).toEqual([
        ["dead", "dead"],
        ["paused", "waiting"],
        ["delayed", "waiting"],
        ["handled", "delivered"],
      ])
      expect(theirs.items.map((each) => each.eventId)).toEqual(own.items.map((each) => each.eventId))
      expect(ids(own.items).some((id) => ids(theirs.items).includes(id))).toBe(false)
      expect([...own.items, ...theirs.items].every((each) => each.together === null)).toBe(true)
      for (const state of ["waiting", "dead", "delivered", "running", "retry", "cancelled"] as const) {
        const listed = await carillon.listDeliveries({ ...acme, state })
        expect(ids(listed.items).toSorted()).toEqual(
          ids(own.items.filter((each) => each.state === state)).toSorted(),
        )
      }
      expect(ids((await carillon.deadLetters(globex)).items)).toEqual([theirs.items[0]?.deliveryId])
      expect((await carillon.listDeliveries({ scopes: [] })).items).toEqual([])
      expect((await carillon.listDeliveries(both)).items).toHaveLength(8)
    })

    it("are listed to each shop alone while no worker runs, out of batches that hold both", async () => {
      const carillon = await shop()
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
      await emitted(carillon, order(ACME, "ord_1"), order(GLOBEX, "ord_2"), order(ACME, "ord_3"))

      const { items } = await carillon.listDeliveries({ ...acme, state: "waiting" })

      expect(items.map(({ eventId, home }) => [eventId, home])).toEqual([
        ["ord_1", "batch"],
        ["ord_3", "batch"],
      ])
    })

    it("are redriven and cancelled by each shop for itself, and those of others are as unknown as any", async () => {
      const carillon = await inEveryHome()
      const { items } = await carillon.listDeliveries(globex)
      const [dead, , delayed] = ids(items) as [string, string, string, string]
      const unknown = `dlv_${"0".repeat(29)}_1`
      const whyOf = async (asked: Promise<{ skipped: readonly { why: string }[] }>) =>
        (await asked).skipped.map((each) => each.why)

      expect(await whyOf(carillon.redrive({ ...acme, ids: [dead] }))).toEqual(
        await whyOf(carillon.redrive({ ...acme, ids: [unknown] })),
      )
      expect(await whyOf(carillon.cancel({ ...acme, ids: [delayed] }))).toEqual(
        await whyOf(carillon.cancel({ ...acme, ids: [unknown] })),
      )
      expect(await carillon.redrive({ scopes: [], all: true })).toMatchObject({ redriven: 0 })
      expect(await carillon.redrive({ ...acme, all: true, dryRun: true })).toMatchObject({ redriven: 1 })
      expect(await carillon.redrive({ ...acme, ids: ["dead"], dryRun: true })).toMatchObject({ redriven: 1 })
      expect(await carillon.redrive({ ...acme, subscription: "crm", dryRun: true })).toMatchObject({
        redriven: 1,
      })
      expect(await carillon.cancel({ ...acme, all: true })).toMatchObject({ cancelled: 1 })
      expect(await carillon.cancel({ ...acme, ids: ["dead"] })).toMatchObject({ cancelled: 1 })

      const after = await carillon.listDeliveries(globex)
      expect(after.items.map((each) => each.state)).toEqual(items.map((each) => each.state))
      expect((await carillon.deadLetters(acme)).items).toEqual([])
    })

    it("are replayed of one shop only, by whichever worker", async () => {
      const heard: unknown[] = []
      const carillon = await shop()
      await emitted(carillon, order(ACME), order(GLOBEX), order(ACME, "ord_2"))
      carillon.events.subscribe("order.placed", (event) => void heard.push(event.data), {
        subscriberId: "late",
      })
      await carillon.start()
      const replay = { ...acme, subscription: "late", since: 0 }

      expect((await carillon.replay({ ...replay, dryRun: true })).count).toBe(2)
      const { id, count } = await carillon.replay(replay)
      await carillon.drain()

      expect(count).toBe(2)
      expect(heard).toEqual([
        { shop: ACME, id: "ord_1001" },
        { shop: ACME, id: "ord_2" },
      ])
      const done: Partial<ReplayProgress> = { state: "done", made: 2 }
      expect(await carillon.replayProgress(id ?? "", acme)).toMatchObject(done)
      expect(await carillon.replayProgress(id ?? "", both)).toMatchObject(done)
      expect(await carillon.replayProgress(id ?? "")).toMatchObject(done)
      expect(await refusalOf(carillon.replayProgress(id ?? "", globex), `"${id}"`)).toEqual(
        await refusalOf(carillon.replayProgress("rpl_999", globex), '"rpl_999"'),
      )
    })

    it("are replayed of one event only where it is the shop's own, and a replay of all shops is nobody's", async () => {
      const carillon = await shop()
      await emitted(carillon, order(ACME), order(GLOBEX), order(GLOBEX, "ord_2"))
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "late" })
      const replay = (eventId: string, within = {}) =>
        carillon.replay({ ...within, subscription: "late", eventId })

      expect((await replay("ord_1001", acme)).count).toBe(1)
      expect(await refusalOf(replay("ord_2", acme), "ord_2")).toEqual(
        await refusalOf(replay("ord_9", acme), "ord_9"),
      )
      const { id } = await replay("ord_2")
      await expect(carillon.replayProgress(id ?? "", globex)).rejects.toMatchObject({
        code: "CARILLON_NOT_FOUND",
      })
    })
  })

  describe("subscriptions", () => {
    async function three(): Promise<Carillon> {
      const carillon = await shop()
      carillon.events
        .subscribe("order.placed", () => {}, { subscriberId: "common" })
        .subscribe("order.placed", () => {}, { subscriberId: "own", scope: ACME })
        .subscribe("order.placed", () => {}, { subscriberId: "theirs", scope: GLOBEX })
      await emitted(carillon, order(ACME), order(GLOBEX))
      return carillon
    }

    it("of all shops are shown without their numbers, those of others not at all", async () => {
      const carillon = await three()

      const [common, own, ...rest] = await carillon.subscriptions(acme)

      expect(rest).toEqual([])
      expect(common).toMatchObject({
        id: "common@order.placed",
        scope: null,
        waiting: null,
        running: null,
        dead: null,
        lagSeconds: null,
      })
      expect(own).toMatchObject({ id: "own@order.placed", scope: ACME, waiting: 1, running: 0, dead: 0 })
      expect((await carillon.subscriptions())[0]).toMatchObject({ id: "common@order.placed", waiting: 2 })
    })

    it("are steered by their own shop; those of all say whose they are, those of others are unknown", async () => {
      const carillon = await three()
      const steer = [
        (name: string) => carillon.pause(name, acme),
        (name: string) => carillon.resume(name, acme),
        (name: string) => carillon.removeSubscription(name, acme),
      ]

      for (const act of steer) {
        await expect(act("common")).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
        expect(await refusalOf(act("theirs"), "theirs")).toEqual(await refusalOf(act("nobodys"), "nobodys"))
        await expect(act("theirs@order.placed")).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
      }
      expect(await refusalOf(carillon.pause("theirs", acme), "theirs")).not.toContain("theirs@")
      await carillon.pause("own", acme)
      expect((await carillon.subscriptions()).filter((each) => each.paused).map((each) => each.id)).toEqual([
        "own@order.placed",
      ])
      expect((await carillon.removeSubscription("own", acme)).id).toBe("own@order.placed")
    })

    it("of others filter no list: their names are unknown there too", async () => {
      const carillon = await three()
      const list = (subscription: string) => carillon.listDeliveries({ ...acme, subscription })

      expect((await list("own")).items).toHaveLength(1)
      expect((await list("common")).items).toHaveLength(1)
      expect(await refusalOf(list("theirs"), "theirs")).toEqual(await refusalOf(list("nobodys"), "nobodys"))
      expect(
        await refusalOf(carillon.replay({ ...acme, subscription: "theirs", since: 0 }), "theirs"),
      ).toEqual(await refusalOf(carillon.replay({ ...acme, subscription: "nobodys", since: 0 }), "nobodys"))
    })
  })

  describe("what is told of the installation as a whole", () => {
    /** An erasure is told of at once, and one who listens fails at it. */
    async function told() {
      const carillon = await shop()
      const heard: string[] = []
      carillon.events
        .subscribe("carillon.*", ({ name }) => void heard.push(name), { subscriberId: "watch" })
        .subscribe(
          "carillon.data.erased",
          () => {
            throw new PermanentError("nobody to call")
          },
          { subscriberId: "pager" },
        )
      await carillon.start()
      await emitted(carillon, order("default/master"), order(ACME))
      return { carillon, heard }
    }

    const ERASED = "carillon.data.erased"
    const where = { data: { id: ["ord_1001"] } }
    const bound = { scopes: ["default/master", ACME] }

    it("is heard in the process, and seen by who sees every scope", async () => {
      const { carillon, heard } = await told()

      await carillon.erase({ where })
      await carillon.drain()

      const [event] = (await carillon.listEvents({ name: ERASED })).items
      expect(heard).toEqual([ERASED])
      expect(event?.scope).toEqual({ account: "_carillon", workspace: "installation" })
      expect((await carillon.trace(event?.id ?? "")).deliveries).toHaveLength(2)
      expect((await carillon.deadLetters()).items).toHaveLength(1)
      expect(await carillon.listEvents({ name: ERASED, scope: event?.scope })).toMatchObject({
        items: [{ id: event?.id }],
      })
    })

    it("is not there for who is bound to scopes, whichever these are", async () => {
      const { carillon } = await told()
      await carillon.erase({ where })
      await carillon.drain()
      const id = (await carillon.listEvents({ name: ERASED })).items[0]?.id ?? ""
      const delivery = (await carillon.deadLetters()).items[0]?.deliveryId ?? ""
      const tailed: string[] = []

      for await (const entry of carillon.tail({ ...bound, since: 0, signal: AbortSignal.timeout(1_000) }))
        if (entry.kind === "event") tailed.push(entry.event.name)
        else tailed.push(entry.delivery.eventName ?? "")

      expect(tailed).toEqual(["order.placed", "order.placed"])
      expect((await carillon.listEvents(bound)).items).toHaveLength(2)
      expect((await carillon.eventNames(bound)).map(({ name }) => name)).toEqual(["order.placed"])
      expect((await carillon.listDeliveries(bound)).items).toEqual([])
      expect((await carillon.deadLetters(bound)).items).toEqual([])
      expect((await carillon.scopes(bound)).map(({ account }) => account)).toEqual(["acme", "default"])
      expect(await carillon.redrive({ ...bound, all: true })).toMatchObject({ redriven: 0 })
      expect(
        await carillon.replay({ ...bound, subscription: "watch", since: 0, dryRun: true }),
      ).toMatchObject({ count: 0 })
      for (const [there, nowhere] of [
        [id, "ord_9999"],
        [delivery, delivery.replace("dlv_0", "dlv_1")],
      ] as const)
        expect(await refusalOf(carillon.trace(there, bound), there)).toEqual(
          await refusalOf(carillon.trace(nowhere, bound), nowhere),
        )
    })

    it("lies in a scope where it is about nothing else", async () => {
      const { carillon, heard } = await told()

      await carillon.erase({ where, ...acme })
      await carillon.drain()

      expect((await carillon.listEvents({ ...acme, name: ERASED })).items).toHaveLength(1)
      expect((await carillon.listEvents({ ...globex, name: ERASED })).items).toEqual([])
      expect(heard).toEqual([ERASED])
    })

    it("goes to no subscription of a scope, and to those of all that are asked for by name", async () => {
      const carillon = await shop({ scope: ACME })
      const heard: string[] = []
      carillon.events
        .subscribe("carillon.*", () => void heard.push("acme"), { subscriberId: "own" })
        .subscribe("carillon.*", () => void heard.push("all"), { subscriberId: "watch", scope: null })
      await carillon.start()
      await emitted(carillon, order(ACME))

      await carillon.erase({ where })
      await carillon.drain()

      expect(heard).toEqual(["all"])
    })
  })

  it.each([["acme/master"], [7], [null], [[7]], [["a b"]]])(
    "refuses `scopes: %j` rather than to show everything",
    async (scopes) => {
      const carillon = await shop()
      const within = { scopes } as never
      const name = "stock"
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: name })

      for (const asked of [
        () => carillon.listEvents(within),
        () => carillon.listDeliveries(within),
        () => carillon.trace("ord_1001", within),
        () => carillon.eventNames(within),
        () => carillon.subscriptions(within),
        () => carillon.scopes(within),
        () => carillon.redrive({ scopes: scopes as never, all: true }),
        () => carillon.cancel({ scopes: scopes as never, ids: ["x"] }),
        () => carillon.replay({ scopes: scopes as never, subscription: name, since: 0 }),
        () => carillon.replayProgress("rpl_1", within),
        () => carillon.pause(name, within),
        () => carillon.removeSubscription(name, within),
        () => carillon.events.releaseGroupedEvents("checkout", within),
        () => carillon.events.clearGroupedEvents("checkout", within),
        async () => carillon.tail(within),
      ])
        await expect(asked()).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
    },
  )
})
