import { setTimeout as sleep } from "node:timers/promises"
import type { Notice } from "../sdk.ts"
import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }
/** Long enough for the call that began it to have answered. */
const BEHIND_MS = 200

export const waiting: readonly Program[] = [
  {
    key: "waits-for-success",
    finding: "waits at a step without an answer, and goes on with the one that comes",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow((input) => {
        stage.step("reserve")(input)
        const approved = wait(2)
        return new WorkflowResponse({ approved, shipped: stage.step("ship")({ id: approved.id }) })
      }, kept)

      await stage.run(workflow, { input: 1, context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.look("trx_1", "while it waits")
      await stage.succeed("trx_1", "approve", { id: "ok_1" })
      await stage.ended("trx_1")
    },
  },
  {
    key: "waits-and-fails",
    finding: "undoes a run whose waiting step is refused",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        wait(2)
        return new WorkflowResponse(stage.step("ship")(3))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.refuse("trx_1", "approve", { name: "Refusal", message: "too dear" })
      await stage.ended("trx_1")
    },
  },
  {
    key: "refused-and-retried",
    finding: "lets a refused step run again while it has attempts left, unless it is refused for good",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true, maxRetries: 2 }, () => undefined)
      const workflow = stage.workflow(() => new WorkflowResponse(wait(2)), kept)

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.refuse("trx_1", "approve", { message: "not yet" })
      await stage.called("approve", 2)
      await stage.quiet()
      await stage.refuse("trx_1", "approve", { message: "never" }, true)
      await stage.ended("trx_1")
    },
  },
  {
    key: "undoes-what-waited",
    finding: "undoes a step that was ended from outside with what it was ended with",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const plain = stage.step({ name: "plain", async: true }, () => undefined)
      const full = stage.step({ name: "full", async: true }, () => undefined)
      const workflow = stage.workflow(() => {
        plain(1)
        full(2)
        return new WorkflowResponse(stage.step("fail", stage.fail())(3))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("plain")
      await stage.quiet()
      await stage.succeed("trx_1", "plain", { id: "ok_1" })
      await stage.called("full")
      await stage.quiet()
      await stage.succeed("trx_1", "full", new StepResponse({ id: "ok_2" }, "undo ok_2"))
      await stage.ended("trx_1")
    },
  },
  {
    key: "answers-in-the-background",
    finding: "ends a background step by its answer, and waits after anything else",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const work = stage.step({ name: "work", async: true }, async () => {
        await sleep(BEHIND_MS)
        return new StepResponse("worked", "undo work")
      })
      const plain = stage.step({ name: "plain", async: true }, () => "plain")
      const workflow = stage.workflow(() => {
        const worked = work(1)
        const waited = plain({ worked })
        return new WorkflowResponse({ worked, waited, last: stage.step("last")({ worked, waited }) })
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.called("plain")
      await stage.quiet()
      await stage.look("trx_1", "after a plain answer")
      await stage.succeed("trx_1", "plain", "from outside")
      await stage.ended("trx_1")
    },
  },
  {
    key: "fails-in-the-background",
    finding: "undoes a run whose background step fails after its retries",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const work = stage.step({ name: "work", async: true, maxRetries: 1 }, async () => {
        await sleep(BEHIND_MS)
        throw new Error("no courier")
      })
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        return new WorkflowResponse(work(2))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
    },
  },
  {
    key: "background-under-condition",
    finding: "skips a background step whose condition does not hold",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse, when } = stage.sdk
      const no = stage.step({ name: "no", async: true }, () => new StepResponse("no"))
      const yes = stage.step({ name: "yes", async: true }, async () => {
        await sleep(BEHIND_MS)
        return new StepResponse("yes")
      })
      const workflow = stage.workflow((input) => {
        const first = when(input, () => false).then(() => no(1))
        const second = when(input, () => true).then(() => yes(2))
        return new WorkflowResponse(stage.step("join")({ first, second }))
      }, kept)

      await stage.run(workflow, { input: {}, context: trx })
      await stage.ended("trx_1")
    },
  },
  {
    key: "five-at-once",
    finding: "goes on once after five background steps that end together",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse, parallelize } = stage.sdk
      const names = ["one", "two", "three", "four", "five"]
      const steps = names.map((name) =>
        stage.step({ name, async: true }, async () => {
          await sleep(BEHIND_MS)
          return new StepResponse(name)
        }),
      )
      const workflow = stage.workflow(() => {
        const all = parallelize(...steps.map((step) => step(1)))
        return new WorkflowResponse(stage.step("join")({ all }))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
    },
  },
  {
    key: "five-from-outside",
    finding: "goes on once after five steps that are ended from outside at the same time",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse, parallelize } = stage.sdk
      const names = ["one", "two", "three", "four", "five"]
      const steps = names.map((name) => stage.step({ name, async: true }, () => undefined))
      const workflow = stage.workflow(() => {
        const all = parallelize(...steps.map((step) => step(1)))
        return new WorkflowResponse(stage.step("join")({ all }))
      }, kept)

      await stage.run(workflow, { context: trx })
      await Promise.all(names.map((name) => stage.called(name)))
      await stage.quiet()
      const ended = names.map((stepId) => {
        const key = { workflowId: stage.id, ...trx, stepId, action: "invoke" }
        return stage.engine.setStepSuccess({ idempotencyKey: key, stepResponse: stepId }).then(
          () => "taken",
          (error: Error) => error.message,
        )
      })
      stage.note("answers", await Promise.all(ended))
      await stage.ended("trx_1")
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
    key: "retry-step",
    finding: "runs a waiting step again when an operator asks for it",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, async (_: unknown, { attempt }) => {
        if (attempt === 1) return undefined
        await sleep(BEHIND_MS)
        return new StepResponse(`attempt ${attempt}`)
      })
      const workflow = stage.workflow(() => new WorkflowResponse(wait(1)), kept)
      const key = { workflowId: stage.id, ...trx, stepId: "approve", action: "invoke" }

      await stage.run(workflow, { context: trx })
      await stage.called("approve")
      await stage.quiet()
      await stage.ask("retry", () => stage.engine.retryStep({ idempotencyKey: key }))
      await stage.ended("trx_1")
      await stage.ask("retry after the end", () => stage.engine.retryStep({ idempotencyKey: key }))
    },
  },
  {
    key: "told-of-the-end",
    finding: "tells subscribers of the end, of one transaction or of all",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const other = stage.sdk.createWorkflow(
        `${stage.id}-other`,
        () => new WorkflowResponse(stage.step("other")(1)),
      )
      const workflow = stage.workflow((input) => new WorkflowResponse(stage.step("charge")(input)))
      const told: string[] = []
      const listen =
        (who: string) =>
        ({ eventType, workflowId, transactionId, state, result }: Notice) => {
          if (eventType !== "onFinish") return
          told.push(`${who}: ${workflowId} ${transactionId} ${state} ${result}`)
          if (who === "one") void other(stage.container).run()
        }
      await stage.engine.subscribe({
        workflowId: stage.id,
        transactionId: "trx_1",
        subscriber: listen("one"),
      })
      await stage.engine.subscribe({ workflowId: stage.id, subscriber: listen("all"), subscriberId: "all" })

      await stage.engine.run(stage.id, { input: 1, transactionId: "trx_1" })
      await stage.called("other")
      await stage.engine.run(stage.id, { input: 2, transactionId: "trx_2" })
      await stage.until(() => told.length >= 3)
      stage.note("told", [...told].sort())
      void workflow
    },
  },
  {
    key: "told-on-the-way",
    finding: "tells the caller what happens on the way",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const workflow = stage.workflow((input) => {
        stage.step("reserve")(1)
        stage.step("charge", ((fails: boolean) => {
          if (fails) throw new Error("declined")
        }) as never)(input)
        return new WorkflowResponse("done")
      })
      const names = [
        "onBegin",
        "onStepBegin",
        "onStepSuccess",
        "onStepFailure",
        "onCompensateBegin",
        "onCompensateStepSuccess",
        "onFinish",
      ]
      for (const [as, input] of [
        ["well", false],
        ["ill", true],
      ] as const) {
        const told: string[] = []
        const tell = (name: string) => [name, () => void told.push(name)] as const
        await stage.run(workflow, { input, events: Object.fromEntries(names.map(tell)), as })
        stage.note(`told ${as}`, told)
      }
    },
  },
]
