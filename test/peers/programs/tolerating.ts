import type { Program } from "../stage.ts"

export const tolerating: readonly Program[] = [
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
    key: "skip-the-rest-then-nothing",
    finding: "completes when the last step failed that lets the rest be skipped",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const gift = stage.step({ name: "gift", skipOnPermanentFailure: true }, stage.fail("no gift"))
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        return new WorkflowResponse({ gift: gift(2) })
      })

      await stage.run(workflow)
    },
  },
]
