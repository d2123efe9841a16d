import { type Carillon, Modules, NotFoundError } from "carillon"
import {
  createStep,
  createWorkflow,
  StepResponse,
  sleepStep,
  WorkflowResponse,
  when,
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

  /** An order that is charged; `back` is called when that is undone. */
  function chargeOrder(back: () => unknown = () => {}) {
    return createWorkflow("charge-order", (input: { id: string; fails?: boolean }) => {
      const charged = createStep(
        "charge",
        async ({ id }: { id: string; fails?: boolean }) => new StepResponse(`charged ${id}`, id),
        async (id) => {
          shop.log.push(`refund ${id}`)
          await back()
        },
      )(input)
      createStep("ship", async ({ fails }: { id: string; fails?: boolean }) => {
        if (fails) throw new Error("no van")
      })(input)
      return new WorkflowResponse(charged)
    })
  }

  const stateOf = async (carillon: Carillon, run: string) => (await carillon.workflows.retrieve(run)).state

  describe("the workflow engine", () => {
    it("is in every container, and runs workflows by their ids", async () => {
      chargeOrder()
      const carillon = await shop.carillon()
      const engine = carillon.container.resolve(Modules.WORKFLOW_ENGINE)

      const request = { input: { id: "ord_1" }, transactionId: "ord_1" }
      const { result, transaction } = await engine.run("charge-order", request)
      const found = await engine.getRunningTransaction("charge-order", "ord_1")

      expect([engine === carillon.workflows, result, transaction.transactionId]).toEqual([
        true,
        "charged ord_1",
        "ord_1",
      ])
      expect([found.runId, found.state]).toEqual([transaction.runId, "done"])
      await expect(engine.run("charge-ordr")).rejects.toMatchObject({
        code: "CARILLON_NOT_FOUND",
        message: expect.stringContaining("`charge-ordr` in this process, which has `charge-order`"),
      })
    })

    it("lists runs by what is asked, newest first, page by page", async () => {
      const workflow = chargeOrder()
      createWorkflow("nothing", () => {})
      const { carillon, clock } = await shop.timed()
      const at: number[] = []
      for (const [id, fails] of [["ord_1"], ["ord_2", true], ["ord_3"]] as const) {
        at.push(clock.now())
        const input = { id, fails: fails === true }
        await workflow(carillon.container).run({ input, transactionId: id, throwOnError: false })
        await clock.advance("1m")
      }
      await carillon.workflows.run("nothing")
      const ids = async (request: Parameters<typeof carillon.workflows.list>[0]) =>
        (await carillon.workflows.list(request)).items.map((each) => each.transactionId)

      expect(await ids({ workflow: "charge-order" })).toEqual(["ord_3", "ord_2", "ord_1"])
      expect(await ids({ state: "reverted" })).toEqual(["ord_2"])
      expect(await ids({ workflow: "charge-order", state: "done" })).toEqual(["ord_3", "ord_1"])
      expect(await ids({ transactionId: "ord_2" })).toEqual(["ord_2"])
      expect(await ids({ from: at[1], to: at[2] })).toEqual(["ord_2"])
      const first = await carillon.workflows.list({ workflow: "charge-order", limit: 2 })
      const cursor = first.cursor ?? ""
      expect(await ids({ workflow: "charge-order", limit: 2, cursor })).toEqual(["ord_1"])
      await expect(carillon.workflows.list({ state: "over" as "done" })).rejects.toThrow("one of invoking")
      await expect(carillon.workflows.list({ cursor: "x" })).rejects.toThrow("Expected a cursor")
    })

    it("undoes a run for an operator, once, and says why", async () => {
      const workflow = chargeOrder()
      const carillon = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run({ input: { id: "ord_1" } })
      const { runId } = transaction

      const reverting = await carillon.workflows.revert(runId, "the customer called")
      await carillon.drain()

      expect([reverting.state, reverting.cancelled]).toEqual(["compensating", "the customer called"])
      expect(await carillon.workflows.retrieve(runId)).toMatchObject({
        state: "reverted",
        cancelled: "the customer called",
        result: undefined,
      })
      expect(shop.log).toEqual(["refund ord_1"])
      await expect(carillon.workflows.revert(runId)).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
      await expect(carillon.workflows.revert("run_none")).rejects.toMatchObject({
        code: "CARILLON_NOT_FOUND",
      })
      await expect(carillon.workflows.retrieve("run_none")).rejects.toThrow("There is no run run_none")
    })

    it("undoes what could not be undone before, when an operator asks for it again", async () => {
      let isClosed = true
      const workflow = chargeOrder(() => {
        if (isClosed) throw new Error("the bank is closed")
      })
      const carillon = await shop.carillon()
      const input = { id: "ord_1", fails: true }
      const { transaction } = await workflow(carillon.container).run({ input, throwOnError: false })
      expect(transaction.state).toBe("failed")

      isClosed = false
      await carillon.workflows.retry(transaction.runId, "charge")
      await carillon.drain()

      expect(await stateOf(carillon, transaction.runId)).toBe("reverted")
      expect(shop.log).toEqual(["refund ord_1", "refund ord_1"])
      const names = ["charge", "none"]
      for (const step of names)
        await expect(carillon.workflows.retry(transaction.runId, step)).rejects.toMatchObject({
          code: "CARILLON_INVALID_INPUT",
        })
    })

    it("tells who subscribed of ends, until they unsubscribe; their errors disturb nobody", async () => {
      const workflow = chargeOrder()
      const carillon = await shop.carillon()
      const { workflows } = carillon
      const heard: string[] = []
      const about = { workflowId: "charge-order" }
      await workflows.subscribe({
        ...about,
        subscriberId: "audit",
        subscriber: ({ eventType, transactionId, state, result, errors }) => {
          heard.push(`${eventType} ${transactionId} ${state} ${result ?? errors[0]?.error.message}`)
          throw new Error("cannot hear this")
        },
      })
      const run = (id: string, fails = false) =>
        workflow(carillon.container).run({ input: { id, fails }, transactionId: id, throwOnError: false })

      await run("ord_1")
      await run("ord_2", true)
      await workflows.unsubscribe({ ...about, subscriberOrId: "audit" })
      await run("ord_3")

      expect(heard).toEqual(["onFinish ord_1 done charged ord_1", "onFinish ord_2 reverted no van"])
      expect(shop.errors.map(String)).toEqual(heard.map(() => "Error: cannot hear this"))
      await expect(async () =>
        workflows.subscribe({ ...about, subscriber: "me" as unknown as () => void }),
      ).rejects.toThrow("`subscriber` to be a function")
    })
  })

  describe("who runs a workflow", () => {
    it("gets a child's error with its name and code, also when the child went on elsewhere", async () => {
      const child = createWorkflow("find-brand", (input: { waits: boolean }) => {
        when({ input }, ({ input }) => input.waits).then(() => sleepStep({ seconds: 30 }))
        createStep("find", async () => {
          throw new NotFoundError("no brand brand_9")
        })()
      })
      const parent = createWorkflow("sync-brand", (input: { waits: boolean }) => {
        child.runAsStep({ input })
      })
      const { carillon, clock } = await shop.timed()
      const notFound = { code: "CARILLON_NOT_FOUND", name: "NotFoundError", message: "no brand brand_9" }

      const now = parent(carillon.container).run({ input: { waits: false } })
      await expect(now).rejects.toMatchObject(notFound)
      const waiting = await parent(carillon.container).run({ input: { waits: true } })
      const { transactionId, state } = waiting.transaction
      const ended = new Promise<Error | undefined>((resolve) => {
        const subscriber = ({ errors }: { errors: readonly { error: Error }[] }) => resolve(errors[0]?.error)
        void carillon.workflows.subscribe({ workflowId: "sync-brand", transactionId, subscriber })
      })

      expect(state).toBe("invoking")
      expect(await passUntil(clock, ended, 1_000)).toMatchObject(notFound)
    })

    it("is told of waits, of steps left out, of the end of its time and of the way back", async () => {
      const heard: string[] = []
      const workflow = createWorkflow({ name: "pay-order", timeout: 60 }, (input: { gift: boolean }) => {
        when({ input }, ({ input }) => input.gift).then(() => createStep("wrap", async () => {})())
        createStep(
          "charge",
          async () => {},
          async (_, { runId }) => void heard.push(`undo while ${await stateOf(carillon, runId)}`),
        )()
        createStep({ name: "pay", async: true }, async () => {})()
      })
      const { carillon, clock } = await shop.timed()
      const { transaction } = await workflow(carillon.container).run({
        input: { gift: false },
        events: {
          onStepBegin: ({ step }) => void heard.push(`begin ${step.id}`),
          onStepSkipped: ({ step }) => void heard.push(`skipped ${step.id} ${step.invoke.state}`),
          onStepAwaiting: ({ step }) => void heard.push(`awaiting ${step.id} ${step.invoke.status}`),
          onResume: ({ transaction }) => void heard.push(`resume ${transaction.state}`),
          onTimeout: () => void heard.push("timeout"),
          onCompensateBegin: ({ transaction }) => void heard.push(transaction.state),
          onFinish: ({ errors, transaction }) => {
            heard.push(`${transaction.state} ${errors?.[0]?.error.name}`)
          },
        },
      })

      await clock.advance("61s")
      await passUntil(
        clock,
        until(async () => (await stateOf(carillon, transaction.runId)) === "reverted", "the end"),
      )

      expect(heard.filter((each) => !each.startsWith("begin"))).toEqual([
        "skipped wrap skipped",
        "awaiting pay waiting",
        "resume invoking",
        "timeout",
        "compensating",
        "undo while compensating",
        "reverted TransactionTimeoutError",
      ])
    })

    it("has the errors logged on request, and does not get thrown at while the run only waits", async () => {
      const workflow = chargeOrder()
      createWorkflow("survey", () => {
        createStep({ name: "ask", continueOnPermanentFailure: true }, async () => {
          throw new Error("no answer")
        })()
        createStep({ name: "wait", async: true }, async () => {})()
      })
      const carillon = await shop.carillon()
      const input = { id: "ord_1", fails: true }

      await workflow(carillon.container).run({ input, throwOnError: false, logOnError: true })
      const survey = await carillon.workflows.run("survey")

      expect(shop.errors.map(String)).toEqual(["Error: no van"])
      expect([survey.transaction.state, survey.errors.map(({ error }) => error.message)]).toEqual([
        "invoking",
        ["no answer"],
      ])
    })

    it("may ask for one step's output", async () => {
      const workflow = chargeOrder()
      const carillon = await shop.carillon()
      const answer = async (resultFrom: string) =>
        (await workflow(carillon.container).run({ input: { id: "ord_1" }, resultFrom })).result

      expect([await answer("charge"), await answer("ship")]).toEqual(["charged ord_1", undefined])
    })

    it("may hand over a container for the steps; a worker that goes on has the application's", async () => {
      const workflow = createWorkflow("pay-order", () => {
        const say = (name: string) =>
          createStep(name, async (_: undefined, { container }) => {
            shop.log.push(`${name} ${container.resolve("tenant")}`)
          })
        say("charge")()
        createStep({ name: "pay", async: true }, async () => {})()
        say("ship")()
      })
      const carillon = await shop.carillon()
      carillon.container.register({ tenant: { resolve: () => "all" } })
      const scope = carillon.container.createScope()
      scope.register({ tenant: { resolve: () => "acme" } })

      const { transaction } = await workflow(scope).run()
      const parts = { workflowId: "pay-order", transactionId: transaction.transactionId, stepId: "pay" }
      await carillon.workflows.setStepSuccess({ idempotencyKey: { ...parts, action: "invoke" } })

      expect(shop.log).toEqual(["charge acme", "ship all"])
      await expect(workflow({} as never).run()).rejects.toThrow("a container to run workflow `pay-order` in")
    })
  })

  describe("a request that is not one", () => {
    it("is refused with what was meant, and nothing begins", async () => {
      const workflow = createWorkflow("check-order", () => {
        createStep("check", async () => new StepResponse(1))()
      })
      const { container, workflows } = await shop.carillon()
      const refused = async (asked: Promise<unknown>, words: string) =>
        expect(asked).rejects.toMatchObject({
          code: "CARILLON_INVALID_INPUT",
          message: expect.stringContaining(words),
        })

      await refused(workflow(container).run({ inptu: 1 } as never), "Did you mean `input`?")
      await refused(workflows.run("check-order", 5 as never), "to be an object")
      await refused(workflows.run(undefined as never), "a workflow, or the id of one")
      await refused(workflow(container).run({ resultFrom: "chek" }), "It has `check`.")
      await refused(workflows.cancel("check-order", undefined as never), "to be an object")
      await refused(workflows.setStepFailure(undefined as never), "to be an object")
      await refused(workflows.retryStep(undefined as never), "to be an object")
      await refused(workflows.list({ worklfow: "check-order" } as never), "no filter `worklfow`")
      expect((await workflows.list()).items).toEqual([])
    })
  })

  describe("a step that throws what cannot be read", () => {
    it("fails like any other, and its worker lives", async () => {
      const workflow = createWorkflow("odd-order", () => {
        createStep("odd", async () => {
          throw Object.defineProperty(new Error("odd"), "code", {
            get: () => {
              throw new Error("evil")
            },
          })
        })()
      })
      const { container } = await shop.carillon()

      const { transaction, errors } = await workflow(container).run({ throwOnError: false })

      expect(transaction.state).toBe("reverted")
      expect(errors[0]?.error.message).toBe("A value that cannot be read was thrown.")
    })
  })
})
