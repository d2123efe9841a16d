import type { Carillon } from "carillon"
import { type Duration, type MovingClock, movingClock } from "carillon/testing"
import { createStep, createWorkflow, type WorkflowSettings } from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { describeEngines } from "../support/describe.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const DAY_MS = 86_400_000

await describeEngines((engine) => {
  let shop: WorkflowShop
  let clock: MovingClock
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
    clock = movingClock({ start: new Date("2026-03-27T12:00:00Z") })
  })
  afterEach(() => shop.close())

  /** A worker of the shop; all of them go by one clock. */
  function worker(): Promise<Carillon> {
    return shop.carillon({ clock, leaseMs: 20 * DAY_MS, heartbeatMs: 6 * DAY_MS, pollMs: DAY_MS / 24 })
  }

  /** Lets time pass, and whatever fell due then be done. */
  async function pass(duration: Duration, ...workers: readonly Carillon[]): Promise<void> {
    await clock.advance(duration)
    for (const each of workers) await each.drain()
  }

  /** A workflow that begins by itself and notes for which time it was to begin. */
  function report(schedule: WorkflowSettings["schedule"], { waits = false, fails = false } = {}) {
    workflowRegistry.clear() // a deploy brings other files
    const settings = schedule === undefined ? {} : { schedule }
    return createWorkflow({ name: "daily-report", ...settings }, () => {
      createStep({ name: "report", async: waits }, async (_: undefined, { metadata }) => {
        shop.log.push(String(metadata.scheduledAt))
        if (fails) throw new Error("nothing to report")
      })()
    })
  }

  async function states(carillon: Carillon): Promise<readonly string[]> {
    const { items } = await carillon.workflows.list({ workflow: "daily-report" })
    return items.map(({ state }) => state).toReversed()
  }

  describe("a workflow with a schedule", () => {
    it("begins by the clock of its time zone, also where that is put forward", async () => {
      report({ cron: "0 3 * * *", timeZone: "Europe/Berlin" })
      const carillon = await worker()

      await pass("13h", carillon)
      expect(shop.log).toEqual([])
      await pass("1h", carillon)
      await pass("1350m", carillon)
      expect(shop.log).toHaveLength(1)
      await pass("30m", carillon)

      expect(shop.log).toEqual(["2026-03-28T02:00:00.000Z", "2026-03-29T01:00:00.000Z"])
      expect(await states(carillon)).toEqual(["done", "done"])
    })

    it("begins at each interval after the one before, and goes on when a run is undone", async () => {
      report({ interval: 90_000 }, { fails: true })
      const carillon = await worker()

      await pass("80s", carillon)
      expect(shop.log).toEqual([])
      for (let i = 0; i < 3; i++) await pass("90s", carillon)

      expect(shop.log).toEqual([
        "2026-03-27T12:01:30.000Z",
        "2026-03-27T12:03:00.000Z",
        "2026-03-27T12:04:30.000Z",
      ])
      expect(await states(carillon)).toEqual(["reverted", "reverted", "reverted"])
    })

    it("begins no more often than it is said to, nor again after a restart", async () => {
      report({ interval: 60_000, numberOfExecutions: 2 })
      const first = await worker()
      for (let i = 0; i < 4; i++) await pass("1m", first)
      await first.stop()
      const second = await worker()
      for (let i = 0; i < 2; i++) await pass("1m", second)

      expect(shop.log).toEqual(["2026-03-27T12:01:00.000Z", "2026-03-27T12:02:00.000Z"])
    })

    it("does not begin while the run before goes on, unless it may", async () => {
      const workflow = report({ interval: 60_000 }, { waits: true })
      const carillon = await worker()

      for (let i = 0; i < 3; i++) await pass("1m", carillon)
      expect(await states(carillon)).toEqual(["invoking"])
      const transactionId = "schedule:daily-report:2026-03-27T12:01:00.000Z"
      const key = {
        workflowId: workflow.getName(),
        transactionId,
        stepId: "report",
        action: "invoke",
      } as const
      await carillon.workflows.setStepSuccess({ idempotencyKey: key })
      await pass("1m", carillon)

      expect(shop.log).toEqual(["2026-03-27T12:01:00.000Z", "2026-03-27T12:04:00.000Z"])
      expect(await states(carillon)).toEqual(["done", "invoking"])
    })

    it("begins beside the run before where that is allowed", async () => {
      report({ interval: 60_000, concurrency: "allow" }, { waits: true })
      const carillon = await worker()

      for (let i = 0; i < 2; i++) await pass("1m", carillon)

      expect(await states(carillon)).toEqual(["invoking", "invoking"])
    })

    it("makes up once for the ticks that fell due while nobody worked", async () => {
      report({ interval: 60_000 })
      const first = await worker()
      await first.stop()

      await clock.advance("630s")
      const second = await worker()
      await second.drain()
      expect(shop.log).toEqual(["2026-03-27T12:01:00.000Z"])
      await pass("1m", second)

      expect(shop.log).toEqual(["2026-03-27T12:01:00.000Z", "2026-03-27T12:11:30.000Z"])
    })

    it("keeps its next tick when its worker is started anew", async () => {
      report({ interval: 3_600_000 })
      const first = await worker()
      await pass("40m", first)
      await first.stop()
      const second = await worker()

      await pass("19m", second)
      expect(shop.log).toEqual([])
      await pass("1m", second)

      expect(shop.log).toEqual(["2026-03-27T13:00:00.000Z"])
    })

    it("begins one run a tick where two workers could", async () => {
      report({ interval: 60_000 })
      const workers = [await worker(), await worker()] as const

      for (let i = 0; i < 3; i++) await pass("1m", ...workers)

      expect(shop.log).toEqual([
        "2026-03-27T12:01:00.000Z",
        "2026-03-27T12:02:00.000Z",
        "2026-03-27T12:03:00.000Z",
      ])
      expect(await states(workers[0])).toEqual(["done", "done", "done"])
    })

    it("begins by its new schedule once that is deployed, and not by the old", async () => {
      report("0 13 * * *")
      const first = await worker()
      await first.stop()
      report("30 14 * * *")
      const second = await worker()

      await pass("2h", second)
      expect(shop.log).toEqual([])
      await pass("30m", second)

      expect(shop.log).toEqual(["2026-03-27T14:30:00.000Z"])
    })

    it("begins by itself no more once its schedule is taken away", async () => {
      report({ interval: 60_000 })
      const first = await worker()
      await pass("1m", first)
      await first.stop()
      report(undefined)
      const second = await worker()

      for (let i = 0; i < 2; i++) await pass("1m", second)

      expect(shop.log).toEqual(["2026-03-27T12:01:00.000Z"])
    })
  })
})
