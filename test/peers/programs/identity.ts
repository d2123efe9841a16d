import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }

const kept = { retentionTime: 60 }

export const identity: readonly Program[] = [
  {
    key: "context",
    finding: "tells a step where it is, and gives it a key that stays the same",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const facts = (context: Record<string, unknown>) =>
        [
          "workflowId",
          "stepName",
          "action",
          "attempt",
          "idempotencyKey",
          "transactionId",
          "eventGroupId",
        ].map((name) => `${name}=${context[name]}`)
      const told: string[] = []
      const charge = stage.sdk.createStep(
        { name: "charge", maxRetries: 1 },
        (_: unknown, context) => {
          told.push(facts(context as never).join(" "))
          const { transactionId, eventGroupId } = context.context
          told.push(`context: ${transactionId} ${eventGroupId}`)
          if (context.attempt === 1) throw new Error("again")
          return new StepResponse("charged")
        },
        (_: unknown, context) => {
          told.push(facts(context as never).join(" "))
        },
      )
      const workflow = stage.workflow(() => {
        charge()
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow, { context: { transactionId: "trx_1", eventGroupId: "grp_1" } })
      stage.note("told", told)
    },
  },
  {
    key: "own-ids",
    finding: "makes a transaction id and an event group of its own",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const look = stage.sdk.createStep(
        "look",
        (_: unknown, { transactionId, eventGroupId, idempotencyKey }) => {
          const told = [transactionId.slice(0, 5), typeof eventGroupId, eventGroupId.length > 5]
          return new StepResponse([...told, idempotencyKey === `${stage.id}:${transactionId}:look:invoke`])
        },
      )
      const workflow = stage.workflow(() => new WorkflowResponse(look()))

      const answer = await stage.run(workflow)
      stage.note("transaction id begins", answer?.transaction.transactionId.slice(0, 5))
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
    key: "cancelled-and-run-again",
    finding: "runs a transaction id again whose run was cancelled",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const workflow = stage.workflow((input) => new WorkflowResponse(stage.step("charge")(input)), kept)

      await stage.run(workflow, { input: 1, context: trx, as: "first" })
      await stage.cancel(workflow, { transactionId: "trx_1" })
      await stage.run(workflow, { input: 2, context: trx, as: "second" })
    },
  },
  {
    key: "waiting-and-run-again",
    finding: "gives back a run that waits to who runs its transaction id again",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow((input) => {
        stage.step("reserve")(input)
        return new WorkflowResponse(wait(2))
      }, kept)

      await stage.run(workflow, { input: 1, context: trx, as: "first" })
      await stage.called("approve")
      await stage.quiet()
      await stage.run(workflow, { input: 2, context: trx, as: "second" })
      await stage.succeed("trx_1", "approve", "yes")
      await stage.ended("trx_1")
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
