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
]
