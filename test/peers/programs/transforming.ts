import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

export const transforming: readonly Program[] = [
  {
    key: "transforms",
    finding: "feeds a step from a transform, from a chain of them, and from one that is asynchronous",
    async play(stage) {
      const { WorkflowResponse, transform } = stage.sdk
      const [load, charge] = [stage.step("load"), stage.step("charge")]
      const workflow = stage.workflow((input) => {
        const loaded = load(input)
        const sum = transform({ input, loaded }, (data: { input: { total: number }; loaded: string }) => ({
          total: data.input.total + 1,
          order: data.loaded,
        }))
        const chain = transform(
          sum,
          (data: { total: number }) => data.total * 2,
          async (doubled: number) => {
            await sleep(1)
            return { total: doubled + 1 }
          },
        )
        charge({ total: chain.total, chain, order: sum.order })
        return new WorkflowResponse({ chain, sum })
      })

      await stage.run(workflow, { input: { total: 3 } })
    },
  },
  {
    key: "transform-once",
    finding: "calls a transform once a run, however many steps use it",
    async play(stage) {
      const { WorkflowResponse, transform } = stage.sdk
      let calls = 0
      const [charge, ship] = [stage.step("charge"), stage.step("ship")]
      const workflow = stage.workflow((input) => {
        const sum = transform(input, ({ total }: { total: number }) => ({ total: total + ++calls }))
        charge(sum)
        ship(sum.total)
        return new WorkflowResponse(sum.total)
      })

      await stage.run(workflow, { input: { total: 3 } })
      stage.note("calls of the transform after steps and result", calls)
    },
  },
  {
    key: "transform-throws",
    finding: "fails the step whose input cannot be made, and undoes what was done",
    async play(stage) {
      const { WorkflowResponse, transform } = stage.sdk
      const [reserve, charge] = [stage.step("reserve"), stage.step("charge")]
      const workflow = stage.workflow(() => {
        reserve(1)
        charge(transform({}, stage.fail("no price") as () => never))
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "result-throws",
    finding: "tells that the result could not be made",
    async play(stage) {
      const { WorkflowResponse, transform } = stage.sdk
      const reserve = stage.step("reserve")
      const workflow = stage.workflow(() => {
        reserve(1)
        return new WorkflowResponse(
          transform({}, async () => stage.fail("no total")(undefined as never, {} as never)),
        )
      })

      await stage.run(workflow)
      await stage.run(workflow, { throwOnError: true, as: "throwing" })
    },
  },
]
