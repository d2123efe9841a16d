import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

export const failing: readonly Program[] = [
  {
    key: "undoes-in-reverse",
    finding: "undoes earlier steps in reverse, the failed one with nothing, and never begins the later ones",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const reserve = stage.step("reserve", () => new StepResponse("reserved", { undo: "reservation" }))
      const [charge, ship] = [stage.step("charge"), stage.step("ship", stage.fail("no courier"))]
      const workflow = stage.workflow((input) => {
        reserve(input)
        charge(2)
        ship(3)
        stage.step("notify")(4)
        return new WorkflowResponse("never")
      })

      await stage.run(workflow, { input: 1 })
    },
  },
  {
    key: "throws-by-itself",
    finding: "throws the first error unless told not to",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      class PriceError extends Error {
        override readonly name = "PriceError"
        readonly code = "price_gone"
      }
      const price = stage.step("price", () => {
        throw new PriceError("no price")
      })
      const workflow = stage.workflow(() => new WorkflowResponse(price()))

      await stage.run(workflow, { throwOnError: true })
      const thrown = await workflow(stage.container)
        .run()
        .catch((error: unknown) => error)
      stage.note("code", (thrown as { code?: string }).code)
      stage.note("is an Error", thrown instanceof Error)
      stage.note("is the class that was thrown", thrown instanceof PriceError)
      stage.note("has a stack", typeof (thrown as Error).stack)
    },
  },
  {
    key: "odd-errors",
    finding: "makes an error of whatever is thrown",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const thrown = {
        text: "no price",
        plain: { message: "no stock", code: 7 },
        bare: { code: 8 },
        nothing: undefined,
      }
      for (const [name, error] of Object.entries(thrown)) {
        const step = stage.step(name, () => {
          throw error
        })
        const workflow = stage.sdk.createWorkflow(`${stage.id}-${name}`, () => new WorkflowResponse(step()))
        await stage.run(workflow, { as: name })
      }
    },
  },
  {
    key: "retries",
    finding: "tries again as often as it was told, at once",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step({ name: "charge", maxRetries: 3 }, (_: unknown, { attempt }) => {
        if (attempt < 3) throw new Error(`declined ${attempt}`)
        return new StepResponse("charged")
      })
      const ship = stage.step({ name: "ship", maxRetries: 2 }, stage.fail("no courier"))
      const workflow = stage.workflow(() => new WorkflowResponse(ship(charge(1))))

      await stage.run(workflow)
    },
  },
  {
    key: "permanent-failure",
    finding: "does not try again what failed for good, and undoes it with what it said",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step({ name: "charge", maxRetries: 3 }, () =>
        StepResponse.permanentFailure("card stolen", { payment: "pay_1" }),
      )
      const workflow = stage.workflow(() => {
        stage.step("reserve")()
        return new WorkflowResponse(charge(1))
      })

      await stage.run(workflow)
    },
  },
  {
    key: "permanent-failure-bare",
    finding: "has words for a failure without any",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step("charge", () => StepResponse.permanentFailure())
      const workflow = stage.workflow(() => new WorkflowResponse(charge(1)))

      await stage.run(workflow)
    },
  },
  {
    key: "skip",
    finding: "goes on after a step that skipped itself, and does not undo it",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const gift = stage.step("gift", () => StepResponse.skip())
      const workflow = stage.workflow(() => {
        const output = gift(1)
        stage.step("look")({ output })
        return new WorkflowResponse({ output })
      })
      const undone = stage.sdk.createWorkflow(`${stage.id}-undone`, () => {
        gift(2)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      const answer = await stage.run(workflow)
      stage.note("has skipped steps", answer?.transaction.getFlow().hasSkippedSteps)
      await stage.run(undone, { as: "undone" })
    },
  },
  {
    key: "continue-on-failure",
    finding: "completes although a step failed that need not succeed, and says so",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const notify = stage.step(
        { name: "notify", continueOnPermanentFailure: true, maxRetries: 1 },
        stage.fail("no mail"),
      )
      const workflow = stage.workflow(() => {
        const output = notify(1)
        return new WorkflowResponse({ shipped: stage.step("ship")({ output }), output })
      })

      const answer = await stage.run(workflow)
      stage.note("has failed steps", answer?.transaction.getFlow().hasFailedSteps)
      await stage.run(workflow, { throwOnError: true, as: "throwing" })
    },
  },
  {
    key: "continue-then-undo",
    finding: "undoes also the step that was let fail, when a later one fails",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const notify = stage.step({ name: "notify", continueOnPermanentFailure: true }, stage.fail("no mail"))
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        notify(2)
        stage.step("ship", stage.fail("no courier"))(3)
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "skip-the-rest",
    finding: "leaves out all that follows a step that failed",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const gift = stage.step({ name: "gift", skipOnPermanentFailure: true }, stage.fail("no gift"))
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        gift(2)
        stage.step("wrap")(3)
        return new WorkflowResponse({ card: stage.step("card")(4) })
      })

      const answer = await stage.run(workflow)
      stage.note("has failed steps", answer?.transaction.getFlow().hasFailedSteps)
    },
  },
  {
    key: "skip-up-to",
    finding: "leaves out what follows a step that failed, up to the step that was named",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const gift = stage.step({ name: "gift", skipOnPermanentFailure: "ship" }, stage.fail("no gift"))
      const workflow = stage.workflow(() => {
        gift(1)
        stage.step("wrap")(2)
        stage.step("card")(3)
        stage.step("ship")(4)
        return new WorkflowResponse("shipped")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "sibling-fails",
    finding: "lets the siblings of a step that failed come to their end, and undoes them",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const slow = stage.step("slow", async () => {
        await sleep(50)
        return new StepResponse("slow done")
      })
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        parallelize(slow(2), stage.step("bad", stage.fail())(3))
        stage.step("later")(4)
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "siblings-fail",
    finding: "tells of all siblings that failed",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const workflow = stage.workflow(() => {
        parallelize(stage.step("one", stage.fail("first"))(), stage.step("two", stage.fail("second"))())
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
      await stage.run(workflow, { throwOnError: true, as: "throwing" })
    },
  },
  {
    key: "sibling-retries",
    finding: "tries one sibling again and goes on once",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const flaky = stage.step({ name: "flaky", maxRetries: 2 }, (_: unknown, { attempt }) => {
        if (attempt < 3) throw new Error("not yet")
        return new StepResponse("at last")
      })
      const workflow = stage.workflow(() => {
        const both = parallelize(stage.step("sure")(1), flaky(2))
        return new WorkflowResponse(stage.step("join")(both))
      })

      await stage.run(workflow)
    },
  },
]
