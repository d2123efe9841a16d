import type { Carillon } from "carillon"
import {
  createStep,
  createWorkflow,
  parallelize,
  StepResponse,
  transform,
  WorkflowResponse,
  when,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { passUntil, until, WorkflowShop } from "../support/workflow-shop.ts"

const NOON = Date.parse("2026-03-01T12:00:00Z")
const LONGER_THAN_A_LEASE = 20 * 60_000

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  function step(name: string, act: () => unknown = () => {}) {
    return createStep<unknown, string>(
      name,
      async () => {
        shop.log.push(name)
        await act()
        return new StepResponse(name)
      },
      async () => void shop.log.push(`undo ${name}`),
    )
  }

  const refuse = () => {
    throw Object.assign(new Error("no street"), { name: "AddressError" })
  }

  function shipping(act: () => unknown = () => {}) {
    return createWorkflow("ship-order", (input: { id: string }) => {
      step("pack")()
      const label = step("label", act)()
      return new WorkflowResponse(
        transform({ input, label }, ({ input, label }) => `${label} of ${input.id}`),
      )
    })
  }

  const childOf = async (carillon: Carillon, parent: string) => {
    const { items } = await carillon.workflows.list({ parent })
    return items
  }
  const stateOf = async (carillon: Carillon, id: string) => (await carillon.workflows.retrieve(id)).state

  describe("a workflow that is a step of another", () => {
    it("answers with its result, once what comes before it is done", async () => {
      const ship = shipping()
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        step("charge")()
        const label = ship.runAsStep({ input })
        step("notify")({ label })
        return new WorkflowResponse({ label })
      })
      const carillon = await shop.carillon()

      const { result, transaction } = await workflow(carillon.container).run({ input: { id: "ord_1" } })

      expect(result).toEqual({ label: "label of ord_1" })
      expect(shop.log).toEqual(["charge", "pack", "label", "notify"])
      expect(await childOf(carillon, transaction.runId)).toMatchObject([
        { workflow: "ship-order", state: "done", parent: { run: transaction.runId } },
      ])
    })

    it("is undone with the one around it, at its place in the order", async () => {
      const ship = shipping()
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        step("charge")()
        ship.runAsStep({ input })
        step("notify", refuse)()
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run({
        input: { id: "1" },
        throwOnError: false,
      })

      expect(transaction.state).toBe("reverted")
      expect(shop.log.slice(4)).toEqual(["undo notify", "undo label", "undo pack", "undo charge"])
      expect((await childOf(carillon, transaction.runId))[0]?.state).toBe("reverted")
    })

    it("undoes the one around it when it fails, with its error", async () => {
      const ship = shipping(refuse)
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        step("charge")()
        ship.runAsStep({ input })
        step("notify")()
      })
      const carillon = await shop.carillon()

      const { transaction, errors } = await workflow(carillon.container).run({
        input: { id: "1" },
        throwOnError: false,
      })

      expect(transaction.state).toBe("reverted")
      expect(errors[0]?.error).toMatchObject({ name: "AddressError", message: "no street" })
      expect(shop.log).toEqual(["charge", "pack", "label", "undo label", "undo pack", "undo charge"])
    })

    it("that waits lets the one around it wait, and takes it on when it ends", async () => {
      const approve = createStep(
        { name: "approve", async: true },
        async (_: undefined, { idempotencyKey }) => {
          shop.log.push(idempotencyKey)
        },
      )
      const approval = createWorkflow("approve-order", () => new WorkflowResponse(approve()))
      const workflow = createWorkflow("place-order", () => {
        const approved = approval.runAsStep({})
        return new WorkflowResponse(step("ship")({ approved }))
      })
      const carillon = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run()
      await until(() => shop.log.length > 0)
      const [idempotencyKey = ""] = shop.log

      await carillon.workflows.setStepSuccess({ idempotencyKey, stepResponse: "by Ada" })
      await until(async () => (await stateOf(carillon, transaction.runId)) === "done")

      expect(transaction.state).toBe("invoking")
      const detail = await carillon.workflows.retrieve(transaction.runId)
      expect(detail.steps.find((each) => each.step === "ship")?.input).toEqual({ approved: "by Ada" })
    })

    it("that waits is undone when the one around it is cancelled", async () => {
      const approve = createStep({ name: "approve", async: true }, async () => {})
      const approval = createWorkflow("approve-order", () => {
        step("ask")()
        approve()
      })
      const workflow = createWorkflow("place-order", () => {
        step("charge")()
        approval.runAsStep({})
      })
      const carillon = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run({ context: { transactionId: "ord_1" } })

      const cancelled = await workflow(carillon.container).cancel({ transactionId: "ord_1" })

      expect(cancelled.transaction.state).toBe("reverted")
      expect(shop.log).toEqual(["charge", "ask", "undo ask", "undo charge"])
      expect((await childOf(carillon, transaction.runId))[0]?.state).toBe("reverted")
    })

    it("may be one of many side by side, and in a workflow in a workflow", async () => {
      const leaf = shipping()
      const middle = createWorkflow("ship-twice", (input: { id: string }) => {
        const labels = parallelize(
          leaf.runAsStep({ input }).config({ name: "first" }),
          leaf.runAsStep({ input }).config({ name: "second" }),
        )
        return new WorkflowResponse(labels)
      })
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        const labels = middle.runAsStep({ input })
        const more = when({ input }, ({ input }) => input.id === "none").then(() =>
          leaf.runAsStep({ input }).config({ name: "third" }),
        )
        return new WorkflowResponse({ labels, more })
      })
      const carillon = await shop.carillon()

      const { result } = await workflow(carillon.container).run({ input: { id: "ord_1" } })

      expect(result).toEqual({ labels: ["label of ord_1", "label of ord_1"] })
      expect(shop.log.filter((each) => each === "label")).toHaveLength(2)
    })

    it("is started once, although the worker of both dies while it runs", async () => {
      let isDying = true
      const ship = shipping(() => (isDying ? new Promise(() => {}) : undefined))
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        step("charge")()
        return new WorkflowResponse(ship.runAsStep({ input }))
      })
      const dying = await shop.timed({}, new Date(NOON))
      const context = { transactionId: "ord_1" }
      workflow(dying.carillon.container)
        .run({ input: { id: "1" }, context })
        .catch(() => {})
      await until(() => shop.log.includes("label"))
      isDying = false

      const { carillon, clock } = await shop.timed({}, new Date(NOON + LONGER_THAN_A_LEASE))
      const { result, transaction } = await passUntil(
        clock,
        workflow(carillon.container).run({ input: { id: "1" }, context }),
        1_000,
      )

      expect(result).toBe("label of 1")
      expect(shop.log).toEqual(["charge", "pack", "label", "label"])
      expect(await childOf(carillon, transaction.runId)).toHaveLength(1)
    })

    it("that failed is begun anew when its step is tried again, and the newest is undone", async () => {
      let calls = 0
      const ship = shipping(() => (++calls < 3 ? refuse() : undefined))
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        ship.runAsStep({ input }).config({ maxRetries: 2 })
        step("notify", refuse)()
      })
      const carillon = await shop.carillon()

      const { transaction } = await workflow(carillon.container).run({
        input: { id: "1" },
        throwOnError: false,
      })

      expect(transaction.state).toBe("reverted")
      expect(shop.log.filter((each) => each === "undo label")).toHaveLength(3)
      expect(shop.log.slice(-3)).toEqual(["undo notify", "undo label", "undo pack"])
      const children = await childOf(carillon, transaction.runId)
      expect(children.map(({ state }) => state)).toEqual(["reverted", "reverted", "reverted"])
    })

    it("is undone although the worker of both dies before it is known how it ended", async () => {
      let isDying = true
      const ship = shipping()
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        ship.runAsStep({ input })
        step("notify", () => (isDying ? new Promise(() => {}) : refuse()))()
      })
      const dying = await shop.timed({}, new Date(NOON))
      const context = { transactionId: "ord_1" }
      workflow(dying.carillon.container)
        .run({ input: { id: "1" }, context })
        .catch(() => {})
      await until(() => shop.log.includes("notify"))
      isDying = false

      const { carillon, clock } = await shop.timed({}, new Date(NOON + LONGER_THAN_A_LEASE))
      const running = workflow(carillon.container).run({ input: { id: "1" }, context, throwOnError: false })
      const { transaction } = await passUntil(clock, running, 1_000)

      expect(transaction.state).toBe("reverted")
      expect(shop.log).toEqual([
        "pack",
        "label",
        "notify",
        "notify",
        "undo notify",
        "undo label",
        "undo pack",
      ])
    })

    it("is undone once, by whoever undoes it first", async () => {
      const ship = shipping()
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        ship.runAsStep({ input })
        createStep({ name: "pay", async: true }, async () => {})()
      })
      const carillon = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run({ input: { id: "1" } })
      const [child] = await childOf(carillon, transaction.runId)

      await carillon.workflows.revert(child?.id ?? "")
      await until(async () => (await stateOf(carillon, child?.id ?? "")) === "reverted")

      // The parent knows the child's result, which is on disk; it is undone on its own account.
      expect(await stateOf(carillon, transaction.runId)).toBe("invoking")
      expect(shop.log).toEqual(["pack", "label", "undo label", "undo pack"])
      await workflow(carillon.container).cancel({ transactionId: transaction.transactionId })
      expect(shop.log).toEqual(["pack", "label", "undo label", "undo pack"])
    })
  })
})
