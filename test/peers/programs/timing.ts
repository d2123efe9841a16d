import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }

// Long enough for a busy machine to tell in time from too late.
const TIMEOUT = 1
const TOO_LONG_MS = 1_600

export const timing: readonly Program[] = [
  {
    key: "step-timeout",
    finding: "undoes a run whose step took too long",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const slow = stage.step({ name: "slow", timeout: TIMEOUT }, async () => {
        await sleep(TOO_LONG_MS)
        return new StepResponse("late")
      })
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        slow(2)
        return new WorkflowResponse(stage.step("ship")(3))
      }, kept)

      await stage.run(workflow, { context: trx })
    },
  },
  {
    key: "step-timeout-goes-on",
    finding: "goes on after a step that took too long and need not succeed",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const slow = stage.step(
        { name: "slow", timeout: TIMEOUT, continueOnPermanentFailure: true },
        async () => {
          await sleep(TOO_LONG_MS)
          return new StepResponse("late")
        },
      )
      const workflow = stage.workflow(() => {
        const output = slow(2)
        return new WorkflowResponse({ output, shipped: stage.step("ship")({ output }) })
      }, kept)

      await stage.run(workflow, { context: trx })
    },
  },
  {
    key: "step-in-time",
    finding: "does not mind a time limit that is kept",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const quick = stage.step({ name: "quick", timeout: 10 })
      const workflow = stage.workflow(() => new WorkflowResponse(quick(1)), { ...kept, timeout: 20 })

      await stage.run(workflow, { context: trx })
    },
  },
  {
    key: "waiting-step-timeout",
    finding: "undoes a run whose waiting step was not ended in time",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true, timeout: TIMEOUT }, () => undefined)
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        return new WorkflowResponse(wait(2))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
    },
  },
  {
    key: "run-timeout",
    finding: "undoes a run that took too long, whatever its steps say of going on",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const slow = stage.step({ name: "slow", continueOnPermanentFailure: true }, async () => {
        await sleep(TOO_LONG_MS)
        return new StepResponse("late")
      })
      const workflow = stage.workflow(
        () => {
          stage.step("reserve")(1)
          slow(2)
          return new WorkflowResponse(stage.step("ship")(3))
        },
        { ...kept, timeout: TIMEOUT },
      )

      await stage.run(workflow, { context: trx })
    },
  },
  {
    key: "waiting-run-timeout",
    finding: "undoes a run that waited too long",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(
        () => {
          stage.step("reserve")(1)
          return new WorkflowResponse(wait(2))
        },
        { ...kept, timeout: TIMEOUT },
      )

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
    },
  },
]
