import { RetryAfterError } from "carillon"
import {
  createStep,
  createWorkflow,
  type StepSettings,
  sleepStep,
  WorkflowResponse,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { describeEngines } from "../support/describe.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  const context = { transactionId: "ord_1" }
  const pay = {
    workflowId: "place-order",
    transactionId: "ord_1",
    stepId: "pay",
    action: "invoke" as const,
  }

  /** A version of the shop's files: an order is paid, which somebody else tells us, then these steps follow. */
  function deploy(follow: readonly string[], { settings = {}, says = "did" }: Version = {}) {
    workflowRegistry.clear()
    return createWorkflow({ name: "place-order", idempotent: true }, () => {
      createStep({ name: "pay", async: true, ...settings }, async () => {})()
      const last = follow.map((name) =>
        createStep(
          name,
          async () => {
            shop.log.push(`${says} ${name}`)
          },
          async () => void shop.log.push(`undid ${name}`),
        )(),
      )
      return new WorkflowResponse({ says, last: last.at(-1) })
    })
  }

  interface Version {
    readonly settings?: StepSettings
    readonly says?: string
  }

  /** A run that waits to be paid, and whose process has been stopped since. */
  async function begun(follow: readonly string[]): Promise<string> {
    const workflow = deploy(follow)
    const carillon = await shop.carillon()
    const { transaction } = await workflow(carillon.container).run({ context })
    expect(transaction.state).toBe("invoking")
    await carillon.stop()
    return transaction.runId
  }

  describe("a run whose workflow was changed meanwhile", () => {
    it("is not gone on with, says so when a worker starts, and goes on once its old steps are back", async () => {
      const run = await begun(["ship", "notify"])
      deploy(["notify"])
      const changed = await shop.carillon()

      expect(shop.warnings).toEqual([
        `Expected workflow \`place-order\` to have the shape that run ${run} was begun with, but its steps were changed. ` +
          "Let a worker with the old steps go on until such runs have ended, or give the changed workflow another id.",
      ])
      const { transaction } = await changed.workflows.setStepSuccess({ idempotencyKey: pay })
      await changed.drain()
      expect([transaction.runId, transaction.state, shop.log]).toEqual([run, "invoking", []])
      await changed.stop()
      const back = deploy(["ship", "notify"])
      const carillon = await shop.carillon()
      const { result } = await back(carillon.container).run({ context })

      expect(shop.log).toEqual(["did ship", "did notify"])
      expect(result).toEqual({ says: "did" })
      expect((await carillon.workflows.retrieve(run)).state).toBe("done")
      expect(shop.warnings).toHaveLength(1)
    })

    it("is not joined: who would is told what to do", async () => {
      const run = await begun(["ship"])
      const changed = deploy(["ship", "notify"])
      const carillon = await shop.carillon()

      await expect(changed(carillon.container).run({ context })).rejects.toMatchObject({
        code: "CARILLON_WORKFLOW_CHANGED",
        message: expect.stringMatching(
          new RegExp(
            `shape that run ${run} \\(transaction ord_1\\) was begun with.+Let a worker with the old`,
          ),
        ),
      })
      const other = await changed(carillon.container).run({ context: { transactionId: "ord_2" } })

      expect([other.transaction.state, other.transaction.runId === run]).toEqual(["invoking", false])
    })

    it("is undone by a worker that has its old steps, whoever cancels it", async () => {
      const run = await begun(["ship"])
      deploy(["notify"])
      const changed = await shop.carillon()

      const cancelled = await changed.workflows.cancel("place-order", context)
      expect([cancelled.transaction.runId, cancelled.transaction.hasFinished()]).toEqual([run, false])
      await changed.stop()
      deploy(["ship"])
      const carillon = await shop.carillon()
      await carillon.drain()

      expect((await carillon.workflows.retrieve(run)).state).toBe("reverted")
    })

    it("still answers when it is done", async () => {
      await begun(["ship"])
      const before = deploy(["ship"])
      const first = await shop.carillon()
      await first.workflows.setStepSuccess({ idempotencyKey: pay })
      await first.stop()
      const changed = deploy(["ship", "notify"], { says: "does" })
      const second = await shop.carillon()

      const { result } = await changed(second.container).run({ context })

      expect(before.definition.hash).not.toBe(changed.definition.hash)
      expect([result, shop.log, shop.warnings]).toEqual([{ says: "did" }, ["did ship"], []])
    })

    it("goes on with other functions and settings: they are no part of its shape", async () => {
      const run = await begun(["ship"])
      const changed = deploy(["ship"], { settings: { maxRetries: 3, timeout: 60 }, says: "does" })
      const carillon = await shop.carillon()

      await carillon.workflows.setStepSuccess({ idempotencyKey: pay })
      const { result, transaction } = await changed(carillon.container).run({ context })

      expect([transaction.runId, shop.log]).toEqual([run, ["does ship"]])
      expect(result).toEqual({ says: "does" })
      expect(shop.warnings).toEqual([])
    })

    it("is left alone when it sleeps or is to be tried again", async () => {
      const sleeper = (last: string) => {
        workflowRegistry.clear()
        createWorkflow("remind", () => {
          sleepStep({ ms: 1 })
          createStep(last, async () => void shop.log.push(last))()
        })
        return createWorkflow("charge", () => {
          createStep({ name: "bank", maxRetries: 1 }, async () => {
            shop.log.push("bank")
            throw new RetryAfterError("busy", 1)
          })()
          createStep(last, async () => void shop.log.push(last))()
        })
      }
      const before = sleeper("mail")
      const first = await shop.timed()
      const ended = Promise.allSettled([
        first.carillon.workflows.run("remind"),
        before(first.carillon.container).run(),
      ])
      await first.clock.settle()
      await first.carillon.drain()
      await first.carillon.stop()
      await first.clock.advance("1m") // who waits for the runs learns that this process is stopped
      await ended
      sleeper("letter")
      const { carillon, clock } = await shop.timed({}, new Date("2026-03-02T12:00:00Z"))

      await clock.advance("1h")
      await carillon.drain()

      const { items } = await carillon.workflows.list()
      expect(items.map((each) => `${each.workflow} ${each.state}`).sort()).toEqual([
        "charge invoking",
        "remind invoking",
      ])
      expect(shop.log).toEqual(["bank"])
      expect(shop.warnings).toHaveLength(2)
    })
  })
})
