import { type Carillon, ErasedError, type EraseReport, OpenWorkError, PermanentError } from "carillon"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { filesWith, tablesWith } from "../support/traces-of.ts"
import { signal, WorkflowShop } from "../support/workflow-shop.ts"

const ANNA = "anna.example@mail.test"
const BOB = "bob.example@mail.test"
const WHERE = { data: { email: [ANNA] } }

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  const order = (email: string, more: object = {}) => ({ name: "order.placed", data: { email, ...more } })

  function counts({ events, staged, deliveries, cancelled, runs }: EraseReport) {
    return { events, staged, deliveries, cancelled, runs }
  }

  const NOTHING = { events: 0, staged: 0, deliveries: 0, cancelled: 0, runs: 0 }

  describe("events and deliveries", () => {
    /** Mails to everybody; those to a broken address fail for good, and say which. */
    async function mailing(): Promise<Carillon> {
      const carillon = await shop.carillon({ start: false })
      const send = ({ data }: { data: { email: string; broken?: true } }): void => {
        if (data.broken) throw new PermanentError(`no mailbox ${data.email}`)
        shop.log.push(data.email)
      }
      carillon.events
        .subscribe("order.placed", send as never, { subscriberId: "mail" })
        .subscribe("order.placed", () => {}, {
          subscriberId: "vip",
          filter: { data: { vip: [true] } },
        })
      await carillon.start()
      return carillon
    }

    it("leaves nothing of a person, and all that others have, what happened, and when", async () => {
      const carillon = await mailing()
      await carillon.emit([
        { ...order(ANNA, { vip: true }), key: ANNA, metadata: { from: ANNA }, id: "ord_1001" },
        order(ANNA, { broken: true }),
        order(BOB, { broken: true }),
      ])
      await carillon.drain()

      const dry = await carillon.erase({ where: WHERE, dryRun: true })
      const done = await carillon.erase({ where: WHERE })

      expect(counts(done)).toEqual({ ...NOTHING, events: 2, deliveries: 1 })
      expect(counts(dry)).toEqual(counts(done))
      expect(dry.ids).toEqual(done.ids)
      expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
      const { event, deliveries } = await carillon.trace("ord_1001")
      expect(event).toMatchObject({ name: "order.placed", data: null, metadata: {}, key: null })
      expect(event.erasedAt).toBeInstanceOf(Date)
      expect(deliveries.map((each) => [each.subscription, each.state])).toEqual([
        ["mail@order.placed", "delivered"],
        ["vip@order.placed", "delivered"],
      ])
      const dead = (await carillon.deadLetters()).items
      expect(dead.map((each) => each.error)).toEqual([`no mailbox ${BOB}`])
    })

    it("changes nothing when it is asked again, and finds those whose names alone it is told no more", async () => {
      const carillon = await mailing()
      await carillon.emit([order(ANNA), order(ANNA)])
      await carillon.drain()
      const where = { name: ["order.placed"] }

      expect((await carillon.erase({ where })).events).toBe(2)
      const [first] = (await carillon.listEvents()).items
      expect(counts(await carillon.erase({ where }))).toEqual(NOTHING)
      expect((await carillon.listEvents()).items[0]).toEqual(first)
    })

    it("delivers an erased event never again, neither by redrive nor by replay", async () => {
      const carillon = await mailing()
      await carillon.emit([{ ...order(ANNA, { broken: true }), id: "ord_1001" }, order(BOB)])
      await carillon.drain()
      const [dead] = (await carillon.deadLetters()).items
      const id = dead?.deliveryId ?? "none"
      await carillon.erase({ where: WHERE })

      expect(await carillon.redrive({ ids: [id] })).toMatchObject({
        redriven: 0,
        skipped: [{ id, why: "its event was erased" }],
      })
      await expect(carillon.replay({ subscription: "mail", eventId: "ord_1001" })).rejects.toThrow(
        ErasedError,
      )
      expect(await carillon.replay({ subscription: "mail", since: 0 })).toMatchObject({ count: 1 })
      await carillon.drain()
      expect(shop.log).toEqual([BOB, BOB])
      const { deliveries } = await carillon.trace("ord_1001")
      expect(deliveries).toMatchObject([{ state: "cancelled", why: "its event was erased", error: "erased" }])
      expect(deliveries[0]?.attempts).toMatchObject([{ outcome: "dead", error: "erased" }])
    })

    it("keeps an id taken whose content nobody can guess any more", async () => {
      const carillon = await mailing()
      const event = { ...order(ANNA), id: "ord_1001" }
      await carillon.emit(event)
      await carillon.drain()
      await carillon.erase({ where: WHERE })

      await expect(carillon.emit(event)).rejects.toMatchObject({ code: "CARILLON_ID_CONFLICT" })
    })

    it("leaves other scopes alone, although their events have the same ids", async () => {
      const carillon = await mailing()
      for (const scope of ["acme", "globex"]) await carillon.emit({ ...order(ANNA), id: "ord_1001", scope })
      await carillon.drain()

      const { ids } = await carillon.erase({ where: WHERE, scopes: ["acme/master"] })

      expect(ids.events).toEqual(["ord_1001"])
      const kept = await carillon.listEvents({ scope: "globex" })
      expect(kept.items.map(({ data }) => data)).toEqual([{ email: ANNA }])
    })

    it("keeps to the time that it is told", async () => {
      const { carillon, clock } = await shop.timed()
      await carillon.emit(order(ANNA))
      await clock.advance("1h")
      const then = clock.now()
      await carillon.emit(order(ANNA))

      expect((await carillon.erase({ where: WHERE, from: then, dryRun: true })).events).toBe(1)
      expect((await carillon.erase({ where: WHERE, to: then })).events).toBe(1)
      expect((await carillon.erase({ where: WHERE })).events).toBe(1)
    })

    it("refuses a pattern that means everybody", async () => {
      const carillon = await mailing()
      await carillon.emit(order(ANNA))

      await expect(carillon.erase({ where: {} })).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
      await expect(carillon.erase({ where: null })).rejects.toMatchObject({ code: "CARILLON_INVALID_FILTER" })
    })

    it("erases what Carillon itself said of the events, and says how much it was and not whose", async () => {
      const carillon = await mailing()
      carillon.events
        .subscribe("carillon.dead_letter", () => {}, { subscriberId: "alarm" })
        .subscribe("carillon.data.erased", ({ data }) => void shop.log.push(JSON.stringify(data)), {
          subscriberId: "ledger",
        })
      await carillon.emit({ ...order(ANNA, { broken: true }), key: ANNA })
      await carillon.drain()
      expect((await carillon.listEvents({ name: "carillon.dead_letter" })).items).toHaveLength(1)

      const { events } = await carillon.erase({ where: { ...WHERE, name: ["order.placed"] } })

      expect(events).toBe(2)
      expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
      await carillon.drain()
      expect(shop.log).toEqual([JSON.stringify({ events: 2, staged: 0, deliveries: 1, runs: 0, steps: 0 })])
    })
  })

  describe("what is open", () => {
    it("is left and counted, and goes on as if nothing had been", async () => {
      const { carillon, clock } = await shop.timed()
      const failures = [new Error(`${ANNA} does not answer`)]
      carillon.events.subscribe(
        "order.placed",
        () => {
          const failure = failures.pop()
          if (failure !== undefined) throw failure
        },
        { subscriberId: "mail", policy: { retries: 1, initialBackoffDelay: 60_000 } },
      )
      const [receipt] = await carillon.emit(order(ANNA))
      await carillon.drain()

      const report = await carillon.erase({ where: WHERE })

      expect(counts(report)).toEqual(NOTHING)
      expect(report.open).toEqual({ events: 1, staged: 0, waiting: 1, running: 0, runs: 0 })
      expect(report.ids.open).toEqual([receipt?.id])
      await clock.advance("2m")
      await carillon.drain()
      expect(counts(await carillon.erase({ where: WHERE }))).toEqual({ ...NOTHING, events: 1, deliveries: 1 })
      expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
    })

    it("is cancelled by wish, whatever it waits in, and never delivered", async () => {
      const carillon = await shop.carillon()
      carillon.events.subscribe("order.placed", () => void shop.log.push("mail"), { subscriberId: "mail" })
      await carillon.emit({ ...order(ANNA), id: "delayed", delay: 3_600_000 })
      await carillon.pause("mail")
      await carillon.emit([{ ...order(ANNA), id: "paused" }, order(BOB)])
      expect((await carillon.erase({ where: WHERE })).open).toMatchObject({ events: 2, waiting: 2 })

      const report = await carillon.erase({ where: WHERE, includeOpen: true })

      expect(counts(report)).toEqual({ ...NOTHING, events: 2, deliveries: 1, cancelled: 1 })
      expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
      await carillon.resume("mail")
      await carillon.drain()
      expect(shop.log).toEqual(["mail"])
      for (const id of ["delayed", "paused"])
        expect((await carillon.trace(id)).deliveries).toMatchObject([
          { state: "cancelled", why: "its event was erased" },
        ])
    })

    it("is not erased while it runs", async () => {
      const [begun, end] = [signal(), signal()]
      const carillon = await shop.carillon()
      carillon.events.subscribe(
        "order.placed",
        async () => {
          begun.resolve()
          await end.promise
        },
        { subscriberId: "mail" },
      )
      await carillon.emit(order(ANNA))
      await begun.promise

      await expect(carillon.erase({ where: WHERE, includeOpen: true })).rejects.toThrow(OpenWorkError)
      expect((await carillon.erase({ where: WHERE })).open).toMatchObject({ events: 1, running: 1 })
      end.resolve()
      await carillon.drain()
      expect((await carillon.erase({ where: WHERE })).events).toBe(1)
    })

    it("is a staged event as well, which goes by wish", async () => {
      const carillon = await shop.carillon()
      await carillon.emit([
        { ...order(ANNA), metadata: { eventGroupId: "cart_1" } },
        { ...order(BOB), metadata: { eventGroupId: "cart_1" } },
      ])
      expect((await carillon.erase({ where: WHERE })).open.staged).toBe(1)

      expect((await carillon.erase({ where: WHERE, includeOpen: true })).staged).toBe(1)

      await carillon.events.releaseGroupedEvents("cart_1")
      expect((await carillon.listEvents()).items.map(({ data }) => data)).toEqual([{ email: BOB }])
    })
  })

  describe("runs", () => {
    /** A run for each order, whose steps remember the address, with a child that does as well. */
    async function fulfilling() {
      const pack = createStep(
        "pack",
        async ({ email }: { email: string }) => new StepResponse(`for ${email}`, { undo: email }),
        async () => void shop.log.push("unpacked"),
      )
      const note = createWorkflow("note", (input: { email: string }) => new WorkflowResponse(pack(input)))
      const fulfil = createWorkflow("fulfil", (input: { email: string }) => {
        note.runAsStep({ input })
        return new WorkflowResponse(pack(input))
      })
      const carillon = await shop.carillon({ start: false })
      carillon.events.subscribe<{ email: string }>(
        "order.placed",
        async ({ data }) => {
          await fulfil(carillon.container).run({ input: data })
        },
        { subscriberId: "fulfilment" },
      )
      await carillon.start()
      return { carillon, fulfil, note }
    }

    it("keep what they did and when, and nothing of what they were given and gave", async () => {
      const { carillon } = await fulfilling()
      await carillon.emit([order(ANNA), order(BOB)])
      await carillon.drain()
      const before = (await carillon.workflows.list()).items

      const dry = await carillon.erase({ where: WHERE, dryRun: true })
      const report = await carillon.erase({ where: WHERE })

      expect(report).toMatchObject({ events: 1, runs: 2, open: { events: 0, runs: 0 } })
      expect({ ...dry, dryRun: false, remains: report.remains }).toEqual(report)
      expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
      const after = (await carillon.workflows.list()).items
      expect(after.map(({ id, state }) => [id, state])).toEqual(before.map(({ id, state }) => [id, state]))
      const erased = after.filter(({ erasedAt }) => erasedAt !== null)
      expect(erased.map(({ workflow }) => workflow).sort()).toEqual(["fulfil", "note"])
      const run = await carillon.workflows.retrieve(erased[0]?.id ?? "none")
      expect(run.steps.every(({ outcome, output }) => outcome === "done" && output === undefined)).toBe(true)
    })

    it("are found by what they were started with, and take the run whose step they are along", async () => {
      const { carillon, fulfil, note } = await fulfilling()
      await fulfil(carillon.container).run({ input: { email: ANNA } })
      await note(carillon.container).run({ input: { email: BOB } })
      await carillon.drain()

      expect(counts(await carillon.erase({ where: WHERE }))).toEqual({ ...NOTHING, runs: 2 })
      expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
      expect(await tablesWith(shop.place, engine, BOB)).toContain("runs")
    })

    it("cannot be undone any more", async () => {
      const { carillon, note } = await fulfilling()
      await note(carillon.container).run({ input: { email: ANNA } })
      await carillon.drain()
      const { ids } = await carillon.erase({ where: WHERE })

      await expect(carillon.workflows.revert(ids.runs[0] ?? "none")).rejects.toThrow("erased")
      await carillon.drain()
      expect(shop.log).toEqual([])
    })
  })

  if (engine === "sqlite")
    it("leaves no byte of it in the files", async () => {
      const { carillon, clock } = await shop.timed()
      carillon.events.subscribe<{ email: string; broken?: true }>(
        "order.placed",
        ({ data }) => {
          if (data.broken) throw new Error(`${data.email} `.repeat(40))
        },
        { subscriberId: "mail", policy: { retries: 3, initialBackoffDelay: 1_000 } },
      )
      for (let i = 0; i < 60; i++) {
        await carillon.emit([order(i % 3 ? BOB : ANNA, i % 2 ? { broken: true } : {}), order(BOB)])
        await clock.advance("1s")
      }
      await clock.advance("10m")
      await carillon.drain()
      expect(filesWith(shop.database, ANNA)).not.toEqual([])

      const { open, remains } = await carillon.erase({ where: WHERE })

      expect(open.events).toBe(0)
      expect(remains).toBe("none")
      expect(filesWith(shop.database, ANNA)).toEqual([])
      await carillon.stop()
      expect(filesWith(shop.database, ANNA)).toEqual([])
      expect(filesWith(shop.database, BOB)).toEqual(["shop.db"])
    })
})
