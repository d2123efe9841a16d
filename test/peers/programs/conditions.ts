import type { Later } from "../sdk.ts"
import type { Program } from "../stage.ts"

export const conditions: readonly Program[] = [
  {
    key: "when-true",
    finding: "runs the steps of a condition that holds",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      const workflow = stage.workflow((input) => {
        const gift = when(input, ({ total }: { total: number }) => total > 10).then(() =>
          stage.step("gift")(input.total),
        )
        return new WorkflowResponse({ gift, after: stage.step("ship")({ gift }) })
      })

      await stage.run(workflow, { input: { total: 20 } })
    },
  },
  {
    key: "when-false",
    finding: "skips the steps of a condition that does not hold; their value is undefined, nothing is undone",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      const steps = (last: () => unknown) => (input: Later) => {
        const gift = when(input, () => false).then(() => {
          stage.step("wrap")(1)
          return stage.step("gift")(2)
        })
        stage.step("ship")({ gift })
        last()
        return new WorkflowResponse({ gift, given: gift?.id })
      }
      const workflow = stage.workflow(steps(() => undefined))
      const undone = stage.sdk.createWorkflow(
        `${stage.id}-undone`,
        steps(() => stage.step("fail", stage.fail())()),
      )

      await stage.run(workflow, { input: { total: 20 } })
      await stage.run(undone, { as: "undone" })
    },
  },
  {
    key: "when-named",
    finding: "answers with an object from a named condition",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      for (const holds of [true, false]) {
        const workflow = stage.sdk.createWorkflow(`${stage.id}-${holds}`, (input) => {
          const chosen = when("choose", input, () => holds).then(() => ({
            first: stage.step("one")(1),
            fixed: 7,
          }))
          stage.step("look")({ chosen })
          return new WorkflowResponse({ chosen, first: chosen?.first })
        })
        await stage.run(workflow, { as: `${holds}` })
      }
    },
  },
  {
    key: "when-siblings",
    finding: "runs or skips siblings under a condition, and conditions among siblings",
    async play(stage) {
      const { WorkflowResponse, when, parallelize } = stage.sdk
      const workflow = stage.workflow((input) => {
        const within = when("both", input, () => true).then(() =>
          parallelize(stage.step("a")(1), stage.step("b")(2)),
        )
        const skipped = when("neither", input, () => false).then(() =>
          parallelize(stage.step("c")(3), stage.step("d")(4)),
        )
        const among = parallelize(
          when(input, () => true).then(() => stage.step("e")(5)),
          when(input, () => false).then(() => stage.step("f")(6)),
          stage.step("g")(7),
        )
        stage.step("join")({ among })
        return new WorkflowResponse({ within, skipped, among })
      })

      await stage.run(workflow)
    },
  },
  {
    key: "when-nested",
    finding: "skips what stands under a condition that stands under another",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      stage.attempt("compose", () =>
        stage.workflow((input) => {
          const value = when("outer", input, () => true).then(() => {
            stage.step("before")(1)
            when("inner", input, () => false).then(() => stage.step("within")(2))
            return stage.step("after")(3)
          })
          return new WorkflowResponse(value)
        }),
      )
    },
  },
  {
    key: "when-of-outputs",
    finding: "asks a condition with what steps answered, when it is reached",
    async play(stage) {
      const { StepResponse, WorkflowResponse, when, transform } = stage.sdk
      const asked: unknown[] = []
      const load = stage.step("load", () => new StepResponse({ total: 5 }))
      const workflow = stage.workflow((input) => {
        const order = load(input)
        const twice = transform(order, ({ total }: { total: number }) => total * 2)
        when({ order, twice }, (values: { order: { total: number }; twice: number }) => {
          asked.push(values)
          return values.twice > values.order.total
        }).then(() => {
          stage.step("gift")(twice)
        })
        return new WorkflowResponse(order)
      })

      await stage.run(workflow)
      stage.note("asked with", asked)
    },
  },
  {
    key: "when-asked",
    finding: "asks a condition for each of its steps",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      let asked = 0
      const workflow = stage.workflow((input) => {
        when(input, () => ++asked === 1).then(() => {
          stage.step("one")(1)
          stage.step("two")(2)
        })
        return new WorkflowResponse("done")
      })

      await stage.run(workflow)
      stage.note("asked", asked)
    },
  },
  {
    key: "when-throws",
    finding: "fails the step whose condition throws",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      const workflow = stage.workflow((input) => {
        stage.step("reserve")(1)
        when(input, stage.fail("no rate") as () => never).then(() =>
          stage.step({ name: "gift", maxRetries: 1 })(2),
        )
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "when-async",
    finding: "waits for a condition that is asynchronous",
    async play(stage) {
      const { WorkflowResponse, when } = stage.sdk
      const workflow = stage.workflow((input) => {
        const no = when(input, async () => false).then(() => stage.step("no")(1))
        const yes = when(input, async () => true).then(() => stage.step("yes")(2))
        return new WorkflowResponse({ no, yes })
      })

      await stage.run(workflow)
    },
  },
]
