import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  cancelRun,
  getRun,
  listRuns,
  retryStep,
  setStepFailure,
  setStepSuccess,
  startRun,
} from "../../src/contract/runs.ts"
import { listSchedules, pauseSchedule, removeSchedule, resumeSchedule } from "../../src/contract/schedules.ts"
import { listWorkflows } from "../../src/contract/workflows.ts"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { ApiShop } from "../support/api-shop.ts"
import { describeEngines } from "../support/describe.ts"
import { until } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: ApiShop
  beforeEach(async () => {
    shop = await ApiShop.open(engine)
  })
  afterEach(() => shop.close())

  const greeting = () =>
    createWorkflow("greet", (input: { name: string }) => {
      const said = createStep(
        "say",
        async ({ name }: { name: string }) => new StepResponse(`hello ${name}`),
      )(input)
      return new WorkflowResponse(said)
    })

  /** It waits for somebody to say that the card was charged. */
  const paying = (maxRetries = 0) =>
    createWorkflow("pay", () => {
      createStep(
        "reserve",
        async () => new StepResponse("r1", "r1"),
        async () => {},
      )()
      createStep({ name: "charge", async: true, maxRetries }, async () => {})()
    })

  const begun = async (workflow: string): Promise<string> => {
    const { body } = await shop.admin.ask(startRun, { params: { workflow } })
    await shop.carillon.drain()
    return body.run.id
  }
  const stateOf = async (id: string) => (await shop.admin.ask(getRun, { params: { id } })).body.state

  describe("a run", () => {
    it("is started, and answered for when it ends soon enough", async () => {
      greeting()
      const body = { input: { name: "Ada" }, transactionId: "ord_1001" }

      const started = await shop.admin.ask(startRun, {
        params: { workflow: "greet" },
        body: { ...body, waitMs: 10_000 },
      })

      expect(started).toMatchObject({
        status: 201,
        body: {
          existing: false,
          result: "hello Ada",
          errors: [],
          run: { state: "done", transactionId: "ord_1001" },
        },
      })
      expect(started.headers.get("location")).toBe(`/api/runs/${started.body.run.id}`)
    })

    it("that goes on is answered for at once, and joined under its transaction id", async () => {
      paying()
      const wish = { params: { workflow: "pay" }, body: { transactionId: "ord_1001", waitMs: 100 } }

      const first = await shop.admin.ask(startRun, wish)
      const again = await shop.admin.ask(startRun, wish)

      expect(first).toMatchObject({ status: 202, body: { existing: false, errors: [] } })
      expect(again).toMatchObject({ status: 202, body: { existing: true, run: { id: first.body.run.id } } })
    })

    it("that fails is answered for with the errors of its steps", async () => {
      createWorkflow("ship", () => {
        createStep({ name: "pack", maxRetries: 0 }, async () => {
          throw new Error("out of stock")
        })()
      })

      const { status, body } = await shop.admin.ask(startRun, {
        params: { workflow: "ship" },
        body: { waitMs: 10_000 },
      })

      expect([status, body.run.state]).toEqual([201, "reverted"])
      expect(body.errors).toEqual([{ step: "pack", phase: "invoke", message: "out of stock" }])
    })

    it("is listed, and got with every attempt of its steps", async () => {
      paying()
      const id = await begun("pay")

      const list = await shop.admin.ask(listRuns, { query: { workflow: "pay", state: "invoking" } })
      const { body } = await shop.admin.ask(getRun, { params: { id } })

      expect(list.body.items.map((each) => each.id)).toEqual([id])
      expect(body.steps.map(({ step, outcome }) => [step, outcome])).toEqual([
        ["reserve", "done"],
        ["charge", "waiting"],
      ])
      expect((await shop.admin.ask(listRuns, { query: { state: "done" } })).body.items).toEqual([])
      expect(await shop.admin.refused(getRun, { params: { id: "run_none" } })).toMatchObject({ status: 404 })
    })

    it("goes on when somebody answers for its step", async () => {
      paying()
      const id = await begun("pay")

      const told = await shop.admin.ask(setStepSuccess, {
        params: { id, step: "charge" },
        body: { output: "ch_1" },
      })

      expect(told.status).toBe(202)
      await until(async () => (await stateOf(id)) === "done")
      const late = { params: { id, step: "charge" } }
      expect(await shop.admin.refused(setStepSuccess, late)).toMatchObject({ status: 400 })
    })

    it("is undone when somebody answers with an error, or wants it undone", async () => {
      paying()
      const [first, second] = [await begun("pay"), await begun("pay")]

      await shop.admin.ask(setStepFailure, {
        params: { id: first, step: "charge" },
        body: { error: "declined" },
      })
      const wanted = await shop.admin.ask(cancelRun, {
        params: { id: second },
        body: { reason: "a mistake" },
      })

      expect(wanted).toMatchObject({ status: 202, body: { cancelled: "a mistake" } })
      await until(async () => (await stateOf(first)) === "reverted")
      await until(async () => (await stateOf(second)) === "reverted")
      const { body } = await shop.admin.ask(getRun, { params: { id: first } })
      expect(body.error).toContain("declined")
      expect(await shop.admin.refused(cancelRun, { params: { id: second } })).toMatchObject({ status: 400 })
    })

    it("has one more attempt of a step that failed", async () => {
      let isThere = false
      createWorkflow("fetch", () => {
        createStep({ name: "load", maxRetries: 5, retryInterval: 3_600 }, async () => {
          if (!isThere) throw new Error("not there yet")
        })()
      })
      const id = await begun("fetch")
      isThere = true

      const retried = await shop.admin.ask(retryStep, { params: { id, step: "load" } })

      expect(retried.status).toBe(202)
      await until(async () => (await stateOf(id)) === "done")
      expect(await shop.admin.refused(retryStep, { params: { id, step: "none" } })).toMatchObject({
        status: 400,
      })
    })

    it("of another scope is not there", async () => {
      paying()
      const [acme, globex] = [await shop.bound(["acme/master"]), await shop.bound(["globex/master"])]
      const wish = { params: { workflow: "pay" }, body: { transactionId: "ord_1001" } }

      const theirs = await globex.ask(startRun, wish)
      const mine = await acme.ask(startRun, wish)
      await shop.carillon.drain()

      const id = theirs.body.run.id
      expect(theirs.body.run.scope).toEqual({ account: "globex", workspace: "master" })
      expect([mine.body.existing, mine.body.run.id === id]).toEqual([false, false])
      expect((await acme.ask(listRuns)).body.items.map((each) => each.id)).toEqual([mine.body.run.id])
      expect(await acme.refused(getRun, { params: { id } })).toMatchObject({ status: 404 })
      expect(await acme.refused(cancelRun, { params: { id } })).toMatchObject({ status: 404 })
      const step = { params: { id, step: "charge" } }
      for (const act of [retryStep, setStepSuccess, setStepFailure])
        expect(await acme.refused(act, step)).toMatchObject({ status: 404 })
      expect(await stateOf(id)).toBe("invoking")
    })

    it("is started in the one scope of its caller, who has to say which where there are two", async () => {
      paying()
      const [one, two] = [
        await shop.bound(["acme/master"]),
        await shop.bound(["acme/master", "acme/staging"]),
      ]
      const params = { workflow: "pay" }

      const started = await one.ask(startRun, { params })
      const said = await two.ask(startRun, { params, body: { scope: "acme/staging" } })

      expect(started.body.run.scope).toEqual({ account: "acme", workspace: "master" })
      expect(said.body.run.scope).toEqual({ account: "acme", workspace: "staging" })
      expect(await two.refused(startRun, { params })).toMatchObject({
        status: 400,
        detail: expect.stringContaining("`scope`"),
      })
    })

    it("cannot be started in somebody else's scope, nor under an event group, nor of no workflow", async () => {
      paying()
      const acme = await shop.bound(["acme/master"])
      const params = { workflow: "pay" }

      expect(await acme.refused(startRun, { params, body: { scope: "globex/master" } })).toMatchObject({
        status: 404,
      })
      expect(await acme.refused(startRun, { params, body: { eventGroupId: "g1" } })).toMatchObject({
        status: 403,
      })
      expect(await shop.admin.refused(startRun, { params: { workflow: "none" } })).toMatchObject({
        status: 404,
      })
      const [viewer] = [await shop.bound(["acme/master"], "viewer")]
      expect(await viewer.refused(startRun, { params })).toMatchObject({ status: 403 })
    })
  })

  describe("a server that does not know a workflow's code", () => {
    beforeEach(async () => {
      await shop.close()
      shop = await ApiShop.open(engine, { start: false })
    })

    it("starts runs of it, which a worker that knows it takes, on the workflow's own terms", async () => {
      createWorkflow(
        { name: "greet", idempotent: true, timeout: 600, retentionTime: 3_600 },
        (input: { name: string }) => {
          const said = createStep(
            "say",
            async ({ name }: { name: string }) => new StepResponse(`hello ${name}`),
          )(input)
          return new WorkflowResponse(said)
        },
      )
      const worker = await shop.shop.carillon({ group: "till" })
      const definitions = workflowRegistry.all()
      workflowRegistry.clear()
      const body = { input: { name: "Ada" }, transactionId: "ord_1001", waitMs: 10_000 }

      const started = await shop.admin.ask(startRun, { params: { workflow: "greet" }, body })
      const again = await shop.admin.ask(startRun, { params: { workflow: "greet" }, body })

      expect(started).toMatchObject({
        status: 201,
        body: { result: "hello Ada", run: { group: "till", state: "done" } },
      })
      expect(again).toMatchObject({ status: 200, body: { existing: true, run: { id: started.body.run.id } } })
      workflowRegistry.replace(definitions)
      expect((await worker.workflows.retrieve(started.body.run.id)).input).toEqual({ name: "Ada" })
    })

    it("asks for the group where several have one of that id", async () => {
      greeting()
      await shop.shop.carillon({ group: "till" })
      await shop.shop.carillon({ group: "desk" })
      workflowRegistry.clear()
      const params = { workflow: "greet" }

      expect(await shop.admin.refused(startRun, { params })).toMatchObject({ status: 400 })
      const body = { group: "desk", input: { name: "Ada" } }
      const started = await shop.admin.ask(startRun, { params, body })
      expect(started.body.run.group).toBe("desk")
    })
  })

  describe("a workflow", () => {
    it("is listed with its runs, which are nobody's to count who is bound to scopes", async () => {
      paying()
      await begun("pay")
      const acme = await shop.bound(["acme/master"])

      const [all, theirs] = [await shop.admin.ask(listWorkflows), await acme.ask(listWorkflows)]

      expect(all.body.items).toMatchObject([{ workflow: "pay", group: "shop", waiting: 1, failed: 0 }])
      expect(theirs.body.items).toMatchObject([
        { workflow: "pay", waiting: null, failed: null, running: null },
      ])
    })
  })

  describe("a schedule", () => {
    it("is listed, paused, resumed and removed, by who may see all scopes", async () => {
      createWorkflow({ name: "sync", schedule: { cron: "0 3 * * *" } }, () => {
        createStep("copy", async () => {})()
      })
      const listed = async () => (await shop.admin.ask(listSchedules)).body.items
      await until(async () => (await listed()).length === 1)
      const named = { params: { id: "schedule:sync" } }

      await shop.admin.ask(pauseSchedule, named)
      expect(await listed()).toMatchObject([
        { id: "schedule:sync", cron: "0 3 * * *", paused: true, fired: 0 },
      ])
      await shop.admin.ask(resumeSchedule, named)
      expect(await listed()).toMatchObject([{ paused: false }])
      const acme = await shop.bound(["acme/master"])
      expect(await acme.refused(listSchedules)).toMatchObject({ status: 403 })
      expect(await acme.refused(removeSchedule, named)).toMatchObject({ status: 403 })
      const removed = await shop.admin.ask(removeSchedule, named)

      expect(removed.body).toEqual({ id: "schedule:sync", group: "shop" })
      expect(await listed()).toEqual([])
      expect(await shop.admin.refused(pauseSchedule, named)).toMatchObject({ status: 404 })
      expect(await shop.admin.refused(pauseSchedule, { params: { id: "sync" } })).toMatchObject({
        status: 400,
      })
    })
  })
})
