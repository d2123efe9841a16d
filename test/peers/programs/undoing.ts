import type { Program } from "../stage.ts"

export const undoing: readonly Program[] = [
  {
    key: "what-undoing-gets",
    finding: "hands the undoing its own input, else the output",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const steps = [
        stage.step("own", () => new StepResponse("output", "own")),
        stage.step("none-given", () => new StepResponse("output", undefined)),
        stage.step("null-given", () => new StepResponse("output", null)),
        stage.step("zero-given", () => new StepResponse("output", 0)),
        stage.step("plain", () => "plain"),
        stage.step("object", () => ({ total: 1 })),
        stage.step("nothing", () => undefined),
      ]
      const workflow = stage.workflow(() => {
        for (const step of steps) step(1)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "no-undoing",
    finding: "passes over steps without an undoing",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const look = stage.step("look", () => new StepResponse("seen"), null)
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        look(2)
        stage.step("fail", stage.fail(), null)()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "no-compensation",
    finding: "does not call the undoing of a step that is configured without",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const made = stage.step({ name: "made-so", noCompensation: true })
      const later = stage.step("configured-so")
      const workflow = stage.workflow(() => {
        made(1)
        later(2).config({ noCompensation: true })
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "diamond",
    finding: "undoes a level of siblings when all that came after it is undone",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const workflow = stage.workflow(() => {
        stage.step("a")(1)
        parallelize(stage.step("left")(2), stage.step("right")(3))
        stage.step("d")(4)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "undoing-retried",
    finding: "tries an undoing again as often as its step",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const reserve = stage.step(
        { name: "reserve", maxRetries: 2 },
        () => new StepResponse("reserved"),
        (_: unknown, { attempt }) => {
          if (attempt < 3) throw new Error(`not undone ${attempt}`)
        },
      )
      const workflow = stage.workflow(() => {
        reserve(1)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "undoing-fails",
    finding: "undoes the others although one undoing failed for good, and the run has failed",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const stuck = stage.step(
        { name: "stuck", maxRetries: 1 },
        () => new StepResponse("kept"),
        stage.fail("cannot undo"),
      )
      const workflow = stage.workflow(() => {
        stage.step("first")(1)
        stuck(2)
        stage.step("third")(3)
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
      await stage.run(workflow, { throwOnError: true, as: "throwing" })
    },
  },
  {
    key: "undoing-fails-for-good",
    finding: "does not try again an undoing that says it failed for good",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const stuck = stage.step(
        { name: "stuck", maxRetries: 3 },
        () => new StepResponse("kept"),
        () => StepResponse.permanentFailure("cannot undo"),
      )
      const workflow = stage.workflow(() => {
        stuck(2)
        stage.step({ name: "fail", maxRetries: 0 }, stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
]
