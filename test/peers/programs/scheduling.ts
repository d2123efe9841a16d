import type { Program } from "../stage.ts"

export const scheduling: readonly Program[] = [
  {
    key: "schedule",
    finding: "starts a workflow by its schedule, as often as it says",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      const tick = stage.sdk.createStep("tick", (_: unknown, { container }) => {
        stage.note("sees the container", typeof container.resolve("event_bus"))
        ticks += 1
      })
      let ticks = 0
      stage.workflow(() => new WorkflowResponse(tick(1)), {
        schedule: { interval: 1_000, numberOfExecutions: 2 },
      })

      await stage.until(() => ticks >= 2)
      await stage.quiet(1_300)
      stage.note("ticks", ticks)
    },
  },
  {
    key: "schedule-of-a-failing-workflow",
    finding: "goes on with a schedule after a run that failed",
    needs: "engine",
    async play(stage) {
      const { WorkflowResponse } = stage.sdk
      let ticks = 0
      const tick = stage.sdk.createStep("tick", () => {
        ticks += 1
        throw new Error("no price list")
      })
      stage.workflow(() => new WorkflowResponse(tick(1)), {
        schedule: { interval: 1_000, numberOfExecutions: 2 },
      })

      await stage.until(() => ticks >= 2)
      stage.note("ticks", ticks)
    },
  },
]
