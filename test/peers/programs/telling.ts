import type { Notice } from "../sdk.ts"
import type { Program } from "../stage.ts"

export const telling: readonly Program[] = [
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
