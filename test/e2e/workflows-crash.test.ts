import { type Carillon, Modules } from "carillon"
import {
  createStep,
  createWorkflow,
  emitEventStep,
  parallelize,
  StepResponse,
  WorkflowResponse,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { passUntil, signal, until, WorkflowShop } from "../support/workflow-shop.ts"

const NOON = Date.parse("2026-03-01T12:00:00Z")
const LONGER_THAN_A_LEASE = 20 * 60_000

await describeEngines((engine) => {
  let shop: WorkflowShop
  let processes = 0
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
    processes = 0
  })
  afterEach(() => shop.close())

  /** The next process: by its clock the leases of those before have ended, whose clocks stand still. */
  const next = () => shop.timed({}, new Date(NOON + processes++ * LONGER_THAN_A_LEASE))

  /** Never ends, as in a process that died. */
  const death = (): Promise<never> => new Promise(() => {})

  const ended = (carillon: Carillon, id: string) =>
    until(
      async () => ["done", "reverted", "failed"].includes((await carillon.workflows.retrieve(id)).state),
      id,
    )

  describe("a run whose worker dies", () => {
    it("goes on where it stood: what is done is not done again, what was under way is, under its key", async () => {
      const keys: string[] = []
      const reserve = createStep("reserve", async () => {
        shop.log.push("reserve")
        return new StepResponse({ sku: "tea", at: new Date(NOON) })
      })
      const charge = createStep("charge", async (_: { at: Date }, { idempotencyKey, attempt }) => {
        keys.push(`${idempotencyKey} ${attempt}`)
        if (keys.length === 1) await death()
        return new StepResponse("charged")
      })
      const workflow = createWorkflow("place-order", () => {
        const reserved = reserve()
        return new WorkflowResponse({ charged: charge({ at: reserved.at }), reserved })
      })
      const dying = await next()
      workflow(dying.carillon.container)
        .run({ context: { transactionId: "ord_1" } })
        .catch(() => {})
      await until(() => keys.length === 1)

      const { carillon, clock } = await next()
      const { result, transaction } = await passUntil(
        clock,
        workflow(carillon.container).run({ context: { transactionId: "ord_1" } }),
        1_000,
      )

      expect(transaction.state).toBe("done")
      expect(result).toEqual({ charged: "charged", reserved: { sku: "tea", at: new Date(NOON) } })
      expect(shop.log).toEqual(["reserve"])
      expect(keys).toEqual([keys[0], keys[0]])
      expect(keys[0]).toBe(`place-order:${transaction.runId}:charge:invoke 1`)
    })

    it("is not touched by that worker when it thaws: its answer is the successor's", async () => {
      const gate = signal()
      let calls = 0
      const charge = createStep("charge", async () => {
        const call = ++calls
        if (call === 1) await gate.promise
        return new StepResponse(`charged by ${call}`)
      })
      const ship = createStep("ship", async () => void shop.log.push("ship"))
      const workflow = createWorkflow("place-order", () => {
        const charged = charge()
        ship()
        emitEventStep({ eventName: "order.placed", data: { by: charged } })
        return new WorkflowResponse(charged)
      })
      const frozen = await next()
      const heard: unknown[] = []
      frozen.carillon.events.subscribe("order.placed", ({ data }) => void heard.push(data), {
        subscriberId: "warehouse",
      })
      const context = { transactionId: "ord_1" }
      const first = workflow(frozen.carillon.container).run({ context })
      await until(() => calls === 1)
      const { carillon, clock } = await next()
      const second = await passUntil(clock, workflow(carillon.container).run({ context }), 1_000)

      gate.resolve()
      await frozen.clock.advance(2 * LONGER_THAN_A_LEASE)
      const { result, transaction } = await passUntil(frozen.clock, first, 1_000)
      await passUntil(
        frozen.clock,
        until(() => heard.length > 0),
        1_000,
      )

      expect([result, second.result]).toEqual(["charged by 2", "charged by 2"])
      expect(transaction.runId).toBe(second.transaction.runId)
      expect(shop.log).toEqual(["ship"])
      expect(heard).toEqual([{ by: "charged by 2" }])
    })

    it("goes on being undone where it stood", async () => {
      const step = (name: string, act: () => unknown, undo: () => unknown = () => {}) =>
        createStep(
          name,
          async () => {
            await act()
            return new StepResponse(name)
          },
          async (input) => {
            shop.log.push(`undo ${input}`)
            await undo()
          },
        )
      let isDying = true
      const workflow = createWorkflow("place-order", () => {
        step("reserve", () => {})()
        step(
          "charge",
          () => {},
          () => (isDying ? death() : undefined),
        )()
        step("ship", () => {})()
        step("notify", () => {
          throw new Error("no such address")
        })()
      })
      const dying = await next()
      workflow(dying.carillon.container)
        .run({ context: { transactionId: "ord_1" } })
        .catch(() => {})
      await until(() => shop.log.includes("undo charge"))
      isDying = false

      const { carillon, clock } = await next()
      const { transaction, errors } = await passUntil(
        clock,
        workflow(carillon.container).run({ context: { transactionId: "ord_1" }, throwOnError: false }),
        1_000,
      )

      expect(transaction.state).toBe("reverted")
      expect(errors.map(({ error }) => error.message)).toEqual(["no such address"])
      expect(shop.log).toEqual(["undo undefined", "undo ship", "undo charge", "undo charge", "undo reserve"])
    })

    it("undoes what that worker may have begun, also when undoing takes long", async () => {
      const shipping = (name: string) =>
        createStep(
          { name, maxRetries: 1, retryInterval: 30 },
          async () => {
            shop.log.push(name)
            await death()
          },
          async (_, { attempt }) => {
            shop.log.push(`undo ${name} ${attempt}`)
            if (attempt === 1) throw new Error("busy")
          },
        )
      const workflow = createWorkflow("place-order", () => {
        createStep(
          "reserve",
          async () => {},
          async () => void shop.log.push("undo reserve"),
        )()
        parallelize(shipping("pack")(), shipping("label")())
        createStep(
          "notify",
          async () => {},
          async () => void shop.log.push("undo notify"),
        )()
      })
      const dying = await next()
      workflow(dying.carillon.container)
        .run({ context: { transactionId: "ord_1" } })
        .catch(() => {})
      await until(() => shop.log.length === 2)

      const idle = await shop.timed({ start: false })
      const [run] = (await idle.carillon.workflows.list()).items
      await idle.carillon.workflows.revert(run?.id ?? "")
      const { carillon, clock } = await next()
      await passUntil(clock, ended(carillon, run?.id ?? ""), 5_000)

      expect(shop.log.slice(2, 4).sort()).toEqual(["undo label 1", "undo pack 1"])
      expect(shop.log.slice(4, 6).sort()).toEqual(["undo label 2", "undo pack 2"])
      expect(shop.log.slice(6)).toEqual(["undo reserve"])
    })

    it("does not go forward again when its time was over before", async () => {
      const gate = signal()
      const reserve = createStep(
        "reserve",
        async () => {
          shop.log.push("reserve")
          await gate.promise
          return new StepResponse("tea")
        },
        async () => {
          shop.log.push("undo reserve")
          if (shop.log.length === 2) await death()
        },
      )
      const charge = createStep("charge", async () => void shop.log.push("charge"))
      const workflow = createWorkflow({ name: "place-order", timeout: 60 }, () => {
        reserve()
        charge()
      })
      const dying = await next()
      workflow(dying.carillon.container)
        .run({ context: { transactionId: "ord_1" } })
        .catch(() => {})
      await until(() => shop.log.length === 1)
      await dying.clock.advance("61s")
      gate.resolve()
      await until(() => shop.log.length === 2)

      const { carillon, clock } = await next()
      const running = workflow(carillon.container).run({
        context: { transactionId: "ord_1" },
        throwOnError: false,
      })
      const { transaction, errors } = await passUntil(clock, running, 1_000)

      expect(transaction.state).toBe("reverted")
      expect(errors[0]?.error.name).toBe("TransactionTimeoutError")
      expect(shop.log).toEqual(["reserve", "undo reserve", "undo reserve"])
    })

    it("ends however often that happens, as long as each of them takes it further", async () => {
      const names = ["a", "b", "c", "d", "e", "f", "g", "h"]
      const doneBy = new Map<number, number>() // how many steps each process has done
      const steps = names.map((name) =>
        createStep(name, async () => {
          const own = doneBy.get(processes) ?? 0
          doneBy.set(processes, own + 1)
          if (own > 0 && processes < names.length) await death()
          shop.log.push(name)
        }),
      )
      const workflow = createWorkflow("place-order", () => {
        for (const step of steps) step()
      })
      const first = await next()
      const context = { transactionId: "ord_1" }
      workflow(first.carillon.container)
        .run({ context })
        .catch(() => {})
      await until(() => doneBy.get(1) === 2)
      const [run] = (await first.carillon.workflows.list()).items

      while (processes < names.length) {
        const { clock } = await next()
        const reached = until(() => doneBy.get(processes) === 2 || shop.log.length === names.length)
        await passUntil(clock, reached, 1_000)
      }

      const { carillon } = await next()
      await ended(carillon, run?.id ?? "")
      expect(shop.log).toEqual(names)
    })

    it("is left alone when it kills one after the other, and says so; redriven it goes on", async () => {
      let isDeadly = true
      let calls = 0
      const charge = createStep("charge", async () => {
        calls++
        if (isDeadly) await death()
        return new StepResponse("charged")
      })
      const workflow = createWorkflow("place-order", () => new WorkflowResponse(charge()))
      const context = { transactionId: "ord_1" }
      for (let process = 1; process <= 5; process++) {
        const { carillon, clock } = await next()
        if (process === 1)
          workflow(carillon.container)
            .run({ context })
            .catch(() => {})
        await passUntil(
          clock,
          until(() => calls === process),
          1_000,
        )
      }
      isDeadly = false
      const { carillon, clock } = await next()
      const [run] = (await carillon.workflows.list()).items

      const joined = workflow(carillon.container).run({ context })
      await expect(passUntil(clock, joined, 1_000)).rejects.toMatchObject({
        message: expect.stringContaining("5 times"),
      })
      await carillon.redrive({ ids: [run?.id ?? ""] })
      const { result } = await passUntil(clock, workflow(carillon.container).run({ context }), 1_000)

      expect(result).toBe("charged")
    })
  })

  describe("a run that nobody holds", () => {
    it("can be cancelled by a process that does not work, and is undone by the next that does", async () => {
      const reserve = createStep(
        "reserve",
        async () => new StepResponse("tea"),
        async (input) => void shop.log.push(`undo ${input}`),
      )
      const pay = createStep({ name: "pay", async: true }, async () => {})
      const workflow = createWorkflow("place-order", () => {
        reserve()
        pay()
      })
      const first = await shop.carillon()
      const { transaction } = await workflow(first.container).run()
      await first.stop()
      const idle = await shop.carillon({ start: false })

      await idle.workflows.revert(transaction.runId)
      const before = [...shop.log]
      const last = await shop.carillon()
      await ended(last, transaction.runId)

      expect(before).toEqual([])
      expect(shop.log).toEqual(["undo tea"])
    })

    it("keeps its events back while it waits, over restarts, and lets them go at its end", async () => {
      const note = createStep("note", async (_: undefined, { container, eventGroupId }) => {
        const events = container.resolve(Modules.EVENT) as Carillon["events"]
        await events.emit({ name: "order.noted", data: {}, metadata: { eventGroupId } })
      })
      const pay = createStep({ name: "pay", async: true }, async () => {})
      const workflow = createWorkflow("place-order", () => {
        note()
        emitEventStep({ eventName: "order.placed", data: { id: "ord_1" } })
        pay()
      })
      const hear = (carillon: Carillon) => {
        for (const name of ["order.noted", "order.placed"])
          carillon.events.subscribe(name, () => void shop.log.push(name), { subscriberId: "warehouse" })
      }
      const first = await shop.carillon({ start: false })
      hear(first)
      await first.start()
      await workflow(first.container).run({ context: { transactionId: "ord_1" } })
      await first.drain()
      await first.stop()
      const second = await shop.carillon({ start: false })
      hear(second)
      await second.start()
      await second.drain()
      const before = [...shop.log]

      await second.workflows.setStepSuccess({
        idempotencyKey: {
          workflowId: "place-order",
          transactionId: "ord_1",
          stepId: "pay",
          action: "invoke",
        },
      })
      await until(() => shop.log.length === 2)

      expect(before).toEqual([])
      expect(shop.log.sort()).toEqual(["order.noted", "order.placed"])
    })
  })
})
