import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }

// Long enough for a busy machine to tell a pause from none.
const RETRY_INTERVAL = 0.5
const isPause = (ms: number): boolean => ms > 300

export const retrying: readonly Program[] = [
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
]
