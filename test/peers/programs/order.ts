import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

export const order: readonly Program[] = [
  {
    key: "steps-in-order",
    finding: "runs steps in order, each with what the last one answered",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const reserve = stage.step("reserve", ({ id }: { id: string }) => new StepResponse({ id, items: 2 }))
      const charge = stage.step("charge", ({ items }: { items: number }) => new StepResponse(items * 10))
      const ship = stage.step("ship", (total: number) => new StepResponse({ total }))
      const workflow = stage.workflow((input) => new WorkflowResponse(ship(charge(reserve(input)))))

      await stage.run(workflow, { input: { id: "ord_1" } })
    },
  },
  {
    key: "runs-side-by-side",
    finding: "does not mix two runs side by side",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const reserve = stage.sdk.createStep("reserve", async ({ id, ms }: { id: string; ms: number }) => {
        await sleep(ms)
        return new StepResponse(`reserved ${id}`)
      })
      const ship = stage.sdk.createStep("ship", (what: string) => new StepResponse(`shipped ${what}`))
      const workflow = stage.workflow((input) => new WorkflowResponse(ship(reserve(input))))

      await Promise.all([
        stage.run(workflow, { input: { id: "ord_1", ms: 30 }, as: "slow" }),
        stage.run(workflow, { input: { id: "ord_2", ms: 0 }, as: "quick" }),
      ])
    },
  },
  {
    key: "mixed-results",
    finding: "answers with properties, destructured values, arrays and mixed objects",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const load = stage.step(
        "load",
        () =>
          new StepResponse({
            id: "ord_1",
            total: 30,
            items: [{ id: "a", price: 10 }],
            customer: { id: "cus_1" },
          }),
      )
      const count = stage.step("count", () => new StepResponse([1, 2]))
      const workflow = stage.workflow((input) => {
        const loaded = load(input)
        const { total, customer } = loaded
        return new WorkflowResponse({
          total,
          customer: customer.id,
          input: input.id,
          list: [loaded.id, count(), { deep: { items: loaded.items } }, "fixed"],
          missing: loaded.price,
        })
      })

      await stage.run(workflow, { input: { id: "in_1" } })
    },
  },
  {
    key: "step-as-result",
    finding: "answers with one step's output, and with a list of outputs",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const [one, two] = [stage.step("one"), stage.step("two")]
      const single = stage.workflow(() => new WorkflowResponse(one()))
      const list = stage.sdk.createWorkflow(`${stage.id}-list`, () => new WorkflowResponse([one(), two()]))
      const none = stage.sdk.createWorkflow(`${stage.id}-none`, () => {
        one()
      })

      await stage.run(single, { as: "single" })
      await stage.run(list, { as: "list" })
      await stage.run(none, { as: "none" })
    },
  },
  {
    key: "deep-values",
    finding: "finds outputs and transforms however deep they stand in an input",
    async play(stage) {
      const { StepResponse, WorkflowResponse, transform } = stage.sdk
      const load = stage.step("load", () => new StepResponse({ items: [{ id: "a" }, { id: "b" }], total: 2 }))
      const workflow = stage.workflow((input) => {
        const order = load(1)
        const sum = transform({ list: [order, { deep: [order.total] }] }, (data: unknown) => data)
        const second = stage.step("second")({
          list: [[order.items, sum], { of: { of: { total: order.total } } }],
          input,
        })
        return new WorkflowResponse([{ order, second }, [sum]])
      })

      await stage.run(workflow, { input: { customer: { id: "cus_1" } } })
    },
  },
]
