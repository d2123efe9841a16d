import type { Carillon } from "carillon"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { passUntil, signal, until, WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** An order that is charged, which lasts until `charged` resolves, and shipped. */
  function orderWorkflow(charge: (attempt: number, abort: AbortSignal) => Promise<unknown>) {
    return createWorkflow("place-order", () => {
      const charged = createStep(
        "charge",
        async (_: undefined, { attempt, signal: abort, idempotencyKey }) => {
          shop.log.push(`charge ${attempt} ${idempotencyKey.split(":").at(-2)}`)
          return new StepResponse(await charge(attempt, abort))
        },
      )()
      createStep("ship", async () => void shop.log.push("ship"))()
      return new WorkflowResponse(charged)
    })
  }

  async function only(carillon: Carillon) {
    const { items } = await carillon.workflows.list()
    expect(items).toHaveLength(1)
    return carillon.workflows.retrieve(items[0]?.id ?? "")
  }

  describe("a Carillon that stops", () => {
    it("tells a step that outlasts its grace, notes it as begun, and another worker does it again", async () => {
      const reasons: unknown[] = []
      const workflow = orderWorkflow((attempt, abort) => {
        if (attempt === 1 && reasons.length === 0)
          return new Promise((resolve) => {
            abort.addEventListener("abort", () => {
              reasons.push((abort.reason as { code?: unknown }).code)
              setImmediate(resolve, "too late")
            })
          })
        return Promise.resolve("paid")
      })
      const first = await shop.carillon({ graceMs: 50 })
      const refusal = expect(workflow(first.container).run()).rejects.toMatchObject({
        code: "CARILLON_STOPPED",
      })
      await until(() => shop.log.length === 1, "the charge")

      await Promise.all([first.stop(), refusal])
      const second = await shop.carillon()
      await second.drain()

      expect(reasons).toEqual(["CARILLON_STOPPED"])
      const { state, result, steps } = await only(second)
      expect([state, result]).toEqual(["done", "paid"])
      expect(steps.map((each) => `${each.step} ${each.attempt} ${each.outcome}`)).toEqual([
        "charge 1 again",
        "charge 2 done",
        "ship 1 done",
      ])
      expect(steps[0]?.error).toContain("its grace time is over")
      expect(shop.log).toEqual(["charge 1 charge", "charge 2 charge", "ship"])
    })
  })

  describe("a Carillon that stops while a child runs", () => {
    it("waits for the step that runs, not for the steps that the child has still to begin", async () => {
      const gate = signal<void>()
      const pack = createWorkflow("pack-order", (_: { id: string }) => {
        createStep("pack", async () => {
          shop.log.push("pack")
          await gate.promise
        })()
        createStep("label", async () => void shop.log.push("label"))()
        return new WorkflowResponse({ packed: true })
      })
      const workflow = createWorkflow(
        "send-order",
        () => new WorkflowResponse(pack.runAsStep({ input: { id: "ord_1001" } })),
      )
      const first = await shop.carillon({ graceMs: 60_000 })
      const refusal = expect(workflow(first.container).run()).rejects.toMatchObject({
        code: "CARILLON_STOPPED",
      })
      await until(() => shop.log.length === 1, "the packing")

      const stopping = first.stop()
      gate.resolve()
      await Promise.all([stopping, refusal])
      const second = await shop.carillon()
      await second.drain()

      const { items } = await second.workflows.list()
      expect(items.map(({ workflow: id, state }) => `${id} ${state}`).sort()).toEqual([
        "pack-order done",
        "send-order done",
      ])
      expect(shop.log).toEqual(["pack", "label"])
    })
  })

  describe("a Carillon that has stopped", () => {
    it("says so to whoever asks its engine service", async () => {
      orderWorkflow(async () => "paid")
      const { workflows } = await shop.carillon()
      const stopped = { code: "CARILLON_STOPPED" }

      await shop.close()

      await expect(workflows.list()).rejects.toMatchObject(stopped)
      await expect(workflows.retrieve("run_1")).rejects.toMatchObject(stopped)
      await expect(workflows.cancel("place-order", { transactionId: "t" })).rejects.toMatchObject(stopped)
      await expect(workflows.setStepSuccess({ idempotencyKey: "a:run_1:b:invoke" })).rejects.toMatchObject(
        stopped,
      )
    })
  })

  describe("a run whose process is frozen or gone", () => {
    it("is done by another, and nothing counts that the first does after it woke up", async () => {
      const charged = signal<string>()
      const workflow = orderWorkflow(async () => (shop.log.length === 1 ? charged.promise : "paid"))
      const lease = { leaseMs: 15_000, heartbeatMs: 5_000, pollMs: 1_000 }
      const frozen = await shop.timed(lease)
      const other = await shop.timed({ ...lease, start: false })
      const answered = workflow(frozen.carillon.container).run()
      await until(() => shop.log.length === 1, "the charge")

      await other.carillon.start()
      await passUntil(
        other.clock,
        until(() => shop.log.includes("ship"), "the other's work"),
        1_000,
      )
      charged.resolve("paid twice")
      const { result } = await passUntil(frozen.clock, answered, 1_000)

      expect(result).toBe("paid")
      const { steps } = await only(other.carillon)
      expect(steps.map((each) => `${each.step} ${each.outcome} ${each.output ?? ""}`)).toEqual([
        "charge done paid",
        "ship done ",
      ])
    })

    it("that ended its worker five times is left alone and told of, until it is redriven", async () => {
      const workflow = createWorkflow({ name: "print-label" }, () => {
        createStep({ name: "pay", async: true }, async () => {})()
        createStep("print", async () => void shop.log.push("print"))()
      })
      const first = await shop.carillon()
      const { transaction } = await workflow(first.container).run({ context })
      const { runId } = transaction
      await first.stop()
      const jobs = shop.place.table("jobs")
      await shop.place.sql(
        `UPDATE ${jobs} SET state = 3, crashes = 5, reason = 'crashed worker' WHERE id = '${runId}'`,
      )
      const carillon = await shop.carillon()
      const crashed = { code: "CARILLON_RUN_CRASHED", message: expect.stringContaining(`redrive ${runId}`) }

      await expect(workflow(carillon.container).run({ context })).rejects.toMatchObject(crashed)
      expect(await only(carillon)).toMatchObject({
        state: "invoking",
        why: expect.stringContaining("died 5"),
      })
      const { redriven } = await carillon.redrive({ ids: [runId] })
      const key = { workflowId: "print-label", ...context, stepId: "pay", action: "invoke" } as const
      await carillon.workflows.setStepSuccess({ idempotencyKey: key })

      expect([redriven, shop.log, (await only(carillon)).state]).toEqual([1, ["print"], "done"])
    })
  })

  const context = { transactionId: "ord_1" }

  describe("a run", () => {
    it("is told of while a step of it goes on past its time, and undone once that ends", async () => {
      const charged = signal<string>()
      const workflow = createWorkflow("place-order", () => {
        createStep(
          { name: "charge", timeout: 2 },
          async () => new StepResponse(await charged.promise),
          async (charge) => void shop.log.push(`undo ${charge}`),
        )()
      })
      const { carillon, clock } = await shop.timed()
      const ended = expect(workflow(carillon.container).run()).rejects.toThrow(
        "Expected step `charge` to end within 2 s, it did not.",
      )
      await until(async () => (await carillon.workflows.list()).items.length === 1, "the run")

      await clock.advance("3s")
      await until(async () => (await only(carillon)).why === "charge goes on past its timeout", "the mark")
      charged.resolve("ch_1")
      await ended

      expect(shop.log).toEqual(["undo ch_1"])
      expect(await only(carillon)).toMatchObject({ state: "reverted", why: null })
    })

    it("is warned of in the log when it was undone, and when it could not be", async () => {
      const workflow = createWorkflow("place-order", (input: { stays: boolean }) => {
        createStep(
          "charge",
          async (input: { stays: boolean }) => new StepResponse(null, input.stays),
          async (stays) => {
            if (stays) throw new Error("the bank is closed")
          },
        )(input)
        createStep("ship", async () => {
          throw new Error("no van")
        })()
      })
      const carillon = await shop.carillon()
      const ids: string[] = []
      for (const stays of [false, true]) {
        const { transaction } = await workflow(carillon.container).run({
          input: { stays },
          throwOnError: false,
        })
        ids.push(transaction.runId)
      }

      expect(shop.warnings).toEqual([
        `place-order (${ids[0]}) was undone: ship: no van`,
        `place-order (${ids[1]}) failed, and could not be undone: ship: no van; charge: the bank is closed`,
      ])
    })

    it("is never pruned while it goes on, and goes with the history where its workflow says nothing", async () => {
      const done = createWorkflow("place-order", () => {
        createStep("charge", async () => {})()
      })
      const waiting = createWorkflow({ name: "pay-order", retentionTime: 0 }, () => {
        createStep({ name: "pay", async: true }, async () => {})()
      })
      const { carillon, clock } = await shop.timed()
      const { transaction } = await done(carillon.container).run()
      await waiting(carillon.container).run()

      await carillon.prune({ before: clock.now() + 1 })

      const { items } = await carillon.workflows.list()
      expect(items.map(({ workflow }) => workflow)).toEqual(["pay-order"])
      await expect(carillon.workflows.retrieve(transaction.runId)).rejects.toMatchObject({
        code: "CARILLON_NOT_FOUND",
        message: expect.stringContaining("is not kept any more"),
      })
    })

    it("keeps its children as long as they may have to be undone with it", async () => {
      const child = createWorkflow("charge-order", () => {
        createStep(
          "charge",
          async () => new StepResponse("ch_1"),
          async (charge) => void shop.log.push(`refund ${charge}`),
        )()
      })
      const parent = createWorkflow("place-order", () => {
        child.runAsStep()
        createStep({ name: "approve", async: true }, async () => {})()
      })
      const { carillon, clock } = await shop.timed()
      const { transaction } = await parent(carillon.container).run()
      await carillon.prune({ before: clock.now() + 1 })

      const { transactionId } = transaction
      const key = { workflowId: "place-order", transactionId, stepId: "approve", action: "invoke" } as const
      const refused = { idempotencyKey: key, stepResponse: "refused", throwOnError: false }
      const ended = await passUntil(clock, carillon.workflows.setStepFailure(refused))

      expect(shop.log).toEqual(["refund ch_1"])
      expect(ended.transaction.state).toBe("reverted")
    })
  })
})
