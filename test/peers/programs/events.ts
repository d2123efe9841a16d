import type { Program } from "../stage.ts"

export const events: readonly Program[] = [
  {
    key: "events-at-the-end",
    finding: "lets events out once, in order, when the run is done",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      let early = -1
      const look = stage.sdk.createStep("look", async () => {
        await stage.quiet(60)
        early = stage.trace.events.length
      })
      const workflow = stage.workflow((input) => {
        emitEventStep({ eventName: `${stage.id}.placed`, data: { id: input.id } })
        emitEventStep({ eventName: `${stage.id}.paid`, data: [{ id: 1 }, { id: 2 }] }).config({
          name: "emit-paid",
        })
        look()
        return new WorkflowResponse("done")
      })

      await stage.run(workflow, { input: { id: "ord_1" } })
      await stage.heard(3)
      await stage.quiet(60)
      stage.note("heard before the end", early)
    },
  },
  {
    key: "events-of-a-failed-run",
    finding: "lets no event of a failed run out",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      const workflow = stage.workflow((input) => {
        emitEventStep({ eventName: `${stage.id}.placed`, data: { id: input.id } })
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow, { input: { id: "ord_1" } })
      await stage.quiet()
    },
  },
  {
    key: "events-without-data",
    finding: "emits nothing without data, and asks a function for it",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      const workflow = stage.workflow(() => {
        emitEventStep({ eventName: `${stage.id}.none` })
        emitEventStep({ eventName: `${stage.id}.empty`, data: [] }).config({ name: "emit-empty" })
        emitEventStep({ eventName: `${stage.id}.null`, data: null }).config({ name: "emit-null" })
        emitEventStep({ eventName: `${stage.id}.object`, data: {} }).config({ name: "emit-object" })
        return new WorkflowResponse("done")
      })

      await stage.run(workflow)
      await stage.quiet()
    },
  },
  {
    key: "events-by-a-function",
    finding: "asks a function for an event's data",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      const data = async ({ stepName }: { stepName: string }) => ({ from: stepName })
      const workflow = stage.workflow(() => {
        emitEventStep({ eventName: `${stage.id}.placed`, data })
        return new WorkflowResponse("done")
      })

      await stage.run(workflow)
      await stage.quiet(400)
    },
  },
  {
    key: "events-of-a-step",
    finding: "holds back what a step emits itself under the run's group",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      let early = -1
      const place = stage.sdk.createStep("place", async (_: unknown, { container, eventGroupId }) => {
        const bus = container.resolve("event_bus") as { emit(event: unknown): Promise<unknown> }
        await bus.emit({ name: `${stage.id}.placed`, data: { id: 1 }, metadata: { eventGroupId } })
        await stage.quiet(60)
        early = stage.trace.events.length
      })
      const workflow = stage.workflow(() => {
        place()
        return new WorkflowResponse("done")
      })

      await stage.run(workflow)
      await stage.heard(1)
      stage.note("heard before the end", early)
    },
  },
  {
    key: "events-released-early",
    finding: "lets events out when a step says so; a failure later does not call them back",
    async play(stage) {
      const { WorkflowResponse, emitEventStep, releaseEventsStep } = stage.sdk
      let early = -1
      const look = stage.sdk.createStep("look", async () => {
        await stage.heard(1)
        early = stage.trace.events.length
      })
      const workflow = stage.workflow(() => {
        emitEventStep({ eventName: `${stage.id}.placed`, data: { id: 1 } })
        releaseEventsStep()
        look()
        emitEventStep({ eventName: `${stage.id}.paid`, data: { id: 2 } }).config({ name: "emit-paid" })
        stage.step("fail", stage.fail())()
        return new WorkflowResponse("never")
      })

      await stage.run(workflow)
      await stage.quiet()
      stage.note("heard before the end", early)
    },
  },
  {
    key: "events-across-a-wait",
    finding: "holds events back while a step waits",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      const groups: string[] = []
      const look = (name: string) =>
        stage.sdk.createStep(name, (_: unknown, { eventGroupId }) => {
          groups.push(eventGroupId)
        })
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(
        () => {
          look("before")()
          emitEventStep({ eventName: `${stage.id}.placed`, data: { id: 1 } })
          wait(1)
          look("after")()
          return new WorkflowResponse("done")
        },
        { retentionTime: 60 },
      )

      await stage.run(workflow, { context: { transactionId: "trx_1", eventGroupId: "events-across-a-wait" } })
      await stage.called("approve")
      await stage.quiet()
      stage.note("heard while it waited", stage.trace.events.length)
      await stage.succeed("trx_1", "approve")
      await stage.ended("trx_1")
      await stage.heard(1)
      stage.note("groups", groups)
    },
  },
  {
    key: "events-of-a-cancelled-run",
    finding: "lets no event of a cancelled run out, and calls back none of a run that was done",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse, emitEventStep } = stage.sdk
      const wait = stage.step({ name: "approve", async: true }, () => undefined)
      const workflow = stage.workflow(
        (input) => {
          emitEventStep({ eventName: `${stage.id}.placed`, data: { id: input.id } })
          wait(1)
          return new WorkflowResponse("done")
        },
        { retentionTime: 60 },
      )

      await stage.run(workflow, { input: { id: 1 }, context: { transactionId: "trx_1" } })
      await stage.called("approve")
      await stage.quiet()
      await stage.cancel(workflow, { transactionId: "trx_1" })
      await stage.ended("trx_1", { patienceMs: 1_000 })
      await stage.quiet()
    },
  },
]
