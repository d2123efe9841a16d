import { type Carillon, Modules } from "carillon"
import {
  createStep,
  createWorkflow,
  emitEventStep,
  type StepResponse,
  WorkflowResponse,
  waitForEventStep,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { passUntil, until, WorkflowShop } from "../support/workflow-shop.ts"

const ACME = "acme/master"
const GLOBEX = "globex/master"
const NOT_FOUND = { code: "CARILLON_NOT_FOUND" }

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  const namesIn = async (carillon: Carillon, scope: string) =>
    (await carillon.listEvents({ scope })).items.map((event) => event.name).toSorted()
  const stateOf = async (carillon: Carillon, runId: string) =>
    (await carillon.workflows.retrieve(runId)).state

  /** Waits for a payment, after it has told of the order. */
  function orderWorkflow(settings: { maxRetries?: number; retryInterval?: number } = {}) {
    const pay = createStep<unknown, string>({ ...settings, name: "pay", async: true }, async () => {
      shop.log.push("asked to pay")
    })
    return createWorkflow("place-order", () => {
      emitEventStep({ eventName: "order.placed", data: { id: "ord_1001" } })
      return new WorkflowResponse(pay())
    })
  }

  /** Two tenants have placed an order under the same transaction id. */
  async function twoTenants() {
    const workflow = orderWorkflow()
    const carillon = await shop.carillon()
    const start = async (scope: string) =>
      (await workflow(carillon.container).run({ context: { transactionId: "ord_1001", scope } })).transaction
    const [acme, globex] = [await start(ACME), await start(GLOBEX)]
    return { workflow, carillon, acme: acme.runId, globex: globex.runId }
  }

  const PAY = {
    workflowId: "place-order",
    transactionId: "ord_1001",
    stepId: "pay",
    action: "invoke",
  } as const

  describe("runs of one transaction id in two scopes", () => {
    it("are two, and each is joined in its own", async () => {
      const { workflow, carillon, acme, globex } = await twoTenants()

      const again = await workflow(carillon.container).run({
        scope: { account: "acme" },
        context: { transactionId: "ord_1001" },
      })

      expect(acme).not.toBe(globex)
      expect(again.transaction.runId).toBe(acme)
      expect((await carillon.workflows.retrieve(globex)).scope).toEqual({
        account: "globex",
        workspace: "master",
      })
    })

    it("are ended, cancelled and looked up each in its own", async () => {
      const { carillon, acme, globex } = await twoTenants()
      const { workflows } = carillon

      await workflows.setStepSuccess({ idempotencyKey: PAY, stepResponse: "paid", scope: ACME })
      expect([await stateOf(carillon, acme), await stateOf(carillon, globex)]).toEqual(["done", "invoking"])
      const found = await workflows.getRunningTransaction("place-order", "ord_1001", { scope: GLOBEX })
      expect(found.runId).toBe(globex)
      await workflows.cancel("place-order", { transactionId: "ord_1001", scope: GLOBEX })

      expect([await stateOf(carillon, acme), await stateOf(carillon, globex)]).toEqual(["done", "reverted"])
      await expect(workflows.cancel("place-order", { transactionId: "ord_1001" })).rejects.toMatchObject(
        NOT_FOUND,
      )
    })

    it("tell whoever listens to one of them of that one", async () => {
      const { carillon } = await twoTenants()
      const heard: string[] = []
      const subscribe = (name: string, scope: string) =>
        carillon.workflows.subscribe({
          workflowId: "place-order",
          transactionId: "ord_1001",
          scope,
          subscriber: ({ result }) => void heard.push(`${name}: ${result}`),
        })
      await subscribe("acme", ACME)
      await subscribe("globex", GLOBEX)

      for (const scope of [GLOBEX, ACME])
        await carillon.workflows.setStepSuccess({ idempotencyKey: PAY, stepResponse: scope, scope })

      await until(async () => heard.length === 2, "both were told")
      expect(heard).toEqual([`globex: ${GLOBEX}`, `acme: ${ACME}`])
    })
  })

  describe("who is bound to some scopes", () => {
    it("finds what lies outside of them no more than what does not exist, in the same words", async () => {
      const { workflow, carillon, acme } = await twoTenants()
      const { workflows } = carillon
      const within = { scopes: [GLOBEX] }
      const wordsOf = (asked: Promise<unknown>) =>
        asked.then(
          () => "found",
          ({ code, message }) => `${code} ${message}`,
        )
      const asks: ((run: string, transactionId: string, scope: string) => Promise<unknown>)[] = [
        (run) => workflows.retrieve(run, within),
        (run) => workflows.revert(run, "nosy", within),
        (run) => workflows.retry(run, "pay", within),
        (_, transactionId, scope) => workflows.cancel("place-order", { transactionId, scope, ...within }),
        (_, transactionId, scope) =>
          workflows.getRunningTransaction("place-order", transactionId, { scope, ...within }),
        ...(["setStepSuccess", "setStepFailure", "retryStep"] as const).flatMap((verb) => [
          (_: string, transactionId: string, scope: string) =>
            workflows[verb]({ idempotencyKey: { ...PAY, transactionId }, scope, ...within }),
          (run: string) => workflows[verb]({ idempotencyKey: `place-order:${run}:pay:invoke`, ...within }),
        ]),
      ]
      const unknown = `run_${"0".repeat(26)}`

      for (const ask of asks) {
        const there = await wordsOf(ask(acme, "ord_1001", ACME))
        const nowhere = await wordsOf(ask(unknown, "ord_1001", "initech/master"))
        expect(there).toContain("CARILLON_NOT_FOUND")
        expect(there.replaceAll(acme, "run")).toBe(nowhere.replaceAll(unknown, "run"))
      }
      expect(await wordsOf(workflow(carillon.container).run({ scope: ACME, ...within }))).toBe(
        (await wordsOf(workflow(carillon.container).run({ scope: "initech/master", ...within }))).replace(
          "initech",
          "acme",
        ),
      )
      expect(await stateOf(carillon, acme)).toBe("invoking")
    })

    it("lists its own runs only, page by page, whatever it asks for beside", async () => {
      const { workflow, carillon, acme, globex } = await twoTenants()
      for (let i = 0; i < 3; i++) await workflow(carillon.container).run({ scope: ACME })
      const { workflows } = carillon
      const list = async (request: Parameters<typeof workflows.list>[0]) =>
        (await workflows.list(request)).items.map((run) => run.id)

      expect(await list({ scopes: [GLOBEX] })).toEqual([globex])
      expect(await list({ scopes: [GLOBEX], transactionId: "ord_1001", state: "invoking" })).toEqual([globex])
      expect(await list({ scopes: [GLOBEX], scope: ACME })).toEqual([])
      expect(await list({ scope: { account: "globex" } })).toEqual([globex])
      expect(await list({ scopes: [] })).toEqual([])
      const first = await workflows.list({ scopes: [ACME], limit: 3 })
      expect(first.cursor).toBe(first.items.at(-1)?.id)
      expect(await list({ scopes: [ACME], limit: 3, cursor: first.cursor ?? "" })).toEqual([acme])
      await expect(list({ scopes: [ACME], cursor: "run_x" })).rejects.toThrow("Expected a cursor")
    })

    it("starts runs in the only scope that is theirs, and under a group that nobody else has", async () => {
      const workflow = orderWorkflow()
      const { container, workflows } = await shop.carillon()

      const { transaction } = await workflow(container).run({ scopes: [ACME] })

      expect((await workflows.retrieve(transaction.runId)).scope.account).toBe("acme")
      const taken = workflow(container).run({ scopes: [ACME], context: { eventGroupId: "evg_1" } })
      await expect(taken).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    })
  })

  describe("a run in a scope", () => {
    it("emits there, and what is emitted in another scope is not shown to who is bound to the first", async () => {
      const step = createStep("tell", async (_: unknown, { container, scope }) => {
        shop.log.push(scope.account)
        const events = container.resolve(Modules.EVENT)
        await events.emit({ name: "order.noted" })
        await events.emit({ name: "order.copied", scope: GLOBEX })
      })
      const workflow = createWorkflow("tell-order", () => {
        step()
        emitEventStep({ eventName: "order.placed", data: {} })
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run({ scope: ACME })

      expect(shop.log).toEqual(["acme"])
      expect(await namesIn(carillon, ACME)).toEqual(["order.noted", "order.placed"])
      expect(await namesIn(carillon, GLOBEX)).toEqual(["order.copied"])
      expect(await namesIn(carillon, "default/master")).toEqual([])
      const { emitted } = await carillon.workflows.retrieve(transaction.runId, { scopes: [ACME] })
      expect(emitted.map(({ name }) => name).toSorted()).toEqual(["order.noted", "order.placed"])
    })

    it("hands its scope on to its children and to the runs that its steps start", async () => {
      const note = createWorkflow("note", () => void createStep("write", async () => {})())
      const child = createWorkflow("pack", () => void createStep("wrap", async () => {})())
      const start = createStep("start", async (_: unknown, { container }) => {
        await note(container).run()
      })
      const workflow = createWorkflow("ship", () => {
        child.runAsStep({ input: undefined })
        start()
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run({ scope: ACME })

      const { items } = await carillon.workflows.list({ scopes: [ACME] })
      expect(items.map((run) => run.workflow).toSorted()).toEqual(["note", "pack", "ship"])
      const { children } = await carillon.workflows.retrieve(transaction.runId, { scopes: [ACME] })
      expect(children.map((run) => run.workflow)).toEqual(["pack"])
    })

    it("hears events of its own scope only, whether they come before or after the wait is known", async () => {
      const workflow = createWorkflow("await-payment", () => {
        createStep("note", async (_: unknown, { container }) => {
          const events = container.resolve(Modules.EVENT)
          for (const scope of [GLOBEX, "default/master"]) await events.emit({ name: "order.paid", scope })
        })()
        return new WorkflowResponse(waitForEventStep({ event: "order.paid" }))
      })
      const carillon = await shop.carillon({ scope: "initech/master" })
      const { transaction } = await workflow(carillon.container).run({ scope: ACME })

      await carillon.emit([{ name: "order.paid", scope: GLOBEX }, { name: "order.paid" }])
      await carillon.drain()
      expect(await stateOf(carillon, transaction.runId)).toBe("invoking")
      const [paid] = await carillon.emit({ name: "order.paid", scope: ACME })

      await until(async () => (await stateOf(carillon, transaction.runId)) === "done", "it goes on")
      expect((await carillon.workflows.retrieve(transaction.runId)).result).toMatchObject({ id: paid?.id })
    })

    it("is undone, told of and tried again there", async () => {
      const workflow = createWorkflow("fail-order", () => {
        createStep("fail", async (): Promise<StepResponse<string>> => {
          throw new Error("sold out")
        })()
      })
      const carillon = await shop.carillon()
      const heard: unknown[] = []
      carillon.events.subscribe("carillon.run.reverted", ({ scope }) => void heard.push(scope), {
        subscriberId: "watch",
      })

      await workflow(carillon.container).run({ scope: ACME, throwOnError: false })

      await until(async () => heard.length === 1, "it was told of")
      expect(heard).toEqual([{ account: "acme", workspace: "master" }])
    })
  })

  it("gives a run that a handler starts, and an event that it emits, the scope of its event", async () => {
    const note = createWorkflow("note", () => void createStep("write", async () => {})())
    const carillon = await shop.carillon()
    carillon.events.subscribe(
      "order.placed",
      async (_, { container }) => {
        await note(container as never).run()
        await carillon.emit([{ name: "mail.sent" }, { name: "order.copied", scope: GLOBEX }])
      },
      { subscriberId: "mail" },
    )

    await carillon.emit({ name: "order.placed", scope: ACME })
    await carillon.drain()

    expect(await namesIn(carillon, ACME)).toEqual(["mail.sent", "order.placed"])
    expect(await namesIn(carillon, GLOBEX)).toEqual(["order.copied"])
    expect((await carillon.workflows.list({ scopes: [ACME] })).items).toHaveLength(1)
  })

  it("gives runs and ticks of a Carillon with a scope that scope", async () => {
    const workflow = createWorkflow({ name: "daily", schedule: { interval: 60_000 } }, () => {
      createStep("write", async () => {})()
    })
    const { carillon, clock } = await shop.timed({ scope: ACME })
    await workflow(carillon.container).run()

    const list = async () => (await carillon.workflows.list({ scopes: [ACME] })).items
    await passUntil(
      clock,
      until(async () => (await list()).length === 2, "a tick"),
    )

    expect((await carillon.workflows.list()).items).toHaveLength(2)
  })

  it("lets go with a run what only another process staged under its group", async () => {
    const pay = createStep({ name: "pay", async: true }, async () => {})
    const workflow = createWorkflow("pay-order", () => void pay())
    const [first, second] = [await shop.carillon(), await shop.carillon({ start: false })]
    const metadata = { eventGroupId: "evg_1" }
    const { transaction } = await workflow(first.container).run({ context: metadata })
    await second.emit({ name: "stock.checked", metadata })

    const idempotencyKey = `pay-order:${transaction.runId}:pay:invoke`
    await first.workflows.setStepSuccess({ idempotencyKey })
    await first.drain() // its events go when it has ended

    expect((await first.listEvents({ name: "stock.checked" })).items).toHaveLength(1)
    expect((await first.workflows.retrieve(transaction.runId)).why).toBe(null)
  })

  it("tries a step that was told to have failed again after its interval, not before", async () => {
    const workflow = orderWorkflow({ maxRetries: 1, retryInterval: 30 })
    const { carillon, clock } = await shop.timed()
    const { transaction } = await workflow(carillon.container).run()
    const idempotencyKey = `place-order:${transaction.runId}:pay:invoke`

    const told = clock.now()

    const failure = carillon.workflows.setStepFailure({ idempotencyKey, stepResponse: "card refused" })
    await passUntil(clock, failure, 1_000)

    expect(shop.log).toEqual(["asked to pay", "asked to pay"])
    expect(clock.now() - told).toBeGreaterThanOrEqual(30_000)
    const { steps } = await carillon.workflows.retrieve(transaction.runId)
    expect(steps.filter(({ step }) => step === "pay")).toMatchObject([
      { attempt: 1, outcome: "failed", error: "card refused" },
      { attempt: 2, outcome: "waiting" },
    ])
  })
})
