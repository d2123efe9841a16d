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
    key: "siblings",
    finding: "runs siblings side by side, answers in order, and goes on once all are done",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const after = (name: string, ms: number) =>
        stage.step(name, async () => {
          await sleep(ms)
          stage.note(`end of ${name}`, "reached")
          return new StepResponse(name)
        })
      const [slow, quick, join] = [after("slow", 60), after("quick", 0), stage.step("join")]
      const workflow = stage.workflow(() => {
        const [first, second] = parallelize(slow(), quick())
        return new WorkflowResponse({ joined: join({ first, second }), first, second })
      })

      await stage.run(workflow)
    },
  },
  {
    key: "siblings-twice",
    finding: "runs a level of siblings after a level of siblings",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((name) => stage.step(name))
      const workflow = stage.workflow(() => {
        const first = parallelize(a?.(1), b?.(2))
        const second = parallelize(c?.(first), d?.(4))
        return new WorkflowResponse(e?.(second))
      })

      await stage.run(workflow)
    },
  },
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
  {
    key: "no-wait",
    finding: "begins what follows a step that is not waited for",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const notify = stage.step({ name: "notify", noWait: true }, async () => {
        await sleep(60)
        return new StepResponse("notified")
      })
      const [reserve, ship] = [stage.step("reserve"), stage.step("ship")]
      const workflow = stage.workflow(() => {
        reserve(1)
        notify(2)
        return new WorkflowResponse(ship(3))
      })

      await stage.run(workflow)
    },
  },
]
