import type { Program } from "../stage.ts"

const AT = "2026-03-01T10:00:00.000Z"

export const values: readonly Program[] = [
  {
    key: "dates",
    finding: "hands dates from input to step, from step to step, to the undoing and to the result",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const load = stage.step("load", () => new StepResponse({ at: new Date(AT) }))
      const charge = stage.step("charge", (input: { at: unknown }) => new StepResponse(input))
      const workflow = stage.workflow((input) => {
        const loaded = load({ at: input.at })
        return new WorkflowResponse({ charged: charge({ at: loaded.at }), at: loaded.at })
      })

      await stage.run(workflow, { input: { at: new Date(AT) } })
    },
  },
  {
    key: "empty-inputs",
    finding: "hands a step what it was given, also nothing, null, 0, false and the empty string",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const inputs: Readonly<Record<string, unknown>> = {
        absent: undefined,
        none: null,
        zero: 0,
        no: false,
        text: "",
      }
      const steps = Object.entries(inputs).map(([name, input]) => [stage.step(name), input] as const)
      const workflow = stage.workflow((input) => {
        for (const [step, value] of steps) step(value)
        stage.step("input")(input)
        return new WorkflowResponse(input)
      })

      await stage.run(workflow)
    },
  },
  {
    key: "odd-outputs",
    finding: "keeps what a step answers with: plain values, nothing, null, false, and drops what is no JSON",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const steps = [
        stage.step("plain", () => "plain"),
        stage.step("plain-object", () => ({ total: 1 })),
        stage.step("nothing", () => undefined),
        stage.step("empty", () => new StepResponse()),
        stage.step("null", () => new StepResponse(null)),
        stage.step("false", () => new StepResponse(false)),
        stage.step("zero", () => new StepResponse(0)),
        stage.step(
          "rest",
          () => new StepResponse({ total: 1, gone: undefined, call: () => 1, list: [undefined, 1] }),
        ),
      ]
      const workflow = stage.workflow(() => {
        const outputs = steps.map((step) => step(1))
        stage.step("look")({ outputs })
        stage.step("fail", stage.fail())()
        return new WorkflowResponse(outputs)
      })

      await stage.run(workflow)
    },
  },
  {
    key: "input-is-copied",
    finding: "does not let a step change the caller's input, or what another step sees",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const spoil = stage.step("spoil", (order: { items: string[] }) => {
        order.items.push("extra")
        return new StepResponse(order)
      })
      const look = stage.step("look")
      const workflow = stage.workflow((input) => {
        const spoilt = spoil(input)
        look({ order: input, items: spoilt.items })
        stage.step("look-again")(spoilt)
        return new WorkflowResponse(input)
      })
      const input = { items: ["a"] }

      await stage.run(workflow, { input })
      stage.note("the caller's input", input)
    },
  },
  {
    key: "output-is-copied",
    finding: "does not let a step change what an earlier one answered",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const load = stage.step("load", () => new StepResponse({ items: ["a"] }, { items: ["a"] }))
      const spoil = stage.step("spoil", (order: { items: string[] }) => {
        order.items.length = 0
        return new StepResponse("spoilt")
      })
      const workflow = stage.workflow(() => {
        const order = load(1)
        spoil(order)
        stage.step("look")(order)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse(order)
      })

      await stage.run(workflow)
    },
  },
  {
    key: "save-response",
    finding: "keeps no output of a step that asks for it",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const secret = stage.step({ name: "secret", saveResponse: false })
      const workflow = stage.workflow(() => {
        const output = secret()
        stage.step("look")({ output })
        return new WorkflowResponse(output)
      })

      await stage.run(workflow)
    },
  },
]
