import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

export const cancelling: readonly Program[] = [
  {
    key: "cancel-after-the-end",
    finding: "undoes a run that is done, by its transaction",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const workflow = stage.workflow(() => {
        stage.step("reserve", () => new StepResponse("reserved", "reservation"))(1)
        return new WorkflowResponse(stage.step("charge")(2))
      })

      const answer = await stage.run(workflow, { context: { transactionId: "trx_1" } })
      await stage.cancel(workflow, { transaction: answer?.transaction })
    },
  },
  {
    key: "cancel-by-id",
    finding: "undoes a run that is done and kept, by its id; not twice",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const workflow = stage.workflow(() => new WorkflowResponse(stage.step("charge")(2)), {
        retentionTime: 60,
      })

      await stage.run(workflow, { context: { transactionId: "trx_1" } })
      await stage.cancel(workflow, { transactionId: "trx_1" })
      await stage.look("trx_1", "kept")
      await stage.cancel(workflow, { transactionId: "trx_1", as: "cancel again" })
      await stage.cancel(workflow, { transactionId: "trx_2", as: "cancel what never was" })
    },
  },
  {
    key: "cancel-unkept",
    finding: "undoes a run that is done although its workflow says nothing of keeping it",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const workflow = stage.workflow(() => new WorkflowResponse(stage.step("charge")(2)))

      await stage.run(workflow, { context: { transactionId: "trx_1" } })
      await stage.cancel(workflow, { transactionId: "trx_1" })
    },
  },
  {
    key: "cancel-failed",
    finding: "does not cancel a run that was undone by itself",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const reverted = stage.workflow(() => new WorkflowResponse(stage.step("bad", stage.fail())(1)), {
        retentionTime: 60,
      })
      const failed = stage.sdk.createWorkflow({ name: `${stage.id}-failed`, retentionTime: 60 }, () => {
        stage.step("stuck", () => new StepResponse(1), stage.fail("cannot undo"))(1)
        return new WorkflowResponse(stage.step("bad", stage.fail())(1))
      })

      await stage.run(reverted, { context: { transactionId: "trx_1" }, as: "reverted run" })
      await stage.cancel(reverted, { transactionId: "trx_1", as: "cancel of the reverted one" })
      await stage.run(failed, { context: { transactionId: "trx_1" }, as: "failed run" })
      await stage.cancel(failed, { transactionId: "trx_1", as: "cancel of the failed one" })
    },
  },
  {
    key: "cancel-waiting",
    finding: "undoes a run that waits",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(
        () => {
          stage.step("reserve")(1)
          wait(2)
          return new WorkflowResponse(stage.step("ship")(3))
        },
        { retentionTime: 60 },
      )

      await stage.run(workflow, { context: { transactionId: "trx_1" } })
      await stage.called("approve")
      await stage.quiet()
      await stage.cancel(workflow, { transactionId: "trx_1" })
      await stage.ended("trx_1", { patienceMs: 1_000 })
    },
  },
  {
    key: "cancel-in-a-step",
    finding: "undoes a run that was cancelled in the middle of a step",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step("charge", async () => {
        await sleep(200)
        return new StepResponse("charged")
      })
      const workflow = stage.workflow(
        () => {
          stage.step("reserve")(1)
          charge(2)
          return new WorkflowResponse(stage.step("ship")(3))
        },
        { retentionTime: 60, store: true },
      )

      const running = stage.run(workflow, { context: { transactionId: "trx_1" } })
      await stage.called("charge")
      await stage.cancel(workflow, { transactionId: "trx_1" })
      await running
      await stage.ended("trx_1")
      await stage.quiet()
    },
  },
]
