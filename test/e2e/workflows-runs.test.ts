import { type Carillon, InvalidInputError } from "carillon"
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

  function step(name: string, act: (input: { id: string }) => unknown = () => {}) {
    return createStep<{ id: string }, string>(
      name,
      async (input) => {
        shop.log.push(name)
        await act(input)
        return new StepResponse(`${name} ${input.id}`)
      },
      async () => void shop.log.push(`undo ${name}`),
    )
  }

  function placing(settings: { readonly idempotent?: boolean; readonly retentionTime?: number } = {}) {
    return createWorkflow({ name: "place-order", ...settings }, (input: { id: string }) => {
      step("reserve")(input)
      return new WorkflowResponse(step("charge")(input))
    })
  }

  const runsOf = async (carillon: Carillon) =>
    (await carillon.workflows.list({ workflow: "place-order" })).items
  const stateOf = async (carillon: Carillon, id: string) => (await carillon.workflows.retrieve(id)).state

  describe("a transaction id", () => {
    it("joins the run that goes on: both callers get its answer", async () => {
      const gate = signal()
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        return new WorkflowResponse(step("reserve", () => gate.promise)(input))
      })
      const carillon = await shop.carillon()
      const other = await shop.carillon()
      const context = { transactionId: "ord_1" }
      const first = workflow(carillon.container).run({ input: { id: "first" }, context })
      await until(() => shop.log.length === 1)

      const second = workflow(other.container).run({ input: { id: "second" }, context })
      await other.drain() // what it asked for is written
      gate.resolve()

      expect((await first).result).toBe("reserve first")
      expect((await second).result).toBe("reserve first")
      expect((await second).transaction.runId).toBe((await first).transaction.runId)
      expect(shop.log).toEqual(["reserve"])
    })

    it("starts anew once its run has ended", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()
      const context = { transactionId: "ord_1" }

      const first = await workflow(carillon.container).run({ input: { id: "1" }, context })
      const second = await workflow(carillon.container).run({ input: { id: "2" }, context })

      expect([first.result, second.result]).toEqual(["charge 1", "charge 2"])
      expect(await runsOf(carillon)).toHaveLength(2)
    })

    it("of an idempotent workflow gives its run back, done or undone", async () => {
      let isDown = true
      const workflow = createWorkflow({ name: "place-order", idempotent: true }, (input: { id: string }) => {
        const charge = step("charge", () => {
          if (isDown) throw new Error("bank is down")
        })
        return new WorkflowResponse(charge(input))
      })
      const carillon = await shop.carillon()
      const place = (transactionId: string, id: string) =>
        workflow(carillon.container).run({ input: { id }, context: { transactionId }, throwOnError: false })

      const undone = await place("ord_1", "1")
      isDown = false
      const again = await place("ord_1", "2")
      const done = await place("ord_2", "3")
      const doneAgain = await place("ord_2", "4")

      expect([undone.transaction.state, again.transaction.state]).toEqual(["reverted", "reverted"])
      expect(again.errors[0]?.error.message).toBe("bank is down")
      expect([done.result, doneAgain.result]).toEqual(["charge 3", "charge 3"])
      expect(shop.log).toEqual(["charge", "undo charge", "charge"])
    })

    it("makes one run of many calls at once, from several processes", async () => {
      const workflow = placing({ idempotent: true })
      const carillons = [await shop.carillon(), await shop.carillon()]
      const calls = Array.from({ length: 60 }, (_, i) =>
        workflow(carillons[i % 2]?.container).run({
          input: { id: String(i) },
          context: { transactionId: `ord_${i % 5}` },
        }),
      )

      const ids = new Set((await Promise.all(calls)).map(({ transaction }) => transaction.runId))

      expect(ids.size).toBe(5)
      expect(shop.log.filter((each) => each === "charge")).toHaveLength(5)
    })

    it("belongs to its workflow, and is made up where none is given", async () => {
      const one = placing()
      const other = createWorkflow("ship-order", (input: { id: string }) => {
        return new WorkflowResponse(step("ship")(input))
      })
      const carillon = await shop.carillon()
      const context = { transactionId: "ord_1" }

      const placed = await one(carillon.container).run({ input: { id: "1" }, context })
      const shipped = await other(carillon.container).run({ input: { id: "1" }, context })
      const nameless = await one(carillon.container).run({ input: { id: "1" } })

      expect(shipped.transaction.runId).not.toBe(placed.transaction.runId)
      expect(nameless.transaction.transactionId).toMatch(/^auto-/)
    })
  })

  describe("cancel", () => {
    it("undoes a run that is done, once", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()
      await workflow(carillon.container).run({ input: { id: "1" }, context: { transactionId: "ord_1" } })

      const { transaction, errors } = await workflow(carillon.container).cancel({ transactionId: "ord_1" })

      expect([transaction.state, errors]).toEqual(["reverted", []])
      expect(shop.log).toEqual(["reserve", "charge", "undo charge", "undo reserve"])
      await expect(workflow(carillon.container).cancel({ transactionId: "ord_1" })).rejects.toBeInstanceOf(
        InvalidInputError,
      )
      expect(shop.log).toHaveLength(4)
    })

    it("aborts what runs, undoes the run, and tells the caller of the run", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("reserve")({ id: "1" })
        createStep("charge", async (_: undefined, { signal }) => {
          shop.log.push("charge")
          await new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason))
          })
        })()
      })
      const carillon = await shop.carillon()
      const running = workflow(carillon.container).run({ context: { transactionId: "ord_1" } })
      running.catch(() => {})
      await until(() => shop.log.includes("charge"))

      const { transaction } = await workflow(carillon.container).cancel({ transactionId: "ord_1" })

      expect(transaction.state).toBe("reverted")
      await expect(running).rejects.toThrow(/cancelled/)
      expect(shop.log).toEqual(["reserve", "charge", "undo reserve"])
    })

    it("reaches the process that has the run", async () => {
      const workflow = createWorkflow("place-order", () => {
        step("reserve")({ id: "1" })
        createStep("charge", async (_: undefined, { signal }) => {
          shop.log.push("charge")
          await new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason))
          })
        })()
      })
      const carillon = await shop.carillon({ heartbeatMs: 100 })
      const running = workflow(carillon.container).run({
        context: { transactionId: "ord_1" },
        throwOnError: false,
      })
      await until(() => shop.log.includes("charge"))
      const other = await shop.carillon()

      const { transaction } = await workflow(other.container).cancel({ transactionId: "ord_1" })

      expect(transaction.state).toBe("reverted")
      expect((await running).transaction.state).toBe("reverted")
      expect(shop.log).toEqual(["reserve", "charge", "undo reserve"])
    })

    it("says when there is no such run, and what is missing", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()

      await expect(workflow(carillon.container).cancel({ transactionId: "ord_9" })).rejects.toMatchObject({
        code: "CARILLON_NOT_FOUND",
        message: expect.stringContaining("ord_9"),
      })
      await expect(workflow(carillon.container).cancel({})).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
      await expect(carillon.workflows.run("no-such-workflow")).rejects.toMatchObject({
        code: "CARILLON_NOT_FOUND",
      })
    })

    it("undoes nothing that never began, however long undoing takes", async () => {
      const { carillon, clock } = await shop.timed()
      const charge = createStep(
        { name: "charge", maxRetries: 1, retryInterval: 30 },
        async (_: undefined, { runId }) => {
          await carillon.workflows.revert(runId)
          return new StepResponse("charged")
        },
        async (_, { attempt }) => {
          shop.log.push(`undo charge ${attempt}`)
          if (attempt === 1) throw new Error("busy")
        },
      )
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        step("reserve")(input)
        charge()
        step("ship")(input)
      })

      const running = workflow(carillon.container).run({ input: { id: "1" }, throwOnError: false })
      const { transaction } = await passUntil(clock, running, 5_000)

      expect(transaction.state).toBe("reverted")
      expect(shop.log).toEqual(["reserve", "undo charge 1", "undo charge 2", "undo reserve"])
    })

    it("between the last step and the end undoes the run: who cancelled was told so", async () => {
      const carillon = await shop.carillon()
      let state = ""
      const last = createStep(
        "charge",
        async (_: undefined, { runId }) => {
          state = (await carillon.workflows.revert(runId)).state
        },
        async () => void shop.log.push("undo charge"),
      )
      const workflow = createWorkflow("place-order", () => {
        last()
      })

      const { transaction } = await workflow(carillon.container).run({ throwOnError: false })

      expect(["invoking", "compensating"]).toContain(state)
      expect(transaction.state).toBe("reverted")
      expect(shop.log).toEqual(["undo charge"])
    })
  })

  describe("time", () => {
    it("that a run has been given undoes it when it is over, also what goes on past failures", async () => {
      const { carillon, clock } = await shop.timed()
      const begun = signal()
      const pack = createStep(
        { name: "pack", continueOnPermanentFailure: true },
        async (_: undefined, { signal: aborted }) => {
          begun.resolve()
          await new Promise((_, reject) => {
            aborted.addEventListener("abort", () => reject(aborted.reason))
          })
        },
        async () => void shop.log.push("undo pack"),
      )
      const workflow = createWorkflow({ name: "place-order", timeout: 60 }, () => {
        step("reserve")({ id: "1" })
        pack()
        step("ship")({ id: "1" })
      })
      const running = workflow(carillon.container).run({ throwOnError: false })
      await begun.promise

      const { transaction, errors } = await passUntil(clock, running, 10_000)

      expect(transaction.state).toBe("reverted")
      expect(errors.some(({ error }) => error.name === "TransactionTimeoutError")).toBe(true)
      expect(shop.log).toEqual(["reserve", "undo pack", "undo reserve"])
    })

    it("that was over is told by the same error to those who follow from another process", async () => {
      const pack = createStep("pack", async (_: undefined, { signal: aborted }) => {
        begun.resolve()
        await new Promise((_resolve, reject) => {
          aborted.addEventListener("abort", () => reject(aborted.reason))
        })
      })
      const begun = signal()
      const workflow = createWorkflow({ name: "place-order", timeout: 60 }, () => void pack(undefined))
      const [{ carillon, clock }, office] = [await shop.timed(), await shop.timed({ start: false })]
      const order = { context: { transactionId: "ord_1" }, throwOnError: false }
      const running = workflow(carillon.container).run(order)
      await begun.promise
      const followed = workflow(office.carillon.container).run(order)

      const held = await passUntil(clock, running, 10_000)
      const read = await passUntil(office.clock, followed, 10_000)

      const names = ({ errors }: typeof read) => errors.map(({ action, error }) => `${action}: ${error.name}`)
      expect(names(read)).toContain("place-order: TransactionTimeoutError")
      expect(names(read)).toEqual(names(held))
      expect(read.transaction.flow.timedOutAt).toBe(held.transaction.flow.timedOutAt)
    })

    it("that a run has been given counts while it waits, too", async () => {
      const { carillon, clock } = await shop.timed()
      const asked = createStep({ name: "pay", async: true }, async () => {})
      const workflow = createWorkflow({ name: "place-order", timeout: 60 }, () => {
        step("reserve")({ id: "1" })
        asked()
      })
      const { transaction } = await workflow(carillon.container).run()

      await passUntil(
        clock,
        until(async () => (await stateOf(carillon, transaction.runId)) === "reverted"),
        10_000,
      )

      expect(shop.log).toEqual(["reserve", "undo reserve"])
    })

    it("that a step has been given undoes the run once the step has answered", async () => {
      const { carillon, clock } = await shop.timed()
      const begun = signal()
      const charge = createStep(
        { name: "charge", timeout: 5, maxRetries: 3 },
        async (_: undefined, { signal: aborted }) => {
          begun.resolve()
          await new Promise((resolve) => {
            aborted.addEventListener("abort", resolve)
          })
          return new StepResponse("charged late")
        },
        async (input) => void shop.log.push(`undo ${input}`),
      )
      const workflow = createWorkflow("place-order", () => {
        charge()
        step("ship")({ id: "1" })
      })
      const running = workflow(carillon.container).run({ throwOnError: false })
      await begun.promise

      const { transaction, errors } = await passUntil(clock, running, 1_000)

      expect(transaction.state).toBe("reverted")
      expect(errors[0]?.error.name).toBe("TransactionStepTimeoutError")
      expect(shop.log).toEqual(["undo charged late"])
    })
  })

  describe("what is kept", () => {
    it("of a run goes after its retention time, and stays without one", async () => {
      const kept = placing()
      const short = createWorkflow({ name: "ship-order", retentionTime: 60 }, () => {
        step("ship")({ id: "1" })
      })
      const { carillon, clock } = await shop.timed()
      const { transaction: stays } = await kept(carillon.container).run({ input: { id: "1" } })
      const { transaction: goes } = await short(carillon.container).run()

      await clock.advance("30s")
      await carillon.prune()
      const early = await stateOf(carillon, goes.runId)
      await clock.advance("31s")
      await carillon.prune()

      expect(early).toBe("done")
      await expect(stateOf(carillon, goes.runId)).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
      expect(await stateOf(carillon, stays.runId)).toBe("done")
    })
  })

  describe("subscribe", () => {
    it("tells of the ends of runs: of all of a workflow here, of one wherever it ends", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()
      const other = await shop.carillon()
      const all: string[] = []
      const one: string[] = []
      await carillon.workflows.subscribe({
        workflowId: "place-order",
        subscriberId: "all",
        subscriber: ({ transactionId, result }) => void all.push(`${transactionId} ${result}`),
      })
      const gate = signal()
      const slow = createWorkflow("ship-order", (input: { id: string }) => {
        return new WorkflowResponse(step("ship", () => gate.promise)(input))
      })
      const shipping = slow(other.container).run({ input: { id: "9" }, context: { transactionId: "ord_9" } })
      await until(() => shop.log.includes("ship"))
      await carillon.workflows.subscribe({
        workflowId: "ship-order",
        transactionId: "ord_9",
        subscriber: ({ eventType, result }) => void one.push(`${eventType} ${result}`),
      })

      await workflow(carillon.container).run({ input: { id: "1" }, context: { transactionId: "ord_1" } })
      await carillon.workflows.unsubscribe({ workflowId: "place-order", subscriberOrId: "all" })
      await workflow(carillon.container).run({ input: { id: "2" }, context: { transactionId: "ord_2" } })
      gate.resolve()
      await shipping
      await until(() => one.length > 0)

      expect(all).toEqual(["ord_1 charge 1"])
      expect(one).toEqual(["onFinish ship 9"])
    })
  })

  describe("a Carillon", () => {
    it("that was not started runs what is run on it", async () => {
      const workflow = placing()
      const carillon = await shop.carillon({ start: false })

      const { result } = await workflow(carillon.container).run({ input: { id: "1" } })

      expect(result).toBe("charge 1")
    })

    it("that was stopped refuses to run anything, and says so", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()
      await carillon.stop()

      await expect(workflow(carillon.container).run({ input: { id: "1" } })).rejects.toMatchObject({
        code: "CARILLON_STOPPED",
      })
      expect(shop.log).toEqual([])
    })

    it("that stops lets steps end within its grace time, and another goes on from there", async () => {
      const gate = signal()
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        step("reserve", () => gate.promise)(input)
        return new WorkflowResponse(step("charge")(input))
      })
      const carillon = await shop.carillon({ graceMs: 5_000 })
      const running = workflow(carillon.container).run({
        input: { id: "1" },
        context: { transactionId: "ord_1" },
      })
      running.catch(() => {})
      await until(() => shop.log.length === 1)

      const stopping = carillon.stop()
      gate.resolve()
      await stopping
      const other = await shop.carillon()
      const { result } = await workflow(other.container).run({
        input: { id: "1" },
        context: { transactionId: "ord_1" },
      })

      await expect(running).rejects.toMatchObject({ code: "CARILLON_STOPPED" })
      expect(result).toBe("charge 1")
      expect(shop.log).toEqual(["reserve", "charge"])
    })

    it("that stops leaves a step that does not end, which another does again under the same key", async () => {
      const keys: string[] = []
      let hangs = true
      const charge = createStep("charge", async (_: undefined, { idempotencyKey, signal: aborted }) => {
        keys.push(idempotencyKey)
        if (hangs) await new Promise(() => {})
        shop.log.push(`aborted ${aborted.aborted}`)
      })
      const workflow = createWorkflow("place-order", () => {
        charge()
      })
      const carillon = await shop.carillon({ graceMs: 50 })
      const running = workflow(carillon.container).run({ context: { transactionId: "ord_1" } })
      running.catch(() => {})
      await until(() => keys.length === 1)

      await carillon.stop()
      hangs = false
      const other = await shop.carillon()
      const { transaction } = await workflow(other.container).run({ context: { transactionId: "ord_1" } })

      expect(transaction.state).toBe("done")
      expect(keys).toHaveLength(2)
      expect(keys[1]).toBe(keys[0])
      expect(shop.log).toEqual(["aborted false"])
    })

    it("that runs much at once ends all of it, each with its own", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()

      const outcomes = await Promise.all(
        Array.from({ length: 300 }, (_, i) => workflow(carillon.container).run({ input: { id: String(i) } })),
      )

      expect(outcomes.map(({ result }) => result)).toEqual(
        Array.from({ length: 300 }, (_, i) => `charge ${i}`),
      )
    })
  })

  describe("bad input", () => {
    it("is refused before anything is written, with words about it", async () => {
      const workflow = placing()
      const carillon = await shop.carillon()
      const run = (request: object) => workflow(carillon.container).run(request as never)

      await expect(run({ input: { id: 7n } })).rejects.toMatchObject({ code: "CARILLON_UNSERIALISABLE" })
      for (const transactionId of ["", "x".repeat(256), "ord\u0000", 7])
        await expect(run({ context: { transactionId } })).rejects.toMatchObject({
          code: "CARILLON_INVALID_INPUT",
          message: expect.stringContaining("transactionId"),
        })
      await expect(run({ context: { eventGroupId: "x".repeat(256) } })).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
      await expect(run({ context: { metadata: { total: 7n } } })).rejects.toMatchObject({
        code: "CARILLON_UNSERIALISABLE",
      })
      await expect(run({ context: { metadata: "by Ada" } })).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
      expect(await runsOf(carillon)).toEqual([])
      expect(shop.log).toEqual([])
    })

    it("of steps is a failure of theirs: what cannot be written, what throws no error", async () => {
      const unwritable = createStep("reserve", async () => new StepResponse({ total: 7n }))
      const nothing = createStep("charge", async () => {
        throw undefined
      })
      const first = createWorkflow("reserve-order", () => {
        unwritable()
      })
      const second = createWorkflow("charge-order", () => {
        nothing()
      })
      const carillon = await shop.carillon()

      const one = await first(carillon.container).run({ throwOnError: false })
      const two = await second(carillon.container).run({ throwOnError: false })

      expect(one.errors[0]?.error.message).toMatch(/output of step `reserve`.*7n/)
      expect(two.errors[0]?.error).toBeInstanceOf(Error)
      expect([one.transaction.state, two.transaction.state]).toEqual(["reverted", "reverted"])
    })

    it("of a result undoes the run", async () => {
      const charge = step("charge")
      const workflow = createWorkflow("place-order", (input: { id: string }) => {
        charge(input)
        return new WorkflowResponse({ total: 7n })
      })
      const carillon = await shop.carillon()

      await expect(workflow(carillon.container).run({ input: { id: "1" } })).rejects.toMatchObject({
        code: "CARILLON_UNSERIALISABLE",
      })
      expect(shop.log).toEqual(["charge", "undo charge"])
    })

    it("such as NUL, half a pair and a megabyte comes through the store unchanged", async () => {
      const value = {
        nul: "a\u0000b",
        half: "\ud800",
        long: "x".repeat(1_000_000),
        date: { $date: "no date" },
      }
      const echo = createStep("echo", async (input: typeof value) => new StepResponse(input))
      const workflow = createWorkflow("echo", (input: typeof value) => new WorkflowResponse(echo(input)))
      const carillon = await shop.carillon()

      const { result, transaction } = await workflow(carillon.container).run({ input: value })

      expect(result).toEqual(value)
      expect((await carillon.workflows.retrieve(transaction.runId)).result).toEqual(value)
    })

    it("such as NUL in an error's words does not keep the run from ending", async () => {
      const charge = createStep("charge", async () => {
        throw Object.assign(new Error("nul \u0000 and half \ud800"), {
          name: "Nul\u0000Error",
          code: "X\u0000",
        })
      })
      const workflow = createWorkflow("place-order", () => {
        charge()
      })
      const carillon = await shop.carillon()

      const { transaction, errors } = await workflow(carillon.container).run({ throwOnError: false })

      expect(transaction.state).toBe("reverted")
      expect(errors[0]?.error.message).toContain("nul")
      expect((await carillon.workflows.retrieve(transaction.runId)).error).toContain("nul")
    })
  })
})
