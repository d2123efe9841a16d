import type { Later, Step, StepKey, Workflow } from "../sdk.ts"
import type { Program, Stage } from "../stage.ts"

export const nested: readonly Program[] = [
  {
    key: "child",
    finding: "runs a workflow as a step of another, in the same event group",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const seen: unknown[] = []
      const look = stage.step("charge", (total: number, context) => {
        seen.push([context.workflowId, context.transactionId, context.eventGroupId])
        return new StepResponse(total + 1)
      })
      const child = stage.sdk.createWorkflow(
        `${stage.id}-pay`,
        (input) => new WorkflowResponse(look(input.total)),
      )
      const parent = stage.workflow((input) => {
        stage.step("reserve")(1)
        const paid = child.runAsStep({ input: { total: input.total } })
        return new WorkflowResponse({ paid, shipped: stage.step("ship")(paid) })
      })

      await stage.run(parent, {
        input: { total: 4 },
        context: { transactionId: "trx_1", eventGroupId: "grp_1" },
      })
      stage.note("the child saw", seen)
    },
  },
  {
    key: "child-undone",
    finding: "undoes a child in its place when its parent fails",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const child = stage.sdk.createWorkflow(`${stage.id}-pay`, () => {
        stage.step("authorize")(1)
        return new WorkflowResponse(stage.step("capture")(2))
      })
      const parent = stage.workflow((input) => {
        stage.step("reserve")(1)
        child.runAsStep({ input })
        stage.step("ship")(3)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(parent, { input: { total: 4 } })
    },
  },
  {
    key: "child-fails",
    finding: "fails the parent with its child's error, and undoes the child once",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const child = stage.sdk.createWorkflow(`${stage.id}-pay`, () => {
        stage.step("authorize")(1)
        return new WorkflowResponse(stage.step("capture", stage.fail("declined"))(2))
      })
      const parent = stage.workflow((input) => {
        stage.step("reserve")(1)
        return new WorkflowResponse(child.runAsStep({ input }))
      })

      await stage.run(parent, { input: { total: 4 } })
    },
  },
  {
    key: "child-twice",
    finding: "runs a child twice under two names",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const pay = stage.step("charge", (input: { id: string }) => new StepResponse(input.id))
      const child = stage.sdk.createWorkflow(
        `${stage.id}-pay`,
        (input) => new WorkflowResponse(pay({ id: input.id })),
      )
      const parent = stage.workflow(() => {
        const first = child.runAsStep({ input: { id: "first" } }).config({ name: "pay-first" })
        const second = child.runAsStep({ input: { id: "second" } }).config({ name: "pay-second" })
        return new WorkflowResponse({ first, second })
      })

      await stage.run(parent)
    },
  },
  {
    key: "child-events",
    finding: "lets no event of a child out before its parent is done",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      const child = stage.sdk.createWorkflow(`${stage.id}-pay`, () => {
        emitEventStep({ eventName: `${stage.id}.paid`, data: { id: "pay_1" } })
        return new WorkflowResponse("paid")
      })
      const early: number[] = []
      const look = stage.sdk.createStep("look", async () => {
        await stage.quiet(60)
        early.push(stage.trace.events.length)
      })
      const parent = stage.workflow((input) => {
        const paid = child.runAsStep({ input })
        look()
        return new WorkflowResponse(paid)
      })

      await stage.run(parent, { input: {} })
      await stage.heard(1)
      stage.note("heard while the parent went on", early)
    },
  },
  {
    key: "child-under-condition",
    finding: "does not start a child whose condition does not hold",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      const child = stage.sdk.createWorkflow(
        `${stage.id}-pay`,
        () => new WorkflowResponse(stage.step("charge")(1)),
      )
      const parent = stage.workflow((input) => {
        const paid = when(input, () => false).then(() => child.runAsStep({ input }))
        return new WorkflowResponse({ paid, shipped: stage.step("ship")({ paid }) })
      })

      await stage.run(parent, { input: {} })
    },
  },
  {
    key: "child-waits",
    finding: "goes on with the parent when a child that waits has ended",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const [wait, ofChild] = approval(stage)
      const settings = { name: `${stage.id}-pay`, retentionTime: 60 }
      const child = stage.sdk.createWorkflow(settings, () => new WorkflowResponse({ total: wait(1) }))
      const parent = parentOf(stage, child)

      await stage.run(parent, { input: { total: 4 }, context: { transactionId: "trx_1" } })
      await stage.called("approve")
      await stage.quiet()
      await stage.ask("succeed", () => stage.engine.setStepSuccess({ ...ofChild(), stepResponse: 9 }))
      await stage.ended("trx_1")
      const { transactionId, workflowId } = ofChild().idempotencyKey
      await stage.ended(transactionId, { workflow: workflowId, as: "end of the child" })
    },
  },
  {
    key: "child-refused",
    finding: "undoes the parent when a child that waited is refused",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const [wait, ofChild] = approval(stage)
      const child = stage.sdk.createWorkflow({ name: `${stage.id}-pay`, retentionTime: 60 }, () => {
        stage.step("authorize")(1)
        return new WorkflowResponse(wait(1))
      })
      const parent = parentOf(stage, child)

      await stage.run(parent, { input: { total: 4 }, context: { transactionId: "trx_1" } })
      await stage.called("approve")
      await stage.quiet()
      const refusal = { ...ofChild(), stepResponse: { name: "Refusal", message: "too dear" } }
      const key = refusal.idempotencyKey
      await stage.engine.setStepFailure(refusal).catch(() => undefined)
      await stage.ended("trx_1")
      await stage.ended(key.transactionId, { workflow: key.workflowId, as: "end of the child" })
    },
  },
]

function parentOf(stage: Stage, child: Workflow): Workflow {
  const compose = (input: Later) => {
    stage.step("reserve")(1)
    const paid = child.runAsStep({ input })
    return new stage.sdk.WorkflowResponse(stage.step("ship")(paid))
  }
  return stage.workflow(compose, { retentionTime: 60 })
}

/** A step of a child that waits, and how it is named from outside, which is known once it has begun. */
function approval(stage: Stage): readonly [Step, () => { readonly idempotencyKey: StepKey }] {
  const seen = { transactionId: "" }
  const wait = stage.step({ name: "approve", async: true }, (_: unknown, { transactionId }) => {
    seen.transactionId = transactionId
  })
  const part = { workflowId: `${stage.id}-pay`, stepId: "approve", action: "invoke" }
  return [wait, () => ({ idempotencyKey: { ...part, ...seen } })]
}
