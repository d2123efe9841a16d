import type { Workflow } from "../sdk.ts"
import type { Program, Stage } from "../stage.ts"

export const families: readonly Program[] = [
  {
    key: "grandchild-fails",
    finding: "undoes three generations from the inside out when the innermost fails",
    async play(stage) {
      const inner = family(stage, "inner", () => stage.step("bad", stage.fail("declined"))(3))
      const middle = family(stage, "middle", () => inner.runAsStep({ input: {} }))
      const outer = stage.workflow(() => {
        stage.step("outer-first")(1)
        return new stage.sdk.WorkflowResponse(middle.runAsStep({ input: {} }))
      })

      const answer = await outer(stage.container).run({ throwOnError: false })
      stage.note(
        "errors",
        answer.errors?.map(({ error }) => error?.message),
      )
    },
  },
  {
    key: "grandchild-undone",
    finding: "undoes three generations when a step of the outermost fails",
    async play(stage) {
      const inner = family(stage, "inner", () => stage.step("charge")(3))
      const middle = family(stage, "middle", () => inner.runAsStep({ input: {} }))
      const outer = stage.workflow(() => {
        middle.runAsStep({ input: {} })
        stage.step("fail", stage.fail())()
        return new stage.sdk.WorkflowResponse("never")
      })

      await stage.run(outer)
    },
  },
  {
    key: "children-side-by-side",
    finding: "runs children side by side, and undoes both when what follows fails",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const undone: string[] = []
      const quiet = (name: string) =>
        stage.sdk.createWorkflow(`${stage.id}-${name}`, () => {
          const step = stage.sdk.createStep(
            name,
            () => new StepResponse(`${name} done`),
            () => void undone.push(name),
          )
          return new WorkflowResponse(step())
        })
      const [left, right] = [quiet("left"), quiet("right")]
      const both = () => parallelize(left.runAsStep({ input: 1 }), right.runAsStep({ input: 2 }))
      const done = stage.workflow(() => new WorkflowResponse(both()))
      const failing = stage.sdk.createWorkflow(`${stage.id}-undone`, () => {
        both()
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      const answer = await done(stage.container).run()
      stage.note("result", answer.result)
      const failed = await failing(stage.container).run({ throwOnError: false })
      stage.note("state", failed.transaction.getState())
      stage.note("undone", undone.sort())
    },
  },
  {
    key: "child-retried",
    finding: "runs a child that failed again where its parent is told to",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      let times = 0
      const flaky = stage.step("flaky", () => {
        if (++times === 1) throw new Error("not yet")
        return new StepResponse("at last")
      })
      const child = stage.sdk.createWorkflow(`${stage.id}-pay`, () => {
        stage.step("authorize")(1)
        return new WorkflowResponse(flaky(2))
      })
      const parent = stage.workflow(() => {
        const paid = child.runAsStep({ input: {} }).config({ maxRetries: 2 })
        return new WorkflowResponse(paid)
      })

      await stage.run(parent)
    },
  },
  {
    key: "child-that-need-not-succeed",
    finding: "goes on without a child that need not succeed",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const child = stage.sdk.createWorkflow(`${stage.id}-pay`, () => {
        stage.step("authorize")(1)
        return new WorkflowResponse(stage.step("bad", stage.fail("declined"))(2))
      })
      const parent = stage.workflow(() => {
        const paid = child.runAsStep({ input: {} }).config({ continueOnPermanentFailure: true })
        return new WorkflowResponse({ paid, shipped: stage.step("ship")({ paid }) })
      })

      await stage.run(parent)
    },
  },
  {
    key: "child-hooked",
    finding: "calls a hook of a child",
    async play(stage) {
      const { StepResponse, WorkflowResponse, createHook } = stage.sdk
      const child = stage.sdk.createWorkflow(`${stage.id}-pay`, (input) => {
        const paid = createHook("paid", { total: input.total })
        stage.step("after-hook")(1)
        return new WorkflowResponse("paid", { hooks: [paid] })
      })
      child.hooks.paid?.(stage.recorded(() => new StepResponse("noted")))
      const parent = stage.workflow((input) => new WorkflowResponse(child.runAsStep({ input })))

      await stage.run(parent, { input: { total: 4 } })
    },
  },
  {
    key: "child-cancelled-with-parent",
    finding: "undoes a child with its parent when a run that is done is cancelled by its id",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const settings = { name: `${stage.id}-pay`, retentionTime: 60 }
      const child = stage.sdk.createWorkflow(settings, () => new WorkflowResponse(stage.step("charge")(1)))
      const parent = stage.workflow(
        () => {
          stage.step("reserve")(1)
          return new WorkflowResponse(child.runAsStep({ input: {} }))
        },
        { retentionTime: 60 },
      )

      await stage.run(parent, { context: { transactionId: "trx_1" } })
      await stage.cancel(parent, { transactionId: "trx_1" })
    },
  },
  {
    key: "child-works-in-the-background",
    finding: "goes on with the parent when a child's background step has ended by itself",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const work = stage.step({ name: "work", async: true }, async () => {
        await stage.quiet(200)
        return new StepResponse("worked")
      })
      const settings = { name: `${stage.id}-pay`, retentionTime: 60 }
      const child = stage.sdk.createWorkflow(settings, () => new WorkflowResponse(work(1)))
      const parent = stage.workflow(
        () => {
          const worked = child.runAsStep({ input: {} })
          return new WorkflowResponse(stage.step("ship")({ worked }))
        },
        { retentionTime: 60 },
      )

      await stage.run(parent, { context: { transactionId: "trx_1" } })
      await stage.ended("trx_1")
    },
  },
]

/** A workflow with a step of its own before what it is about. */
function family(stage: Stage, name: string, last: () => unknown): Workflow {
  return stage.sdk.createWorkflow(`${stage.id}-${name}`, () => {
    stage.step(`${name}-first`)(1)
    return new stage.sdk.WorkflowResponse(last())
  })
}
