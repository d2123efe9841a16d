import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }

export const misusing: readonly Program[] = [
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
    key: "when-without-then",
    finding: "says that the steps of a condition are missing",
    alone: true,
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      stage.attempt("compose", () =>
        stage.workflow((input) => {
          when(input, () => true)
          return new WorkflowResponse(stage.step("one")(1))
        }),
      )
      await stage.quiet(20)
    },
  },
  {
    key: "when-without-condition",
    finding: "refuses a condition that is no function",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      stage.attempt("compose", () =>
        stage.workflow((input) => {
          when(input, true as never).then(() => stage.step("one")(1))
          return new WorkflowResponse(1)
        }),
      )
    },
  },
  {
    key: "hook-twice",
    finding: "refuses a second handler of a hook",
    async play(stage) {
      const { WorkflowResponse, createHook } = stage.sdk
      const workflow = stage.workflow(() => {
        const priced = createHook("priced", { fixed: 1 })
        return new WorkflowResponse("done", { hooks: [priced] })
      })

      stage.attempt("first", () => workflow.hooks.priced?.(() => undefined))
      stage.attempt("second", () => workflow.hooks.priced?.(() => undefined))
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
    key: "ended-twice",
    finding: "refuses to end a step that does not wait",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = (name: string) => stage.step({ name, async: true }, () => undefined)
      const workflow = stage.workflow(() => {
        wait("first")(1)
        wait("second")(2)
        return new WorkflowResponse("done")
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("first")
      await stage.quiet()
      await stage.succeed("trx_1", "second", 1, "not reached yet")
      await stage.succeed("trx_1", "nowhere", 1, "unknown step")
      await stage.succeed("trx_9", "first", 1, "unknown transaction")
      await stage.succeed("trx_1", "first", 1)
      await stage.called("second")
      await stage.quiet()
      await stage.succeed("trx_1", "first", 2, "first again")
      await stage.succeed("trx_1", "second", 1)
      await stage.ended("trx_1")
      await stage.succeed("trx_1", "second", 1, "after the end")
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
]
