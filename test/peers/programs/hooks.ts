import { z } from "zod"
import type { Program } from "../stage.ts"

export const hooks: readonly Program[] = [
  {
    key: "hook-handled",
    finding: "calls a hook's handler with its input, in its place",
    async play(stage) {
      const { StepResponse, WorkflowResponse, createHook } = stage.sdk
      const workflow = stage.workflow((input) => {
        const order = stage.step("load")(input)
        const priced = createHook("priced", { order, fixed: 1 })
        const price = priced.getResult()
        return new WorkflowResponse({ price, shipped: stage.step("ship")({ price }) }, { hooks: [priced] })
      })
      workflow.hooks.priced?.(stage.recorded(() => new StepResponse({ price: 12 })))

      await stage.run(workflow, { input: { id: "ord_1" } })
    },
  },
  {
    key: "hook-unhandled",
    finding: "goes past a hook that nobody handles",
    async play(stage) {
      const { WorkflowResponse, createHook } = stage.sdk
      const workflow = stage.workflow(() => {
        const quiet = createHook("quiet", { fixed: 1 })
        const asked = createHook("asked", { fixed: 2 })
        const price = asked.getResult()
        stage.step("ship")({ price })
        return new WorkflowResponse({ price }, { hooks: [quiet, asked] })
      })

      await stage.run(workflow)
    },
  },
  {
    key: "hook-undone",
    finding: "undoes a hook's handler with what it answered",
    async play(stage) {
      const { StepResponse, WorkflowResponse, createHook } = stage.sdk
      const undone: unknown[] = []
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        const priced = createHook("priced", { fixed: 1 })
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never", { hooks: [priced] })
      })
      workflow.hooks.priced?.(
        stage.recorded(() => new StepResponse("priced", { undo: "price" })),
        (input: unknown) => {
          undone.push(input)
        },
      )

      await stage.run(workflow)
      stage.note("undone with", undone)
    },
  },
  {
    key: "hook-fails",
    finding: "undoes the run when a hook's handler fails",
    async play(stage) {
      const { WorkflowResponse, createHook } = stage.sdk
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        const priced = createHook("priced", { fixed: 1 })
        return new WorkflowResponse("never", { hooks: [priced] })
      })
      workflow.hooks.priced?.(stage.recorded(stage.fail("no price")))

      await stage.run(workflow)
    },
  },
  {
    key: "hook-plain",
    finding: "takes a plain answer of a hook's handler for its result",
    async play(stage) {
      const { WorkflowResponse, createHook } = stage.sdk
      const workflow = stage.workflow(() => {
        const priced = createHook("priced", { fixed: 1 })
        return new WorkflowResponse({ price: priced.getResult() }, { hooks: [priced] })
      })
      workflow.hooks.priced?.(() => ({ price: 7 }))

      await stage.run(workflow)
    },
  },
  {
    key: "hook-validated",
    finding: "checks a hook's result with its validator",
    async play(stage) {
      const { StepResponse, WorkflowResponse, createHook } = stage.sdk
      const resultValidator = z.object({ price: z.number() })
      for (const [name, price] of [
        ["fits", 7],
        ["does-not-fit", "seven"],
      ] as const) {
        const workflow = stage.sdk.createWorkflow(`${stage.id}-${name}`, () => {
          const priced = createHook("priced", { fixed: 1 }, { resultValidator })
          return new WorkflowResponse({ price: priced.getResult() }, { hooks: [priced] })
        })
        workflow.hooks.priced?.(() => new StepResponse({ price, more: 1 }))
        const answer = await workflow(stage.container).run({ throwOnError: false })
        stage.note(name, {
          state: answer.transaction.getState(),
          price: (answer.result as { price: unknown } | undefined)?.price,
        })
      }
    },
  },
  {
    key: "hook-under-condition",
    finding: "does not call the handler of a hook whose condition does not hold",
    async play(stage) {
      const { StepResponse, WorkflowResponse, createHook, when } = stage.sdk
      const workflow = stage.workflow((input) => {
        const priced = when("maybe", input, () => false).then(() => {
          const hook = createHook("priced", { fixed: 1 })
          stage.step("within")(1)
          return hook as never
        })
        return new WorkflowResponse("done", { hooks: [priced] })
      })
      workflow.hooks.priced?.(stage.recorded(() => new StepResponse(1)))

      const answer = await workflow(stage.container).run({ throwOnError: false })
      stage.note("state", answer.transaction.getState())
    },
  },
]
