import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }
/** Long enough for the call that began it to have answered. */
const BEHIND_MS = 200

export const waiting: readonly Program[] = [
  {
    key: "waits-for-success",
    finding: "waits at a step without an answer, and goes on with the one that comes",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow((input) => {
        stage.step("reserve")(input)
        const approved = wait(2)
        return new WorkflowResponse({ approved, shipped: stage.step("ship")({ id: approved.id }) })
      }, kept)

      await stage.run(workflow, { input: 1, context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.look("trx_1", "while it waits")
      await stage.succeed("trx_1", "approve", { id: "ok_1" })
      await stage.ended("trx_1")
    },
  },
  {
    key: "waits-and-fails",
    finding: "undoes a run whose waiting step is refused",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        wait(2)
        return new WorkflowResponse(stage.step("ship")(3))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.refuse("trx_1", "approve", { name: "Refusal", message: "too dear" })
      await stage.ended("trx_1")
    },
  },
  {
    key: "refused-and-retried",
    finding: "lets a refused step run again while it has attempts left, unless it is refused for good",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true, maxRetries: 2 }, () => undefined)
      const workflow = stage.workflow(() => new WorkflowResponse(wait(2)), kept)

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.refuse("trx_1", "approve", { message: "not yet" })
      await stage.called("approve", 2)
      await stage.quiet()
      await stage.refuse("trx_1", "approve", { message: "never" }, true)
      await stage.ended("trx_1")
    },
  },
  {
    key: "undoes-what-waited",
    finding: "undoes a step that was ended from outside with what it was ended with",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const plain = stage.step({ name: "plain", async: true }, () => undefined)
      const full = stage.step({ name: "full", async: true }, () => undefined)
      const workflow = stage.workflow(() => {
        plain(1)
        full(2)
        return new WorkflowResponse(stage.step("fail", stage.fail())(3))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("plain")
      await stage.quiet()
      await stage.succeed("trx_1", "plain", { id: "ok_1" })
      await stage.called("full")
      await stage.quiet()
      await stage.succeed("trx_1", "full", new StepResponse({ id: "ok_2" }, "undo ok_2"))
      await stage.ended("trx_1")
    },
  },
  {
    key: "five-from-outside",
    finding: "goes on once after five steps that are ended from outside at the same time",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const names = ["one", "two", "three", "four", "five"]
      const steps = names.map((name) => stage.step({ name, async: true }, () => undefined))
      const workflow = stage.workflow(() => {
        const all = parallelize(...steps.map((step) => step(1)))
        return new WorkflowResponse(stage.step("join")({ all }))
      }, kept)

      await stage.run(workflow, { context: trx })
      await Promise.all(names.map((name) => stage.called(name)))
      await stage.quiet()
      const ended = names.map((stepId) => {
        const key = { workflowId: stage.id, ...trx, stepId, action: "invoke" }
        return stage.engine.setStepSuccess({ idempotencyKey: key, stepResponse: stepId }).then(
          () => "taken",
          (error: Error) => error.message,
        )
      })
      stage.note("answers", await Promise.all(ended))
      await stage.ended("trx_1")
    },
  },
  {
    key: "retry-step",
    finding: "runs a waiting step again when an operator asks for it",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, async (_: unknown, { attempt }) => {
        if (attempt === 1) return undefined
        await sleep(BEHIND_MS)
        return new StepResponse(`attempt ${attempt}`)
      })
      const workflow = stage.workflow(() => new WorkflowResponse(wait(1)), kept)
      const key = { workflowId: stage.id, ...trx, stepId: "approve", action: "invoke" }

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.ask("retry", () => stage.engine.retryStep({ idempotencyKey: key }))
      await stage.ended("trx_1")
      await stage.ask("retry after the end", () => stage.engine.retryStep({ idempotencyKey: key }))
    },
  },
  {
    key: "waiting-beside-failing",
    finding: "undoes a run when a step fails beside one that waits, once that has ended",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(() => {
        parallelize(wait(1), stage.step("bad", stage.fail("declined"))(2))
        return new WorkflowResponse("never")
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet(300)
      await stage.look("trx_1", "while it waits")
      await stage.succeed("trx_1", "approve", "approved")
      await stage.ended("trx_1")
    },
  },
  {
    key: "odd-responses",
    finding: "takes any response for a step that waits",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const responses = { zero: 0, no: false, text: "", none: null, absent: undefined, list: [1, { a: 2 }] }
      const workflow = stage.workflow(() => {
        const outputs = Object.keys(responses).map((name) =>
          stage.step({ name, async: true }, () => undefined)(1),
        )
        return new WorkflowResponse(stage.step("look")({ outputs }))
      }, kept)

      await stage.run(workflow, { context: trx })
      for (const [name, response] of Object.entries(responses)) {
        await stage.called(name)
        await stage.quiet(100)
        const key = { workflowId: stage.id, ...trx, stepId: name, action: "invoke" }
        await stage.engine.setStepSuccess({ idempotencyKey: key, stepResponse: response })
      }
      await stage.ended("trx_1")
    },
  },
  {
    key: "key-as-text",
    finding: "takes the idempotency key that the step was given",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      let key = ""
      const wait = stage.step({ name: "approve", async: true }, (_: unknown, { idempotencyKey }) => {
        key = idempotencyKey
      })
      const workflow = stage.workflow(() => new WorkflowResponse(wait(1)), kept)

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.ask("succeed", () =>
        stage.engine.setStepSuccess({ idempotencyKey: key, stepResponse: "yes" }),
      )
      await stage.ended("trx_1")
    },
  },
]
