import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

export const identity: readonly Program[] = [
  {
    key: "step-twice",
    finding: "refuses a step's name that is taken, and takes another one",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const charge = stage.step("charge")
      stage.attempt("twice", () =>
        stage.workflow(() => {
          charge(1)
          charge(2)
          return new WorkflowResponse("never")
        }),
      )
      const renamed = stage.sdk.createWorkflow(`${stage.id}-renamed`, () => {
        const first = charge(1)
        const second = charge(2).config({ name: "charge-again" })
        return new WorkflowResponse({ first, second })
      })

      await stage.run(renamed)
    },
  },
  {
    key: "workflow-twice",
    finding: "refuses a workflow's name with other steps, and takes it with the same",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const [one, two] = [stage.step("one"), stage.step("two")]
      stage.attempt("first", () => stage.workflow(() => new WorkflowResponse(one(1))))
      stage.attempt("same", () => stage.workflow(() => new WorkflowResponse(one(1))))
      stage.attempt("other", () => stage.workflow(() => new WorkflowResponse(two(1))))
    },
  },
  {
    key: "outside",
    finding: "refuses steps outside of a workflow",
    async play(stage) {
      const { parallelize } = stage.sdk
      stage.attempt("step", () => stage.step("lonely")(1))
      stage.attempt("parallelize", () => parallelize())
    },
  },
  {
    key: "same-id-after-the-end",
    finding: "runs a transaction id again whose run has ended",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const workflow = stage.workflow((input) => new WorkflowResponse(stage.step("charge")(input)))

      const context = { transactionId: "trx_1" }
      await stage.run(workflow, { input: 1, context, as: "first" })
      await stage.run(workflow, { input: 2, context, as: "second" })
    },
  },
  {
    key: "idempotent",
    finding: "gives back the first run of an idempotent workflow",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step("charge", (input: number) => new StepResponse(`charged ${input}`))
      const workflow = stage.workflow((input) => new WorkflowResponse(charge(input)), {
        idempotent: true,
        retentionTime: 60,
      })

      const context = { transactionId: "trx_1" }
      await stage.run(workflow, { input: 1, context, as: "first" })
      await stage.run(workflow, { input: 2, context, as: "second" })
    },
  },
  {
    key: "idempotent-failed",
    finding: "gives back a reverted run of an idempotent workflow",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const workflow = stage.workflow(
        () => new WorkflowResponse(stage.step("charge", stage.fail("declined"))(1)),
        {
          idempotent: true,
          retentionTime: 60,
        },
      )

      const context = { transactionId: "trx_1" }
      await stage.run(workflow, { context, as: "first" })
      await stage.run(workflow, { context, as: "second" })
    },
  },
  {
    key: "same-id-side-by-side",
    finding: "does not run a transaction id twice at the same time",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step("charge", async (input: number) => {
        await sleep(150)
        return new StepResponse(`charged ${input}`)
      })
      const workflow = stage.workflow((input) => new WorkflowResponse(charge(input)), { store: true })

      const context = { transactionId: "trx_1" }
      const first = stage.run(workflow, { input: 1, context, as: "first" })
      await stage.called("charge")
      await stage.run(workflow, { input: 2, context, as: "second" })
      await first
    },
  },
  {
    key: "unknown-workflow",
    finding: "says that a workflow is unknown",
    needs: "engine",
    async play(stage) {
      const unknown = `${stage.id}-nowhere`
      await stage.ask("run", () => stage.engine.run(unknown, {}))
      await stage.ask("cancel", () => stage.engine.cancel(unknown, { transactionId: "trx_1" }))
    },
  },
  {
    key: "by-the-engine",
    finding: "runs a workflow by its id, and throws what its steps threw",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      stage.workflow((input) => new WorkflowResponse(stage.step("charge")(input)))
      stage.sdk.createWorkflow(
        `${stage.id}-fails`,
        () => new WorkflowResponse(stage.step("bad", stage.fail())(1)),
      )
      stage.sdk.createWorkflow(
        `${stage.id}-goes-on`,
        () =>
          new WorkflowResponse(
            stage.step({ name: "mail", continueOnPermanentFailure: true }, stage.fail("no mail"))(1),
          ),
      )

      const answer = await stage.ask("run", () =>
        stage.engine.run(stage.id, { input: 1, transactionId: "trx_1" }),
      )
      stage.note("transaction", answer?.transaction.transactionId)
      await stage.ask("fails", () => stage.engine.run(`${stage.id}-fails`))
      await stage.ask("fails quietly", () => stage.engine.run(`${stage.id}-fails`, { throwOnError: false }))
      await stage.ask("goes on", () => stage.engine.run(`${stage.id}-goes-on`))
    },
  },
  {
    key: "kept-or-not",
    finding: "keeps an ended run as long as the workflow says",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const kept = stage.workflow(() => new WorkflowResponse(stage.step("charge")(1)), { retentionTime: 60 })
      const plain = stage.sdk.createWorkflow(
        `${stage.id}-plain`,
        () => new WorkflowResponse(stage.step("charge")(1)),
      )

      await stage.run(kept, { context: { transactionId: "trx_1" }, as: "kept run" })
      await stage.run(plain, { context: { transactionId: "trx_1" }, as: "plain run" })
      await stage.look("trx_1", "kept")
      await stage.look("trx_1", "plain", `${stage.id}-plain`)
    },
  },
]
