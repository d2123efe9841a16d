import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

export const siblings: readonly Program[] = [
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
    key: "many-siblings",
    finding: "runs thirty siblings side by side and joins them in order",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const steps = Array.from({ length: 30 }, (_, i) =>
        stage.sdk.createStep(`step-${i}`, async () => {
          await sleep((i * 7) % 20)
          return new StepResponse(i)
        }),
      )
      const workflow = stage.workflow(() => {
        const all = parallelize(...steps.map((step) => step(1)))
        return new WorkflowResponse(stage.step("join")(all))
      })

      await stage.run(workflow)
    },
  },
  {
    key: "sibling-retries",
    finding: "tries one sibling again and goes on once",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const flaky = stage.step({ name: "flaky", maxRetries: 2 }, (_: unknown, { attempt }) => {
        if (attempt < 3) throw new Error("not yet")
        return new StepResponse("at last")
      })
      const workflow = stage.workflow(() => {
        const both = parallelize(stage.step("sure")(1), flaky(2))
        return new WorkflowResponse(stage.step("join")(both))
      })

      await stage.run(workflow)
    },
  },
  {
    key: "sibling-fails",
    finding: "lets the siblings of a step that failed come to their end, and undoes them",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const slow = stage.step("slow", async () => {
        await sleep(50)
        return new StepResponse("slow done")
      })
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        parallelize(slow(2), stage.step("bad", stage.fail())(3))
        stage.step("later")(4)
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
    },
  },
  {
    key: "siblings-fail",
    finding: "tells of all siblings that failed",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const workflow = stage.workflow(() => {
        parallelize(stage.step("one", stage.fail("first"))(), stage.step("two", stage.fail("second"))())
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
      await stage.run(workflow, { throwOnError: true, as: "throwing" })
    },
  },
  {
    key: "sibling-need-not-succeed",
    finding: "goes on after siblings of which one failed that need not succeed",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const mail = stage.step({ name: "mail", continueOnPermanentFailure: true }, stage.fail("no mail"))
      const workflow = stage.workflow(() => {
        const [first, second] = parallelize(stage.step("sure")(1), mail(2))
        return new WorkflowResponse(stage.step("join")({ first, second }))
      })

      await stage.run(workflow)
    },
  },
  {
    key: "sibling-skips-the-rest",
    finding: "leaves out what follows siblings of which the last failed that says so",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const gift = stage.step({ name: "gift", skipOnPermanentFailure: true }, stage.fail("no gift"))
      const workflow = stage.workflow(() => {
        parallelize(stage.step("sure")(1), gift(2))
        return new WorkflowResponse(stage.step("wrap")(3))
      })

      await stage.run(workflow)
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
  {
    key: "no-wait-fails",
    finding: "undoes all when a step that is not waited for fails",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const notify = stage.step({ name: "notify", noWait: true }, async () => {
        await sleep(100)
        throw new Error("no mail")
      })
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        notify(2)
        return new WorkflowResponse(stage.step("ship")(3))
      })

      await stage.run(workflow)
    },
  },
]
