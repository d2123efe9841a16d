import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../stage.ts"

const trx = { transactionId: "trx_1" }
const kept = { retentionTime: 60 }
/** Long enough for the call that began it to have answered. */
const BEHIND_MS = 200

export const background: readonly Program[] = [
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
    key: "skip-in-the-background",
    finding: "goes on after a background step that skipped itself",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const gift = stage.step({ name: "gift", async: true }, async () => {
        await sleep(200)
        return StepResponse.skip()
      })
      const workflow = stage.workflow(() => {
        const output = gift(1)
        return new WorkflowResponse(stage.step("look")({ output }))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
    },
  },
  {
    key: "permanent-in-the-background",
    finding: "does not try a background step again that failed for good",
    needs: "engine",
    async play(stage) {
      const { StepResponse, WorkflowResponse } = stage.sdk
      const charge = stage.step({ name: "charge", async: true, maxRetries: 3 }, async () => {
        await sleep(200)
        return StepResponse.permanentFailure("card stolen", { payment: "pay_1" })
      })
      const workflow = stage.workflow(() => {
        stage.step("reserve")(1)
        return new WorkflowResponse(charge(2))
      }, kept)

      await stage.run(workflow, { context: trx })
      await stage.ended("trx_1")
    },
  },
]
