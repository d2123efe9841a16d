import { type Carillon, type CarillonEvent, type EventModule, Modules } from "carillon"
import {
  createStep,
  createWorkflow,
  emitEventStep,
  type StepExecutionContext,
  StepResponse,
  WorkflowResponse,
} from "carillon/workflows"
import { Client } from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { until, WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  const soon = { retries: 3, initialBackoffDelay: 0 }

  /** A started Carillon on which `handle` gets every order that is placed. */
  async function withHandler(
    handle: (carillon: Carillon, attempt: number, deliveryId: string) => Promise<unknown>,
  ): Promise<Carillon> {
    const carillon = await shop.carillon({ start: false })
    carillon.events.subscribe(
      "order.placed",
      async (_, { attempt, deliveryId }) => void (await handle(carillon, attempt, deliveryId)),
      { subscriberId: "fulfil", policy: soon },
    )
    await carillon.start()
    return carillon
  }

  /** Notes every event that is delivered under a name. */
  function hear(carillon: Carillon, pattern: string): CarillonEvent[] {
    const heard: CarillonEvent[] = []
    carillon.events.subscribe(pattern, (event) => void heard.push(event), { subscriberId: "hear" })
    return heard
  }

  async function place(carillon: Carillon): Promise<string> {
    const [receipt] = await carillon.emit({ name: "order.placed", data: { id: "ord_1" } })
    return receipt?.id ?? ""
  }

  /** In the application's own transaction, on its own connection. */
  async function inTransaction(act: (tx: Client) => Promise<unknown>): Promise<void> {
    const client = new Client({ connectionString: shop.database })
    await client.connect()
    try {
      await client.query("BEGIN")
      await act(client)
      await client.query("COMMIT")
    } finally {
      await client.end()
    }
  }

  const eventsIn = ({ container }: StepExecutionContext): EventModule => container.resolve(Modules.EVENT)

  describe("a run that a handler starts", () => {
    it("is joined by the delivery's next attempt when it is done: nothing is done twice", async () => {
      const ship = createStep("ship", async () => {
        shop.log.push("ship")
        return new StepResponse("label_1")
      })
      const workflow = createWorkflow("ship-order", () => new WorkflowResponse(ship()))
      const answers: unknown[] = []
      const deliveries: string[] = []
      const carillon = await withHandler(async ({ container }, attempt, deliveryId) => {
        const { result, transaction } = await workflow(container).run()
        answers.push([result, transaction.runId, transaction.transactionId])
        deliveries.push(deliveryId)
        if (attempt < 3) throw new Error("the handler fails after its run")
      })

      await place(carillon)
      await until(() => answers.length === 3, "three attempts")

      expect(shop.log).toEqual(["ship"])
      expect(new Set(answers.map(String)).size).toBe(1)
      expect(answers[0]).toEqual(["label_1", expect.stringMatching(/^run_/), deliveries[0]])
      expect((await carillon.workflows.list()).items).toHaveLength(1)
    })

    it("is joined by the delivery's next attempt while it goes on", async () => {
      const pay = createStep({ name: "pay", async: true }, async (_: undefined, { idempotencyKey }) => {
        shop.log.push(idempotencyKey)
      })
      const workflow = createWorkflow("pay-order", () => new WorkflowResponse(pay()))
      const states: string[] = []
      const runs = new Set<string>()
      const carillon = await withHandler(async ({ container }, attempt) => {
        const { transaction } = await workflow(container).run()
        states.push(transaction.state)
        runs.add(transaction.runId)
        if (attempt === 1) throw new Error("the handler fails while its run waits")
      })

      await place(carillon)
      await until(() => states.length === 2, "two attempts")
      const [idempotencyKey = ""] = shop.log
      const { result } = await carillon.workflows.setStepSuccess({ idempotencyKey, stepResponse: "paid" })

      expect([states, runs.size, shop.log.length, result]).toEqual([["invoking", "invoking"], 1, 1, "paid"])
    })

    it("starts anew when the one before was undone, under the same transaction id and other keys", async () => {
      const seen: { transactionId: string; runId: string; idempotencyKey: string }[] = []
      const charge = createStep(
        "charge",
        async (_: undefined, { transactionId, runId, idempotencyKey }) => {
          seen.push({ transactionId, runId, idempotencyKey })
          if (seen.length < 3) throw new Error("the bank is down")
          return new StepResponse("charged")
        },
        async (_, { idempotencyKey }) => void shop.log.push(idempotencyKey),
      )
      const workflow = createWorkflow("charge-order", () => new WorkflowResponse(charge()))
      let result: unknown = null
      const carillon = await withHandler(async ({ container }) => {
        result = (await workflow(container).run()).result
      })

      await place(carillon)
      await until(() => result !== null, "the run that is done")

      const [first, second] = seen
      expect(seen).toHaveLength(3)
      expect(new Set(seen.map((each) => each.transactionId)).size).toBe(1)
      expect(new Set(seen.map((each) => each.runId)).size).toBe(3)
      expect(new Set(seen.map((each) => each.idempotencyKey)).size).toBe(3)
      expect(shop.log).toEqual([first, second].map((each) => `charge-order:${each?.runId}:charge:compensate`))
      const { items } = await carillon.workflows.list({ transactionId: first?.transactionId ?? "" })
      expect(items.map((each) => each.state)).toEqual(["done", "reverted", "reverted"])
    })

    it("is one of several of the same workflow: each attempt joins them in their order", async () => {
      const ship = createStep("ship", async ({ parcel }: { parcel: number }) => {
        shop.log.push(`ship ${parcel}`)
        return new StepResponse(parcel)
      })
      const workflow = createWorkflow("ship-parcel", (input: { parcel: number }) => {
        return new WorkflowResponse(ship(input))
      })
      const answers: unknown[][] = []
      const ids: string[][] = []
      const carillon = await withHandler(async ({ container }, attempt, deliveryId) => {
        const first = await workflow(container).run({ input: { parcel: 1 } })
        if (attempt === 1) throw new Error("between the two")
        const second = await workflow(container).run({ input: { parcel: 2 } })
        answers.push([first.result, second.result])
        ids.push([deliveryId, first.transaction.transactionId, second.transaction.transactionId])
        if (attempt === 2) throw new Error("after both")
      })

      await place(carillon)
      await until(() => answers.length === 2, "two attempts that came to the end")

      expect(shop.log).toEqual(["ship 1", "ship 2"])
      expect(answers).toEqual([
        [1, 2],
        [1, 2],
      ])
      const [[delivery, first, second] = []] = ids
      expect([first, second]).toEqual([delivery, `${delivery}:2`])
      expect(ids[1]).toEqual(ids[0])
    })

    it("keeps the transaction id that its caller gives it, which other deliveries then join", async () => {
      const pay = createStep({ name: "pay", async: true }, async () => void shop.log.push("pay"))
      const workflow = createWorkflow("pay-order", () => {
        pay()
      })
      const runs: string[] = []
      const carillon = await withHandler(async ({ container }) => {
        const { transaction } = await workflow(container).run({ context: { transactionId: "ord_1" } })
        runs.push(transaction.runId)
      })

      await place(carillon)
      await place(carillon)
      await until(() => runs.length === 2, "two deliveries")

      expect([new Set(runs).size, shop.log]).toEqual([1, ["pay"]])
    })
  })

  describe("a handler of what a step emits", () => {
    it("starts runs by its own delivery, and what it emits comes from its own event", async () => {
      const follow = createWorkflow("follow-up", () => {
        createStep("follow", async (_: undefined, { transactionId }) => void shop.log.push(transactionId))()
      })
      const inner = createWorkflow("pack-order", () => {
        emitEventStep({ eventName: "order.packed", data: {} })
      })
      const outer = createWorkflow("ship-order", () => {
        createStep("ship", async (_: undefined, context) => {
          await eventsIn(context).emit({ name: "order.shipped", data: {} })
          await inner(context.container).run()
          await until(() => shop.log.length === 2, "both handlers, while the step still runs")
        })()
      })
      const carillon = await shop.carillon({ start: false })
      const deliveries: string[] = []
      carillon.events.subscribe(
        "order.*",
        async (event, { deliveryId }) => {
          deliveries.push(deliveryId)
          await carillon.emit({ name: "customer.told", data: { of: event.id } })
          await follow(carillon.container).run()
        },
        { subscriberId: "tell", policy: soon },
      )
      await carillon.start()

      await outer(carillon.container).run()
      await carillon.drain()

      expect(shop.log.toSorted()).toEqual(deliveries.toSorted())
      const { items } = await carillon.listEvents({ name: "customer.told" })
      expect(items.map((each) => each.causationId)).toEqual(
        items.map((each) => (each.data as { of: string }).of),
      )
    })
  })

  describe("a run that a step starts", () => {
    it("is joined when that step is tried again, and known by the step's key", async () => {
      const pack = createStep("pack", async () => void shop.log.push("pack"))
      const inner = createWorkflow("pack-order", () => {
        pack()
      })
      const started: string[] = []
      const outer = createWorkflow("ship-order", () => {
        createStep({ name: "ship", maxRetries: 1 }, async (_: undefined, context) => {
          const { transaction } = await inner(context.container).run()
          started.push(transaction.transactionId)
          if (context.attempt === 1) throw new Error("after the inner run")
          return new StepResponse(context.idempotencyKey)
        })()
      })
      const carillon = await shop.carillon()

      const { result } = await outer(carillon.container).run({ resultFrom: "ship" })

      expect(shop.log).toEqual(["pack"])
      expect(started).toEqual([result, result])
    })

    it("emits for itself: its events go out when it is done, whatever becomes of the run around it", async () => {
      const inner = createWorkflow("pack-order", () => {
        emitEventStep({ eventName: "order.packed", data: { id: "ord_1" } })
      })
      const outer = createWorkflow("ship-order", () => {
        emitEventStep({ eventName: "order.shipped", data: { id: "ord_1" } })
        createStep("ship", async (_: undefined, { container }) => {
          await inner(container).run()
          throw new Error("no van")
        })()
      })
      const carillon = await shop.carillon({ start: false })
      const heard = hear(carillon, "order.*")
      await carillon.start()

      await expect(outer(carillon.container).run()).rejects.toThrow("no van")
      await carillon.drain()

      expect(heard.map((each) => each.name)).toEqual(["order.packed"])
    })
  })

  describe("what a run emits", () => {
    it("comes from the event whose handler started it, through runs in runs", async () => {
      const inner = createWorkflow("pack-order", () => {
        createStep("pack", async (_: undefined, context) => {
          shop.log.push(context.runId)
          await eventsIn(context).emit({ name: "order.packed", data: {} })
        })()
      })
      const outer = createWorkflow("ship-order", () => {
        emitEventStep({ eventName: "order.shipped", data: { id: "ord_1" } })
        createStep("ship", async (_: undefined, { container, runId }) => {
          await inner(container).run()
          shop.log.push(runId)
        })()
      })
      const carillon = await withHandler(({ container }) => outer(container).run())

      const placed = await place(carillon)
      await carillon.drain()

      const [packing, shipping] = shop.log
      const packed = (await carillon.listEvents({ name: "order.packed" })).items
      const shipped = (await carillon.listEvents({ name: "order.shipped" })).items
      expect(packed).toMatchObject([{ correlationId: placed, causationId: packing }])
      expect(shipped).toMatchObject([{ correlationId: placed, causationId: shipping }])
    })

    it("waits for the run to be done, also what steps emit by the event module under its group", async () => {
      const held: number[] = []
      const workflow = createWorkflow("place-order", () => {
        emitEventStep({ eventName: "order.accepted", data: [{ line: 1 }, { line: 2 }] })
        createStep("invoice", async (_: undefined, context) => {
          const { eventGroupId } = context
          await eventsIn(context).emit({ name: "invoice.sent", data: {}, metadata: { eventGroupId } })
        })()
        createStep("look", async () => {
          held.push(heard.length, (await carillon.listEvents()).items.length)
        })()
      })
      const carillon = await shop.carillon({ start: false })
      const heard = hear(carillon, "*")
      await carillon.start()

      await workflow(carillon.container).run()
      await carillon.drain()

      expect(held).toEqual([0, 0])
      expect(heard.map((each) => each.name)).toEqual(["order.accepted", "order.accepted", "invoice.sent"])
      expect(heard.map((each) => each.data)).toEqual([{ line: 1 }, { line: 2 }, {}])
    })

    it.skipIf(engine === "sqlite")(
      "waits for the run also where a step emits it in a transaction of the application",
      async () => {
        const workflow = createWorkflow("place-order", (input: { fails: boolean }) => {
          createStep("invoice", async (_: undefined, context) => {
            const { eventGroupId } = context
            const event = { name: "invoice.sent", data: {}, metadata: { eventGroupId } }
            await inTransaction((tx) => eventsIn(context).emit(event, { tx }))
          })()
          createStep("ship", async ({ fails }: { fails: boolean }) => {
            shop.log.push(`${heard.length} heard`)
            if (fails) throw new Error("no van")
          })(input)
        })
        const carillon = await shop.carillon({ start: false })
        const heard = hear(carillon, "*")
        await carillon.start()

        await workflow(carillon.container).run({ input: { fails: true }, throwOnError: false })
        await workflow(carillon.container).run({ input: { fails: false } })
        await carillon.drain()

        expect([heard.length, shop.log]).toEqual([1, ["0 heard", "0 heard"]])
        expect(await shop.place.sql(`SELECT * FROM ${shop.place.table("staged")}`)).toEqual([])
      },
    )

    it("is never heard when the run is undone; what was emitted without its group was heard at once", async () => {
      const workflow = createWorkflow("place-order", () => {
        emitEventStep({ eventName: "order.accepted", data: {} })
        createStep("invoice", async (_: undefined, context) => {
          const { eventGroupId } = context
          const events = eventsIn(context)
          await events.emit({ name: "invoice.sent", data: {}, metadata: { eventGroupId } })
          await events.emit({ name: "stock.checked", data: {} })
        })()
        createStep("ship", async () => {
          throw new Error("no van")
        })()
      })
      const carillon = await shop.carillon({ start: false })
      const heard = hear(carillon, "*")
      await carillon.start()

      const { transaction } = await workflow(carillon.container).run({ throwOnError: false })
      await carillon.events.releaseGroupedEvents(transaction.flow.metadata.eventGroupId)
      await carillon.drain()

      expect(heard.map((each) => each.name)).toEqual(["stock.checked"])
    })

    it("goes out with what its caller staged under the same group, or is cleared with it", async () => {
      const workflow = createWorkflow("place-order", (input: { fails: boolean }) => {
        emitEventStep({ eventName: "order.accepted", data: {} })
        createStep("ship", async ({ fails }: { fails: boolean }) => {
          if (fails) throw new Error("no van")
        })(input)
      })
      const carillon = await shop.carillon({ start: false })
      const heard = hear(carillon, "*")
      await carillon.start()
      for (const fails of [false, true]) {
        const eventGroupId = `checkout_${fails}`
        await carillon.events.emit({ name: "cart.closed", data: {}, metadata: { eventGroupId } })
        const context = { eventGroupId }
        await workflow(carillon.container).run({ input: { fails }, context, throwOnError: false })
        await carillon.events.releaseGroupedEvents(eventGroupId)
      }
      await carillon.drain()

      expect(heard.map((each) => each.name)).toEqual(["cart.closed", "order.accepted"])
    })

    it("in a child goes out with its parent's events, and not at all when the parent is undone", async () => {
      const child = createWorkflow("charge-order", () => {
        emitEventStep({ eventName: "order.charged", data: {} })
      })
      const parent = createWorkflow("place-order", (input: { fails: boolean }) => {
        child.runAsStep()
        createStep("ship", async ({ fails }: { fails: boolean }) => {
          shop.log.push(`${(await carillon.listEvents()).items.length} events`)
          if (fails) throw new Error("no van")
        })(input)
      })
      const carillon = await shop.carillon({ start: false })
      const heard = hear(carillon, "*")
      await carillon.start()

      await parent(carillon.container).run({ input: { fails: true }, throwOnError: false })
      await carillon.drain()
      expect([heard.length, shop.log]).toEqual([0, ["0 events"]])
      await parent(carillon.container).run({ input: { fails: false } })
      await carillon.drain()

      expect([heard.map((each) => each.name), shop.log]).toEqual([
        ["order.charged"],
        ["0 events", "0 events"],
      ])
    })

    it("is one event, however often its step is tried", async () => {
      let failures = 1
      const workflow = createWorkflow("place-order", () => {
        emitEventStep({
          eventName: "order.accepted",
          data: () => {
            shop.log.push("asked")
            if (failures-- > 0) throw new Error("not yet")
            return { id: "ord_1" }
          },
        }).config({ maxRetries: 2 })
      })
      const carillon = await shop.carillon({ start: false })
      const heard = hear(carillon, "*")
      await carillon.start()

      const { transaction } = await workflow(carillon.container).run()
      await carillon.drain()

      expect(shop.log).toEqual(["asked", "asked"])
      expect(heard).toMatchObject([
        { name: "order.accepted", data: { id: "ord_1" }, id: `${transaction.runId}:emit-event-step:0` },
      ])
    })
  })
})
