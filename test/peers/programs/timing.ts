import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }

// Long enough for a busy machine to tell in time from too late.
const TIMEOUT = 1
const TOO_LONG_MS = 1_600
const RETRY_INTERVAL = 0.5
const isPause = (ms: number): boolean => ms > 300

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
  {
    key: "retry-interval",
    finding: "lets time pass before it tries again",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const at: number[] = []
      const charge = stage.step(
        { name: "charge", maxRetries: 2, retryInterval: RETRY_INTERVAL },
        (_: unknown, { attempt }) => {
          at.push(performance.now())
          if (attempt < 3) throw new Error("declined")
          return new StepResponse("charged")
        },
      )
      const workflow = stage.workflow(() => new WorkflowResponse(stage.step("ship")(charge(1))), kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
      const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0))
      stage.note("pauses before the next attempt", gaps.filter(isPause).length)
    },
  },
  {
    key: "retry-interval-in-the-background",
    finding: "lets time pass before it tries a background step again",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const config = { name: "charge", async: true, maxRetries: 2, retryInterval: RETRY_INTERVAL }
      const at: number[] = []
      const charge = stage.step(config, (_: unknown, { attempt }) => {
        at.push(performance.now())
        if (attempt < 3) throw new Error("declined")
        return new StepResponse("charged")
      })
      const workflow = stage.workflow(() => new WorkflowResponse(stage.step("ship")(charge(1))), kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
      const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0))
      stage.note("pauses before the next attempt", gaps.filter(isPause).length)
    },
  },
  {
    key: "no-retry-by-itself",
    finding: "waits for an operator after a failure when it shall not try again by itself",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step(
        { name: "charge", maxRetries: 2, autoRetry: false },
        (_: unknown, { attempt }) => {
          if (attempt === 1) throw new Error("declined")
          return new StepResponse("charged")
        },
      )
      const workflow = stage.workflow(() => new WorkflowResponse(charge(1)), { ...kept, store: true })
      const key = { workflowId: stage.id, ...trx, stepId: "charge", action: "invoke" }

      await stage.run(workflow, { context: trx })
      await stage.quiet()
      await stage.look("trx_1", "while it waits")
      const retried = await stage.ask("retry", () => stage.engine.retryStep({ idempotencyKey: key }))
      if (retried === null) await stage.run(workflow, { context: trx, as: "run again" })
      await stage.ended("trx_1")
    },
  },
  {
    key: "schedule",
    finding: "starts a workflow by its schedule, as often as it says",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const tick = stage.sdk.createStep("tick", (_: unknown, { container }) => {
        stage.note("sees the container", typeof container.resolve("event_bus"))
        ticks += 1
      })
      let ticks = 0
      stage.workflow(() => new WorkflowResponse(tick(1)), {
        schedule: { interval: 1_000, numberOfExecutions: 2 },
      })

      await stage.until(() => ticks >= 2)
      await stage.quiet(1_300)
      stage.note("ticks", ticks)
    },
  },
]
