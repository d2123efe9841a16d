import type { Carillon } from "carillon"
import type { MovingClock } from "carillon/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { NewWebhook } from "../../src/webhooks/shapes.ts"
import { describeEngines } from "../support/describe.ts"
import { RecordingNotifier } from "../support/recording-notifier.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const SECRET = "a-secret-of-a-test-of-more-than-32-letters"
const RECIPIENT = "https://erp.example/orders"
const START = new Date("2026-03-01T12:00:00Z")

await describeEngines((engine) => {
  let shop: WorkflowShop
  let carillon: Carillon
  let clock: MovingClock
  let notifier: RecordingNotifier
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
    notifier = new RecordingNotifier("http")
    const timed = await shop.timed({ secret: SECRET, webhooks: { notifiers: [notifier] } }, START)
    carillon = timed.carillon
    clock = timed.clock
  })
  afterEach(() => shop.close())

  const made = (more: Partial<NewWebhook> = {}) =>
    carillon.webhooks.create({ events: "order.*", recipient: RECIPIENT, ...more })
  const order = (id: string, more: object = {}) => ({ name: "order.placed", id, data: { id }, ...more })
  /** Emits orders and lets everything be done that can be. */
  const emit = async (...ids: string[]) => {
    await carillon.emit(ids.map((id) => order(id)))
    await carillon.drain()
  }
  const sent = () => notifier.sent.map(({ event }) => event.id)
  const fail = (): void => {
    notifier.answer = () => ({ success: false, responseData: "503 Service Unavailable", fault: "event" })
  }
  const mend = (): void => {
    notifier.answer = () => ({ success: true })
  }

  it("an event's trace tells what was sent, what came back, and why others were not called", async () => {
    const { id } = await made()
    const rich = await made({ filter: { data: { total: [{ numeric: [">", 100] }] } } })
    await emit("ord_1001")

    const trace = await carillon.trace("ord_1001")

    expect(trace.deliveries).toMatchObject([
      {
        subscription: id,
        state: "delivered",
        home: "job",
        attempts: [
          {
            attempt: 1,
            outcome: "delivered",
            details: {
              notifier: "http",
              recipient: RECIPIENT,
              status: 200,
              response: { body: "thank you" },
            },
          },
        ],
      },
    ])
    expect(trace.notCalled).toMatchObject([{ subscription: rich.id, reason: "filter" }])
    expect(await carillon.delivery(trace.deliveries[0]?.deliveryId ?? "")).toEqual(trace.deliveries[0])
    expect((await carillon.listDeliveries({ subscription: id })).items).toEqual(trace.deliveries)
  })

  it("an event that fits several of its names is sent once", async () => {
    await made({ events: ["order.*", "order.placed", "*.placed"] })
    await emit("ord_1001")

    expect(sent()).toEqual(["ord_1001"])
  })

  it("of a store it hears that store's events, and those of none", async () => {
    await made({ storeId: 2 })
    await carillon.emit([
      order("ord_of_1", { metadata: { storeId: 1 } }),
      order("ord_of_2", { metadata: { storeId: 2 } }),
      order("ord_of_all", { metadata: { storeId: 0 } }),
      order("ord_of_none"),
    ])
    await carillon.drain()

    expect(sent().toSorted()).toEqual(["ord_of_2", "ord_of_all", "ord_of_none"])
  })

  describe("a dead letter", () => {
    it("has what was answered, and is sent again under its own id", async () => {
      const { id } = await made({ policy: { retries: 0 } })
      fail()
      await emit("ord_1001", "ord_1002")
      const dead = (await carillon.deadLetters({ subscription: id })).items
      mend()

      const { redriven } = await carillon.redrive({ subscription: id })
      await carillon.drain()

      expect(dead).toMatchObject([
        { eventId: "ord_1002", error: expect.stringContaining("503 Service Unavailable") },
        { eventId: "ord_1001" },
      ])
      expect(redriven).toBe(2)
      expect((await carillon.deadLetters({ subscription: id })).items).toEqual([])
      expect(new Set(notifier.sent.map(({ deliveryId }) => deliveryId)).size).toBe(2)
      const { items } = await carillon.listDeliveries({ subscription: id, state: "delivered" })
      expect(items.map(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual([
        ["dead", "delivered"],
        ["dead", "delivered"],
      ])
    })

    it("of one event alone can be sent again, or given up", async () => {
      const { id } = await made({ policy: { retries: 0 } })
      fail()
      await emit("ord_1001", "ord_1002")
      mend()

      await carillon.redrive({ ids: ["ord_1001"] })
      await carillon.cancel({ ids: ["ord_1002"] })
      await carillon.drain()

      expect(sent().slice(2)).toEqual(["ord_1001"])
      const { items } = await carillon.listDeliveries({ subscription: id, state: "cancelled" })
      expect(items.map(({ eventId }) => eventId)).toEqual(["ord_1002"])
    })
  })

  describe("what waits for its next attempt", () => {
    const delays = [60_000, 3_600_000]

    it("is sent at once when its endpoint is mended, with the attempts that it has left", async () => {
      const { id } = await made({ policy: { delays } })
      fail()
      await emit("ord_1001", "ord_1002")
      mend()

      const dry = await carillon.redrive({ subscription: id, retrying: true, dryRun: true })
      const unasked = await carillon.redrive({ subscription: id })
      const { redriven } = await carillon.redrive({ subscription: id, retrying: true })
      await carillon.drain()

      expect([dry.redriven, unasked.redriven, redriven]).toEqual([2, 0, 2])
      expect(sent()).toEqual(["ord_1001", "ord_1002", "ord_1001", "ord_1002"])
      const { items } = await carillon.listDeliveries({ subscription: id })
      expect(items.map(({ state, attempts }) => [state, attempts.length])).toEqual([
        ["delivered", 2],
        ["delivered", 2],
      ])
    })

    it("is not sent before its turn without being asked for by that word, nor where it was not tried", async () => {
      const { id } = await made({ policy: { delays } })
      fail()
      await emit("ord_1001")
      await carillon.emit(order("ord_1002"), { delay: 60_000 })

      const named = await carillon.redrive({ ids: ["ord_1001"] })
      const early = await carillon.redrive({ ids: ["ord_1002"], retrying: true })
      const { redriven } = await carillon.redrive({ ids: ["ord_1001"], retrying: true })
      await carillon.drain()

      expect(named).toMatchObject({
        redriven: 0,
        skipped: [{ id: "ord_1001", why: "it is waiting, not dead" }],
      })
      expect(early).toMatchObject({ redriven: 0, skipped: [{ why: "it waits, and was not tried yet" }] })
      expect(redriven).toBe(1)
      const [waiting] = (await carillon.listDeliveries({ subscription: id, state: "retry" })).items
      expect(waiting).toMatchObject({ eventId: "ord_1001", attempts: [{ attempt: 1 }, { attempt: 2 }] })
    })
  })

  describe("a replay", () => {
    it("of one event sends it once more, and says that it is one", async () => {
      const { id } = await made()
      await emit("ord_1001", "ord_1002")

      const { count } = await carillon.replay({ subscription: id, eventId: "ord_1001" })
      await carillon.drain()

      expect(count).toBe(1)
      expect(sent().toSorted()).toEqual(["ord_1001", "ord_1001", "ord_1002"])
      const { deliveries } = await carillon.trace("ord_1001")
      expect(deliveries.map(({ replay, state }) => [replay > 0, state])).toEqual([
        [false, "delivered"],
        [true, "delivered"],
      ])
      expect(deliveries[1]?.attempts).toMatchObject([{ details: { status: 200 } }])
    })

    it("since a moment sends all that it heard since then", async () => {
      const { id } = await made()
      await emit("ord_1001")
      await clock.advance("1h")
      await emit("ord_1002", "ord_1003")

      await carillon.replay({ subscription: id, since: new Date(START.getTime() + 60_000) })
      await carillon.drain()

      expect(sent().slice(3).toSorted()).toEqual(["ord_1002", "ord_1003"])
    })

    it("lets what is emitted meanwhile go first, and ends all the same", async () => {
      const past = Array.from({ length: 30 }, (_, n) => `ord_past_${n}`)
      await emit(...past)
      const { id } = await made({ enabled: false, policy: { concurrency: 1 } })
      await carillon.replay({ subscription: id, since: START })
      await carillon.drain()
      const live = Array.from({ length: 10 }, (_, n) => `ord_live_${n}`)
      await emit(...live)

      await carillon.webhooks.enable(id)
      for (let waits = true; waits; await clock.advance("1s")) {
        await carillon.drain()
        waits = (await carillon.webhooks.health(id)).waiting > 0
      }

      expect(sent().toSorted()).toEqual([...past, ...live].toSorted())
      expect(sent().findLastIndex((each) => live.includes(each))).toBeLessThan(20)
    })

    it("is cancelled as a whole, and nothing else with it", async () => {
      await emit("ord_past_1", "ord_past_2", "ord_past_3")
      fail()
      const { id } = await made({ policy: { delays: [3_600_000] } })
      const replay = await carillon.replay({ subscription: id, since: START })
      const other = await carillon.replay({ subscription: id, eventId: "ord_past_2" })
      await carillon.drain()
      await emit("ord_live")
      const ids = [replay.id ?? ""]

      expect(await carillon.cancel({ ids, scopes: ["acme/master"] })).toMatchObject({
        cancelled: 0,
        skipped: [{ id: replay.id, why: expect.stringMatching(/nothing of a replay/) }],
      })
      expect(await carillon.cancel({ ids, dryRun: true })).toMatchObject({ cancelled: 3, skipped: [] })
      expect(await carillon.cancel({ ids })).toMatchObject({ cancelled: 3, skipped: [] })
      expect(await carillon.cancel({ ids })).toMatchObject({ cancelled: 0, skipped: [{ id: replay.id }] })
      mend()
      notifier.sent.length = 0
      await clock.advance("2h")
      await carillon.drain()

      expect(sent().toSorted()).toEqual(["ord_live", "ord_past_2"])
      expect(await carillon.replayProgress(other.id ?? "")).toMatchObject({ state: "done", made: 1 })
    })

    it("is cancelled before anything of it is made", async () => {
      await emit("ord_past_1", "ord_past_2")
      await carillon.stop()
      const idle = await shop.carillon({ secret: SECRET, start: false, webhooks: { notifiers: [notifier] } })
      const { id } = await idle.webhooks.create({ events: "order.*", recipient: RECIPIENT })
      const own = { scopes: ["default/master"] }
      const replay = await idle.replay({ subscription: id, since: 0, ...own })
      const ids = [replay.id ?? ""]

      expect(await idle.cancel({ ids, scopes: ["acme/master"] })).toMatchObject({ cancelled: 0 })
      expect(await idle.cancel({ ids, ...own })).toMatchObject({ cancelled: 1 })
      await idle.start()
      await idle.drain()

      expect(sent()).toEqual([])
      expect(await idle.replayProgress(replay.id ?? "")).toMatchObject({ state: "cancelled", made: 0 })
    })

    it("whose deliveries died is redriven as a whole", async () => {
      await emit("ord_past_1", "ord_past_2")
      await clock.advance("1h")
      const until = clock.now()
      fail()
      const { id } = await made({ policy: { retries: 0 } })
      await emit("ord_live")
      const replay = await carillon.replay({ subscription: id, since: START, until })
      await carillon.drain()
      mend()
      notifier.sent.length = 0

      const { redriven } = await carillon.redrive({ ids: [replay.id ?? ""] })
      await carillon.drain()

      expect([redriven, sent().toSorted()]).toEqual([replay.count, ["ord_past_1", "ord_past_2"]])
    })

    it("of what is missing sends what was emitted before it was there, and nothing twice", async () => {
      await emit("ord_1001", "ord_1002")
      const { id } = await made()
      await emit("ord_1003")

      const { count } = await carillon.replay({ subscription: id, since: START, missingOnly: true })
      await carillon.drain()

      expect(count).toBe(2)
      expect(sent().toSorted()).toEqual(["ord_1001", "ord_1002", "ord_1003"])
    })

    it("is not needed where it begins with what is kept, or at a moment", async () => {
      await emit("ord_1001")
      await clock.advance("1h")
      await emit("ord_1002")
      await made({ start: "beginning" })
      await carillon.drain()
      const all = sent().toSorted()
      await made({ start: new Date(START.getTime() + 60_000) })
      await carillon.drain()

      expect(all).toEqual(["ord_1001", "ord_1002"])
      expect(sent().slice(2)).toEqual(["ord_1002"])
    })
  })

  describe("what comes meanwhile", () => {
    it("waits while it is paused or disabled, and is sent afterwards", async () => {
      const { id } = await made()
      await carillon.webhooks.disable(id, { detail: "the ERP moves" })
      await emit("ord_1001")
      const waiting = await carillon.listDeliveries({ subscription: id, state: "waiting" })
      await carillon.webhooks.enable(id)
      await carillon.drain()
      await carillon.webhooks.pause(id)
      await emit("ord_1002")
      const before = sent()
      await carillon.webhooks.resume(id)
      await carillon.drain()

      expect(waiting.items).toMatchObject([{ eventId: "ord_1001" }])
      expect(before).toEqual(["ord_1001"])
      expect(sent()).toEqual(["ord_1001", "ord_1002"])
    })

    it("waits for a retry, and goes where it is sent by then, signed with the secrets of then", async () => {
      const first = await made({ policy: "magento" })
      fail()
      await emit("ord_1001")
      mend()
      const next = await carillon.webhooks.rotateSecret(first.id)
      await carillon.webhooks.update(first.id, { recipient: `${RECIPIENT}/v2` })
      await clock.advance("2s")
      await carillon.drain()

      const [failed, again] = notifier.sent
      expect(failed?.subscription).toMatchObject({
        recipient: RECIPIENT,
        secrets: [{ secret: first.secret }],
      })
      expect(again?.subscription).toMatchObject({
        recipient: `${RECIPIENT}/v2`,
        secrets: [{ secret: next.secret }, { secret: first.secret }],
      })
      expect([failed?.attempt, again?.attempt]).toEqual([1, 2])
    })

    it("is sent with one secret alone once the overlap is over", async () => {
      const { id } = await made()
      const { secret } = await carillon.webhooks.rotateSecret(id)
      await clock.advance("25h")
      await emit("ord_1001")

      expect(notifier.sent[0]?.subscription.secrets.map((each) => each.secret)).toEqual([secret])
      expect((await carillon.webhooks.get(id)).oldSecretsUntil).toEqual([])
    })

    it("is cancelled with the webhook", async () => {
      const { id } = await made({ policy: "magento" })
      fail()
      await emit("ord_1001")

      const { cancelled } = await carillon.webhooks.remove(id)
      await clock.advance("1h")
      await carillon.drain()

      expect(cancelled).toBe(1)
      expect(sent()).toEqual(["ord_1001"])
      expect((await carillon.trace("ord_1001")).deliveries).toMatchObject([{ state: "cancelled" }])
    })
  })

  describe("its health", () => {
    it("tells of its newest attempts, what waits, and the last failure", async () => {
      const { id } = await made({ policy: { retries: 0 } })
      await made() // another's attempts are not its own
      await emit("ord_1001", "ord_1002", "ord_1003")
      await clock.advance("1m")
      fail()
      await emit("ord_1004")
      await clock.advance("1m")
      await carillon.webhooks.pause(id)
      await emit("ord_1005", "ord_1006")

      const health = await carillon.webhooks.health(id)

      const failedAt = new Date(START.getTime() + 60_000)
      expect(health).toMatchObject({
        attempts: 4,
        deliveries: 4,
        successRate: 0.75,
        p50Ms: expect.any(Number),
        p99Ms: expect.any(Number),
        waiting: 2,
        running: 0,
        dead: 1,
        lastSuccessAt: START,
        since: START,
        lastFailure: { at: failedAt, error: expect.stringContaining("503") },
        searchedAll: true,
      })
      const [dead] = (await carillon.deadLetters({ subscription: id })).items
      expect(health.lastFailure?.deliveryId).toBe(dead?.deliveryId)
    })

    it("says since when the oldest waits", async () => {
      const { id } = await made()
      await carillon.webhooks.pause(id)
      await emit("ord_1001")
      await clock.advance("1h")
      await emit("ord_1002")

      expect((await carillon.webhooks.health(id)).oldestWaitingAt).toEqual(START)
    })
  })

  it("is erased with the person whom it told of: what was answered goes, that it was sent stays", async () => {
    const { id } = await made()
    await emit("ord_1001")

    await carillon.erase({ where: { data: { id: ["ord_1001"] } } })

    const { items } = await carillon.listDeliveries({ subscription: id })
    expect(items).toMatchObject([
      { state: "delivered", attempts: [{ details: { status: 200, request: null, response: null } }] },
    ])
  })
})
