import { type Carillon, Modules } from "carillon"
import {
  createStep,
  createWorkflow,
  parallelize,
  StepResponse,
  type StepSettings,
  sleepStep,
  WorkflowResponse,
  waitForEventStep,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { passUntil, until, WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** Ends when somebody says so. */
  function asked(name: string, settings: StepSettings = {}) {
    return createStep<unknown, string>(
      { ...settings, name, async: true },
      async (_, { idempotencyKey, attempt }) => void shop.log.push(`${name} ${attempt} ${idempotencyKey}`),
      async (input) => void shop.log.push(`undo ${name}: ${input}`),
    )
  }

  function said(name: string) {
    return createStep("say", async (input: unknown) => {
      shop.log.push(`${name}: ${JSON.stringify(input)}`)
      return new StepResponse(input)
    })
  }

  const stateOf = async (carillon: Carillon, runId: string) =>
    (await carillon.workflows.retrieve(runId)).state
  const endOf = async (carillon: Carillon, runId: string) => {
    await until(async () => ["done", "reverted", "failed"].includes(await stateOf(carillon, runId)), runId)
    return carillon.workflows.retrieve(runId)
  }

  describe("a step that waits for a response", () => {
    it("lets the run be answered, and ends with what it is told, by its key", async () => {
      const workflow = createWorkflow("place-order", () => new WorkflowResponse(said("paid")(asked("pay")())))
      const carillon = await shop.carillon()

      const begun = await workflow(carillon.container).run()
      const key = shop.log[0]?.split(" ")[2] as string
      const { transaction, result } = await carillon.workflows.setStepSuccess({
        idempotencyKey: key,
        stepResponse: new StepResponse({ total: 7, at: new Date(0) }),
      })

      expect(begun.transaction.state).toBe("invoking")
      expect(begun.transaction.flow.hasWaitingSteps).toBe(true)
      expect(transaction.state).toBe("done")
      expect(result).toEqual({ total: 7, at: new Date(0) })
    })

    it("ends by its parts, too, and only once", async () => {
      const workflow = createWorkflow("place-order", () => new WorkflowResponse(asked("pay")()))
      const carillon = await shop.carillon()
      await workflow(carillon.container).run({ context: { transactionId: "ord_1" } })
      const idempotencyKey = {
        workflowId: "place-order",
        transactionId: "ord_1",
        stepId: "pay",
        action: "invoke",
      } as const

      const { result } = await carillon.workflows.setStepSuccess({ idempotencyKey, stepResponse: "paid" })

      expect(result).toBe("paid")
      await expect(
        carillon.workflows.setStepSuccess({ idempotencyKey, stepResponse: "again" }),
      ).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
      await expect(
        carillon.workflows.setStepSuccess({ idempotencyKey: { ...idempotencyKey, transactionId: "ord_2" } }),
      ).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
      await expect(carillon.workflows.setStepSuccess({ idempotencyKey: "nonsense" })).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
    })

    it("undoes the run when it is told of a failure", async () => {
      const workflow = createWorkflow("place-order", () => {
        said("reserved")({ sku: "tea" })
        asked("pay")()
      })
      const carillon = await shop.carillon()
      await workflow(carillon.container).run()

      const { transaction, errors } = await carillon.workflows.setStepFailure({
        idempotencyKey: shop.log[1]?.split(" ")[2] as string,
        stepResponse: new Error("card refused"),
        throwOnError: false,
      })

      expect(transaction.state).toBe("reverted")
      expect(errors.map(({ action, error }) => [action, error.message])).toEqual([["pay", "card refused"]])
      expect(shop.log.at(-1)).toBe("undo pay: undefined")
    })

    it("asks again as often as it may after failures, and not once it is told that this cannot help", async () => {
      const workflow = createWorkflow("place-order", () => {
        asked("pay", { maxRetries: 1 })()
      })
      const carillon = await shop.carillon()
      const fail = async (forcePermanentFailure: boolean) => {
        const idempotencyKey = shop.log.at(-1)?.split(" ")[2] as string
        const { transaction } = await carillon.workflows.setStepFailure({
          idempotencyKey,
          stepResponse: "busy",
          forcePermanentFailure,
          throwOnError: false,
        })
        return transaction.state
      }

      await workflow(carillon.container).run()
      const retried = [await fail(false), await fail(false)]
      await workflow(carillon.container).run()
      const forced = await fail(true)

      expect(retried).toEqual(["invoking", "reverted"])
      expect(forced).toBe("reverted")
      expect(shop.log.map((each) => each.split(" ").slice(0, 2).join(" "))).toEqual([
        "pay 1",
        "pay 2",
        "undo pay:",
        "pay 1",
        "undo pay:",
      ])
    })

    it("gives a name with colons to a key that leads back to it", async () => {
      const workflow = createWorkflow("run_orders:eu", () => new WorkflowResponse(asked("pay:by:card")()))
      const carillon = await shop.carillon()
      await workflow(carillon.container).run({ context: { transactionId: "run_1:a" } })
      const key = shop.log[0]?.split(" ")[2] as string

      const { result } = await carillon.workflows.setStepSuccess({
        idempotencyKey: key,
        stepResponse: "paid",
      })

      expect(result).toBe("paid")
    })

    it("side by side with others ends all of them when they are told at once, and what follows runs once", async () => {
      const workflow = createWorkflow("place-order", () => {
        const parts = parallelize(asked("a")(), asked("b")(), asked("c")(), asked("d")(), asked("e")())
        return new WorkflowResponse(said("all")(parts))
      })
      const carillon = await shop.carillon()
      const other = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run()
      const keys = shop.log.map((each) => each.split(" ")[2] as string)

      await Promise.all(
        keys.map((idempotencyKey, i) =>
          (i % 2 === 0 ? carillon : other).workflows.setStepSuccess({
            idempotencyKey,
            stepResponse: idempotencyKey.split(":")[2],
          }),
        ),
      )

      const { state, result } = await endOf(carillon, transaction.runId)
      expect([state, result]).toEqual(["done", ["a", "b", "c", "d", "e"]])
      expect(shop.log.filter((each) => each.startsWith("all"))).toEqual(['all: ["a","b","c","d","e"]'])
    })

    it("ends by itself when it answers, and the run goes on in the background meanwhile", async () => {
      const release: (() => void)[] = []
      const slow = createStep({ name: "report", async: true }, async () => {
        await new Promise<void>((resolve) => void release.push(resolve))
        return new StepResponse("the report")
      })
      const workflow = createWorkflow("make-report", () => new WorkflowResponse(said("made")(slow())))
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run()
      await until(() => release.length > 0)
      release[0]?.()

      expect(transaction.state).toBe("invoking")
      expect(await endOf(carillon, transaction.runId)).toMatchObject({ state: "done", result: "the report" })
      expect(shop.log).toEqual(['made: "the report"'])
    })

    it("fails when nobody says anything in time", async () => {
      const workflow = createWorkflow("place-order", () => {
        asked("pay", { timeout: 60 })()
      })
      const { carillon, clock } = await shop.timed()
      const { transaction } = await workflow(carillon.container).run()

      const early = await stateOf(carillon, transaction.runId)
      await passUntil(clock, endOf(carillon, transaction.runId), 5_000)

      expect(early).toBe("invoking")
      const { state, error } = await carillon.workflows.retrieve(transaction.runId)
      expect(state).toBe("reverted")
      expect(error).toContain("pay")
    })

    it("is given another attempt by an operator, where steps are not tried again by themselves", async () => {
      let isMended = false
      const charge = createStep({ name: "charge", autoRetry: false, maxRetries: 3 }, async () => {
        if (!isMended) throw new Error("no contract")
        return new StepResponse("charged")
      })
      const workflow = createWorkflow("place-order", () => new WorkflowResponse(charge()))
      const carillon = await shop.carillon()
      const begun = await workflow(carillon.container).run({ context: { transactionId: "ord_1" } })

      isMended = true
      const { result } = await carillon.workflows.retryStep({
        idempotencyKey: {
          workflowId: "place-order",
          transactionId: "ord_1",
          stepId: "charge",
          action: "invoke",
        },
      })

      expect(begun.transaction.state).toBe("invoking")
      expect(result).toBe("charged")
    })
  })

  describe("a run that sleeps", () => {
    it("goes on when its time has come, in whatever process, and not before", async () => {
      const workflow = createWorkflow("remind", () => {
        sleepStep({ seconds: 3 * 86_400 })
        return new WorkflowResponse(said("reminded")({ of: "the basket" }))
      })
      const first = await shop.timed()
      const { transaction } = await workflow(first.carillon.container).run()
      await first.carillon.stop()
      const { carillon, clock } = await shop.timed({}, new Date("2026-03-04T11:59:00Z"))
      await clock.advance("30s")
      const before = [...shop.log]

      await passUntil(clock, endOf(carillon, transaction.runId), 1_000)

      expect(before).toEqual([])
      expect(shop.log).toEqual(['reminded: {"of":"the basket"}'])
      expect(clock.now()).toBeGreaterThanOrEqual(Date.parse("2026-03-04T12:00:00Z"))
    })

    it("does not sleep for a time that has passed", async () => {
      const workflow = createWorkflow("remind", () => {
        sleepStep({ until: new Date("2001-01-01") })
        return new WorkflowResponse(said("reminded")({}))
      })
      const { carillon, clock } = await shop.timed()

      const { transaction } = await workflow(carillon.container).run()

      await passUntil(clock, endOf(carillon, transaction.runId))
      expect(shop.log).toEqual(["reminded: {}"])
    })
  })

  describe("a run that waits for an event", () => {
    function waiting(filter: unknown = null, timeout?: number) {
      return createWorkflow("await-payment", (input: { id: string }) => {
        const begun = said("begun")(input)
        const event = waitForEventStep<{ id: string }>({
          event: "order.paid",
          filter,
          ...(timeout === undefined ? {} : { timeout }),
        })
        return new WorkflowResponse({ begun, event })
      })
    }

    it("goes on with one that fits, from whoever emits it", async () => {
      const workflow = waiting({ data: { id: ["ord_1"] } })
      const carillon = await shop.carillon()
      const other = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run({ input: { id: "ord_1" } })

      await other.events.emit({ name: "order.paid", data: { id: "ord_2", total: 1 } })
      await other.events.emit({
        name: "order.paid",
        data: { id: "ord_1", total: 2 },
        metadata: { by: "till" },
      })

      const { state, result } = await endOf(carillon, transaction.runId)
      expect(state).toBe("done")
      expect(result).toMatchObject({
        event: { name: "order.paid", data: { id: "ord_1", total: 2 }, metadata: { by: "till" } },
      })
      expect((result as { event: { at: unknown } }).event.at).toBeInstanceOf(Date)
    })

    it("does not miss one that came between its start and its wait", async () => {
      const carillon = await shop.carillon()
      const pay = createStep("pay", async (_: undefined, { container }) => {
        const events = container.resolve(Modules.EVENT) as Carillon["events"]
        await events.emit({ name: "order.paid", data: { id: "ord_1" } })
      })
      const workflow = createWorkflow("pay-order", () => {
        pay()
        return new WorkflowResponse(waitForEventStep({ event: "order.paid" }))
      })

      const { transaction } = await workflow(carillon.container).run()

      const { state, result } = await endOf(carillon, transaction.runId)
      expect([state, (result as { data: unknown }).data]).toEqual(["done", { id: "ord_1" }])
    })

    it("does not take one that was emitted before the run began", async () => {
      const workflow = waiting()
      const { carillon, clock } = await shop.timed()
      await carillon.events.emit({ name: "order.paid", data: { id: "ord_1" } })
      await clock.advance("1s")

      const { transaction } = await workflow(carillon.container).run({ input: { id: "ord_1" } })
      await clock.advance("1s")
      await carillon.drain()

      expect(await stateOf(carillon, transaction.runId)).toBe("invoking")
    })

    it("fails when none comes in time", async () => {
      const workflow = waiting(null, 60)
      const { carillon, clock } = await shop.timed()
      const { transaction } = await workflow(carillon.container).run({ input: { id: "ord_1" } })

      await passUntil(clock, endOf(carillon, transaction.runId), 5_000)

      const { state, error } = await carillon.workflows.retrieve(transaction.runId)
      expect(state).toBe("reverted")
      expect(error).toMatch(/wait-for-event-step.*60 s/)
    })

    it("hears of one that was emitted while nobody worked", async () => {
      const workflow = waiting({ data: { id: ["ord_1"] } })
      const first = await shop.carillon()
      const { transaction } = await workflow(first.container).run({ input: { id: "ord_1" } })
      await first.stop()
      const till = await shop.carillon({ start: false })
      await till.events.emit({ name: "order.paid", data: { id: "ord_1" } })

      const second = await shop.carillon()

      expect((await endOf(second, transaction.runId)).state).toBe("done")
    })

    it("hears of one in a process that ran already when another, gone since, was the first to wait", async () => {
      const workflow = waiting({ data: { id: ["ord_1"] } })
      const first = await shop.carillon()
      const second = await shop.carillon()
      const till = await shop.carillon({ group: "till" })
      const { transaction } = await workflow(first.container).run({ input: { id: "ord_1" } })
      await first.stop()

      await till.events.emit({ name: "order.paid", data: { id: "ord_1" } })

      expect((await endOf(second, transaction.runId)).state).toBe("done")
    })

    it("is one of hundreds, and each hears only of its own", async () => {
      const workflow = createWorkflow("await-payment", (input: { id: string }) => {
        const wish = createStep(
          "wish",
          async ({ id }: { id: string }) => new StepResponse({ data: { id: [id] } }),
        )
        return new WorkflowResponse(
          waitForEventStep<{ id: string }>({ event: "order.paid", filter: wish(input) }),
        )
      })
      const carillon = await shop.carillon()
      const ids = Array.from({ length: 150 }, (_, i) => `ord_${i}`)
      const runs = await Promise.all(ids.map((id) => workflow(carillon.container).run({ input: { id } })))

      await carillon.events.emit(ids.map((id) => ({ name: "order.paid", data: { id } })))

      for (const [i, { transaction }] of runs.entries()) {
        const { state, result } = await endOf(carillon, transaction.runId)
        expect([state, (result as { data: unknown }).data]).toEqual(["done", { id: `ord_${i}` }])
      }
    })
  })
})
