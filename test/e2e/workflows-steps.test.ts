import { Modules, PermanentError } from "carillon"
import {
  createHook,
  createStep,
  createWorkflow,
  parallelize,
  StepResponse,
  type StepSettings,
  transform,
  WorkflowResponse,
  when,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { passUntil, WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** A step that says in the log what it does, and fails so many first times, forward and back. */
  function step(name: string, { fails = 0, undoFails = 0 } = {}, settings: StepSettings = {}) {
    return createStep<unknown, string, string>(
      { ...settings, name },
      async (_, { attempt }) => {
        shop.log.push(`${name} ${attempt}`)
        if (attempt <= fails) throw new Error(`${name} is down`)
        return new StepResponse(`${name} done`, `undo of ${name}`)
      },
      async (input, { attempt }) => {
        shop.log.push(`undo ${name} ${attempt}: ${input}`)
        if (attempt <= undoFails) throw new Error(`${name} cannot be undone`)
      },
    )
  }

  describe("steps", () => {
    it("are done in order, and what they answer with flows on", async () => {
      const load = createStep("load", async ({ id }: { id: string }) => {
        return new StepResponse({ id, lines: [{ sku: "tea", price: 5 }], at: new Date(0) })
      })
      const total = createStep("total", async ({ prices }: { prices: number[] }) => {
        return new StepResponse(prices.reduce((sum, price) => sum + price, 0))
      })
      const workflow = createWorkflow("price-order", (input: { id: string }) => {
        const order = load(input)
        const prices = transform({ order }, ({ order }) => order.lines.map((line) => line.price * 2))
        const sum = total({ prices })
        return new WorkflowResponse({ id: order.id, sum, at: order.at })
      })
      const carillon = await shop.carillon()

      const { result, errors, transaction } = await workflow(carillon.container).run({
        input: { id: "ord_1" },
      })

      expect(result).toEqual({ id: "ord_1", sum: 10, at: new Date(0) })
      expect(errors).toEqual([])
      expect([transaction.state, transaction.hasFinished(), transaction.workflowId]).toEqual([
        "done",
        true,
        "price-order",
      ])
    })

    it("are undone in reverse with what they left for that, when one fails for good", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("reserve")()
        parallelize(step("charge")(), step("invoice")())
        step("ship", { fails: 9 })()
        step("notify")()
      })
      const carillon = await shop.carillon()

      const { errors, transaction } = await workflow(carillon.container).run({ throwOnError: false })

      const undone = shop.log.slice(4)
      expect(shop.log.slice(0, 4)).toEqual(["reserve 1", "charge 1", "invoice 1", "ship 1"])
      expect(undone[0]).toBe("undo ship 1: undefined")
      expect(undone.slice(1, 3).sort()).toEqual([
        "undo charge 1: undo of charge",
        "undo invoice 1: undo of invoice",
      ])
      expect(undone.slice(3)).toEqual(["undo reserve 1: undo of reserve"])
      expect(transaction.state).toBe("reverted")
      expect(errors.map(({ action, error }) => [action, error.message])).toEqual([["ship", "ship is down"]])
    })

    it("throw as they threw, unless they are asked not to", async () => {
      class OutOfStock extends Error {}
      const reserve = createStep("reserve", async () => {
        throw new OutOfStock("no tea")
      })
      const workflow = createWorkflow("place-order", () => {
        reserve()
      })
      const carillon = await shop.carillon()

      await expect(workflow(carillon.container).run()).rejects.toBeInstanceOf(OutOfStock)
      const { errors } = await workflow(carillon.container).run({ throwOnError: false })

      expect(errors).toMatchObject([
        { action: "reserve", handlerType: "invoke", error: { message: "no tea" } },
      ])
    })

    it("are tried as often as they may, and not once more", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("charge", { fails: 2 }, { maxRetries: 2 })()
        step("ship", { fails: 9, undoFails: 1 }, { maxRetries: 1 })()
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run({ throwOnError: false })

      expect(shop.log).toEqual([
        "charge 1",
        "charge 2",
        "charge 3",
        "ship 1",
        "ship 2",
        "undo ship 1: undefined",
        "undo ship 2: undefined",
        "undo charge 1: undo of charge",
      ])
      expect(transaction.state).toBe("reverted")
    })

    it("wait between attempts, and nothing is held meanwhile", async () => {
      const at: number[] = []
      const { carillon, clock } = await shop.timed()
      const charge = createStep({ name: "charge", maxRetries: 2, retryInterval: 60 }, async () => {
        at.push(clock.now())
        if (at.length < 3) throw new Error("busy")
        return new StepResponse("charged")
      })
      const workflow = createWorkflow("place-order", () => new WorkflowResponse(charge()))

      const { result } = await passUntil(clock, workflow(carillon.container).run(), 5_000)

      expect(result).toBe("charged")
      const [first = 0, second = 0, third = 0] = at
      for (const ms of [second - first, third - second]) {
        expect(ms).toBeGreaterThanOrEqual(60_000)
        expect(ms).toBeLessThanOrEqual(90_000)
      }
    })

    it("are not tried again once they said that this cannot help", async () => {
      const charge = createStep(
        { name: "charge", maxRetries: 5 },
        async () => {
          shop.log.push("charge")
          StepResponse.permanentFailure("card stolen", { card: "4711" })
        },
        async (input) => {
          shop.log.push(`undo charge ${JSON.stringify(input)}`)
        },
      )
      const ship = createStep({ name: "ship", maxRetries: 5 }, async () => {
        shop.log.push("ship")
        throw new PermanentError("no such street")
      })
      const charged = createWorkflow("charge-order", () => {
        charge()
      })
      const shipped = createWorkflow("ship-order", () => {
        ship()
      })
      const carillon = await shop.carillon()

      await expect(charged(carillon.container).run()).rejects.toThrow("card stolen")
      await expect(shipped(carillon.container).run()).rejects.toThrow("no such street")

      expect(shop.log).toEqual(["charge", 'undo charge {"card":"4711"}', "ship"])
    })

    it("leave the run failed when undoing them fails for good, and undo the others all the same", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("reserve")()
        step("charge", { undoFails: 9 })()
        step("ship", { fails: 9 })()
      })
      const carillon = await shop.carillon()

      const { transaction, errors } = await workflow(carillon.container).run({ throwOnError: false })

      expect(transaction.state).toBe("failed")
      expect(shop.log.slice(3)).toEqual([
        "undo ship 1: undefined",
        "undo charge 1: undo of charge",
        "undo reserve 1: undo of reserve",
      ])
      expect(errors.map(({ action, handlerType }) => [action, handlerType])).toEqual([
        ["ship", "invoke"],
        ["charge", "compensate"],
      ])
    })

    it("may be left out: by a condition, by themselves, or because one before gave up", async () => {
      const skipping = createStep(
        "gift-wrap",
        async () => StepResponse.skip(),
        async () => void shop.log.push("undo gift-wrap"),
      )
      const workflow = createWorkflow("place-order", (input: { total: number }) => {
        const big = when({ input }, ({ input }) => input.total > 100).then(() => step("insure")())
        skipping()
        step("label", { fails: 9 }, { skipOnPermanentFailure: "notify" })()
        step("print")()
        step("notify")()
        step("survey", { fails: 9 }, { continueOnPermanentFailure: true })()
        return new WorkflowResponse({ big })
      })
      const carillon = await shop.carillon()

      const small = await workflow(carillon.container).run({ input: { total: 7 } })

      expect(shop.log).toEqual(["label 1", "notify 1", "survey 1"])
      expect(small.result).toEqual({})
      expect(small.transaction.state).toBe("done")
      expect(small.transaction.flow).toMatchObject({ hasFailedSteps: true, hasSkippedSteps: true })
      expect((await workflow(carillon.container).run({ input: { total: 700 } })).result).toEqual({
        big: "insure done",
      })
    })

    it("that nothing waits for let the next begin, and the run ends after them", async () => {
      const order: string[] = []
      let release = (): void => {}
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      const slow = createStep({ name: "thumbnails", noWait: true }, async () => {
        order.push("thumbnails begin")
        await released
        order.push("thumbnails end")
      })
      const next = createStep("publish", async () => {
        order.push("publish")
        release()
      })
      const workflow = createWorkflow("publish-product", () => {
        slow()
        next()
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run()

      expect(order).toEqual(["thumbnails begin", "publish", "thumbnails end"])
      expect(transaction.state).toBe("done")
    })

    it("share nothing by reference: what one does to its input, no other sees", async () => {
      const change = createStep("change", async (order: { lines: string[]; at: Date }) => {
        order.lines.push("changed")
        order.at.setFullYear(1999)
        return new StepResponse(order.lines)
      })
      const read = createStep("read", async (order: { lines: string[]; at: Date }) => {
        return new StepResponse({ lines: order.lines, year: order.at.getUTCFullYear() })
      })
      const workflow = createWorkflow("place-order", (input: { lines: string[]; at: Date }) => {
        const changed = change(input)
        return new WorkflowResponse({ changed, seen: read(input) })
      })
      const carillon = await shop.carillon()
      const input = { lines: ["tea"], at: new Date("2026-03-01") }

      const { result } = await workflow(carillon.container).run({ input })

      expect(result).toEqual({ changed: ["tea", "changed"], seen: { lines: ["tea"], year: 2026 } })
      expect(input).toEqual({ lines: ["tea"], at: new Date("2026-03-01") })
    })

    it("get a context that says who they are, with one key for all their attempts", async () => {
      const seen: Record<string, unknown>[] = []
      const charge = createStep({ name: "charge", maxRetries: 1 }, async (_: undefined, context) => {
        const {
          idempotencyKey,
          transactionId,
          runId,
          eventGroupId,
          attempt,
          stepName,
          workflowId,
          metadata,
        } = context
        seen.push({
          idempotencyKey,
          transactionId,
          runId,
          eventGroupId,
          attempt,
          stepName,
          workflowId,
          metadata,
        })
        expect(context.container.resolve(Modules.CARILLON)).toBe(carillon)
        if (attempt === 1) throw new Error("busy")
      })
      const workflow = createWorkflow("place-order", () => {
        charge()
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run({
        context: { transactionId: "ord_1", eventGroupId: "group_1", metadata: { by: "Ada" } },
      })

      const same = {
        transactionId: "ord_1",
        runId: transaction.runId,
        eventGroupId: "group_1",
        stepName: "charge",
        workflowId: "place-order",
        metadata: { by: "Ada" },
        idempotencyKey: `place-order:${transaction.runId}:charge:invoke`,
      }
      expect(seen).toEqual([
        { ...same, attempt: 1 },
        { ...same, attempt: 2 },
      ])
    })

    it("of a hook are called with its input, give back a result, and are undone", async () => {
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        const priced = createHook("priced", { id: input.id })
        step("ship", { fails: 9 })()
        return new WorkflowResponse(input, { hooks: [priced] })
      })
      workflow.hooks.priced(
        async (input) => {
          shop.log.push(`hook ${JSON.stringify(input)}`)
          return new StepResponse("discounted", "the discount")
        },
        async (input) => void shop.log.push(`undo hook ${input}`),
      )
      const carillon = await shop.carillon()

      await workflow(carillon.container).run({ input: { id: "ord_1" }, throwOnError: false })

      expect(shop.log).toEqual([
        'hook {"id":"ord_1"}',
        "ship 1",
        "undo ship 1: undefined",
        "undo hook the discount",
      ])
    })

    it("leave a history: input, output, attempts, time and error of each", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("charge", { fails: 1 }, { maxRetries: 1 })({ total: 7 })
        step("ship", { fails: 9 })()
      })
      const carillon = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run({ throwOnError: false })

      const detail = await carillon.workflows.retrieve(transaction.runId)

      expect(detail).toMatchObject({ state: "reverted", error: "ship is down", why: null })
      expect(
        detail.steps.map((each) => `${each.step} ${each.phase} ${each.attempt} ${each.outcome}`),
      ).toEqual([
        "charge invoke 1 failed",
        "charge invoke 2 done",
        "ship invoke 1 permanent",
        "ship compensate 1 done",
        "charge compensate 1 done",
      ])
      expect(detail.steps[0]).toMatchObject({ input: { total: 7 }, error: "charge is down" })
      expect(detail.steps[1]).toMatchObject({ output: "charge done", error: null })
      for (const each of detail.steps) expect(each.ms).toBeGreaterThanOrEqual(0)
      const { items } = await carillon.workflows.list({ workflow: "place-order", state: "reverted" })
      expect(items.map((each) => each.id)).toEqual([transaction.runId])
    })

    it("can be what a run answers with", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("charge")()
        return new WorkflowResponse(step("ship")())
      })
      const carillon = await shop.carillon()

      const { result } = await workflow(carillon.container).run({ resultFrom: "charge" })

      expect(result).toBe("charge done")
    })

    it("are told of to who asked, in this process, and who fails at hearing it disturbs nobody", async () => {
      const heard: string[] = []
      const workflow = createWorkflow("place-order", () => {
        step("charge", { fails: 1 }, { maxRetries: 1 })()
        step("ship", { fails: 9 })()
      })
      const carillon = await shop.carillon()

      await workflow(carillon.container).run({
        throwOnError: false,
        events: {
          onBegin: () => void heard.push("begin"),
          onStepSuccess: ({ step }) => void heard.push(`success ${step.id}`),
          onStepFailure: ({ step }) => void heard.push(`failure ${step.id}`),
          onCompensateBegin: () => {
            heard.push("compensate")
            throw new Error("cannot hear this")
          },
          onCompensateStepSuccess: ({ step }) => void heard.push(`undone ${step.id}`),
          onFinish: ({ errors }) => void heard.push(`finish ${errors?.length}`),
        },
      })

      expect(heard).toEqual([
        "begin",
        "failure charge",
        "success charge",
        "failure ship",
        "compensate",
        "undone ship",
        "undone charge",
        "finish 1",
      ])
      expect(String(shop.errors[0])).toContain("cannot hear this")
    })

    it("whose transform throws undo the run", async () => {
      const workflow = createWorkflow("place-order", () => {
        const charged = step("charge")()
        const broken = transform({ charged }, () => {
          throw new Error("no such field")
        })
        step("ship")({ broken })
      })
      const carillon = await shop.carillon()

      await expect(workflow(carillon.container).run()).rejects.toThrow("no such field")

      expect(shop.log).toEqual(["charge 1", "undo ship 1: undefined", "undo charge 1: undo of charge"])
    })
  })
})
