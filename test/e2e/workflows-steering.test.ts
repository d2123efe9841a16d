import type { Carillon, Finding, WorkflowReport } from "carillon"
import {
  createStep,
  createWorkflow,
  StepResponse,
  WorkflowResponse,
  waitForEventStep,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { describeEngines } from "../support/describe.ts"
import { signal, until, WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** A step that notes what it does, and waits for somebody where it is told to. */
  function step(
    name: string,
    { until: gate, fails = false }: { until?: Promise<void>; fails?: boolean } = {},
  ) {
    return createStep(
      name,
      async (_: undefined) => {
        shop.log.push(name)
        await gate
        if (fails) throw new Error("out of stock")
        return new StepResponse(name, name)
      },
      async () => void shop.log.push(`undo ${name}`),
    )
  }

  /** A workflow that waits for a response. */
  function waiting(id: string, ...before: string[]) {
    return createWorkflow(id, () => {
      for (const name of before) step(name)(undefined)
      createStep({ name: "pay", async: true }, async (_: undefined) => {})(undefined)
    })
  }

  const begin = async (carillon: Carillon, workflow: string): Promise<string> => {
    const { transaction } = await carillon.workflows.run(workflow)
    await carillon.drain()
    return transaction.runId
  }
  const stateOf = async (carillon: Carillon, run: string) => (await carillon.workflows.retrieve(run)).state
  const shapesOf = async (carillon: Carillon, workflow: string): Promise<readonly WorkflowReport[]> =>
    (await carillon.workflows.listWorkflows()).filter((each) => each.workflow === workflow)
  const only = async (carillon: Carillon, workflow: string): Promise<WorkflowReport> =>
    (await shapesOf(carillon, workflow))[0] as WorkflowReport
  const ends = (carillon: Carillon, run: string, state: string) =>
    until(async () => (await stateOf(carillon, run)) === state, `run ${run} ${state}`)

  const isOfRuns = ({ check }: Finding) => check === "runs"

  describe("workflows and schedules in lists", () => {
    it("stand apart from subscriptions, with their runs, ticks and workers", async () => {
      waiting("place-order")
      createWorkflow(
        { name: "sync-brands", schedule: { cron: "0 3 * * *", timeZone: "Europe/Berlin" } },
        () => {
          step("sync")(undefined)
        },
      )
      const carillon = await shop.carillon()
      carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
      await begin(carillon, "place-order")

      const subscriptions = await carillon.subscriptions()
      const schedules = await carillon.workflows.listSchedules()

      expect(subscriptions.map(({ id }) => id)).toEqual(["stock@order.placed"])
      expect(await only(carillon, "place-order")).toMatchObject({
        id: expect.stringMatching(/^workflow:place-order#\w+$/),
        group: "shop",
        running: 0,
        waiting: 1,
        failed: 0,
        paused: false,
        orphaned: false,
        outdated: false,
        workers: [expect.any(Number)],
      })
      expect(schedules).toMatchObject([
        {
          id: "schedule:sync-brands",
          workflow: "sync-brands",
          cron: "0 3 * * *",
          timeZone: "Europe/Berlin",
          fired: 0,
          nextAt: expect.any(Date),
          lastAt: null,
          lastRun: null,
          orphaned: false,
        },
      ])
      expect(await carillon.stats()).toMatchObject({
        subscriptions: 1,
        workflows: 2,
        schedules: 1,
        liveRuns: 1,
        crashedRuns: 0,
        failedRuns: 0,
      })
      expect((await carillon.doctor()).findings.filter(({ check }) => check === "orphans")).toMatchObject([
        { verdict: "ok" },
      ])
    })

    it("show the last run of a schedule, and that it has ended", async () => {
      createWorkflow({ name: "sync-brands", schedule: { interval: 60_000, numberOfExecutions: 1 } }, () => {
        step("sync")(undefined)
      })
      const { carillon, clock } = await shop.timed()

      await clock.advance("61s")
      await carillon.drain()

      const [run] = (await carillon.workflows.list({ workflow: "sync-brands" })).items
      expect(await carillon.workflows.listSchedules()).toMatchObject([
        { interval: 60_000, fired: 1, nextAt: null, lastRun: run?.id, lastState: "done" },
      ])
    })
  })

  describe("a workflow that is paused", () => {
    it("begins no run before it is resumed, and says so to who starts one", async () => {
      const workflow = createWorkflow("place-order", () => new WorkflowResponse(step("reserve")(undefined)))
      const carillon = await shop.carillon()
      await carillon.workflows.run("place-order")
      await carillon.pause("workflow:place-order")

      const { transaction } = await workflow(carillon.container).run()
      await carillon.drain()
      const held = await carillon.workflows.retrieve(transaction.runId)

      expect(transaction.state).toBe("invoking")
      expect([held.why, held.steps]).toEqual(["its workflow is paused", []])
      expect(shop.log).toEqual(["reserve"])
      await carillon.resume("workflow:place-order")
      await carillon.drain()
      expect(await stateOf(carillon, transaction.runId)).toBe("done")
      expect(shop.log).toEqual(["reserve", "reserve"])
    })

    it("lets a step end that runs, and begins none after it, in whatever process", async () => {
      const gate = signal()
      const workflow = createWorkflow("place-order", () => {
        step("reserve", { until: gate.promise })(undefined)
        step("charge")(undefined)
      })
      const [carillon, other] = [await shop.carillon(), await shop.carillon()]
      const running = workflow(carillon.container).run()
      await until(() => shop.log.includes("reserve"))

      await carillon.pause("workflow:place-order")
      gate.resolve()
      const { transaction } = await running
      await Promise.all([carillon.drain(), other.drain()])

      expect(transaction.state).toBe("invoking")
      expect(shop.log).toEqual(["reserve"])
      const { steps } = await carillon.workflows.retrieve(transaction.runId)
      expect(steps.map(({ step: name, outcome }) => `${name} ${outcome}`)).toEqual(["reserve done"])
      await carillon.resume("workflow:place-order")
      await ends(carillon, transaction.runId, "done")
      expect(shop.log).toEqual(["reserve", "charge"])
    })

    it("goes on at once when it is resumed, also where it was held back a moment ago", async () => {
      const gate = signal()
      const workflow = createWorkflow("place-order", () => {
        step("reserve", { until: gate.promise })(undefined)
        step("charge")(undefined)
      })
      const { carillon } = await shop.timed() // its time stands still: what is due later is never due
      const running = workflow(carillon.container).run()
      await until(() => shop.log.includes("reserve"))
      await carillon.pause("workflow:place-order")
      gate.resolve()
      const { transaction } = await running
      await carillon.drain()
      expect(shop.log).toEqual(["reserve"])

      await carillon.resume("workflow:place-order")
      await carillon.drain()

      expect(await stateOf(carillon, transaction.runId)).toBe("done")
      expect(shop.log).toEqual(["reserve", "charge"])
    })

    it("is drained by a process that has not heard yet that another one resumed it", async () => {
      const workflow = createWorkflow("place-order", () => void step("reserve")(undefined))
      const { carillon } = await shop.timed()
      const { carillon: office } = await shop.timed({ start: false })
      await carillon.pause("workflow:place-order")
      const { transaction } = await workflow(carillon.container).run()

      await office.resume("workflow:place-order")
      await carillon.drain()

      expect(await stateOf(carillon, transaction.runId)).toBe("done")
    })

    it("is drained by a process that held it back when another one had resumed it already", async () => {
      const gate = signal()
      const workflow = createWorkflow("place-order", () => {
        step("reserve", { until: gate.promise })(undefined)
        step("charge")(undefined)
      })
      const { carillon } = await shop.timed(engine === "postgres" ? { postgres: { listenUrl: false } } : {})
      const { carillon: office } = await shop.timed({ start: false })
      const running = workflow(carillon.container).run()
      await until(() => shop.log.includes("reserve"))
      await carillon.pause("workflow:place-order")
      await office.resume("workflow:place-order")
      gate.resolve()
      const { transaction } = await running

      await carillon.drain()

      expect(await stateOf(carillon, transaction.runId)).toBe("done")
    })

    it("undoes nothing before it is resumed", async () => {
      waiting("place-order", "reserve")
      const carillon = await shop.carillon()
      const run = await begin(carillon, "place-order")
      await carillon.pause("workflow:place-order")

      await carillon.workflows.revert(run)
      await carillon.drain()

      expect(shop.log).toEqual(["reserve"])
      await carillon.resume("workflow:place-order")
      await ends(carillon, run, "reverted")
      expect(shop.log).toEqual(["reserve", "undo reserve"])
    })

    it("stays so after a restart", async () => {
      const workflow = createWorkflow("place-order", () => void step("reserve")(undefined))
      const first = await shop.carillon()
      await first.pause("workflow:place-order")
      await first.stop()

      const carillon = await shop.carillon()
      const { transaction } = await workflow(carillon.container).run()

      expect(transaction.state).toBe("invoking")
      expect(shop.log).toEqual([])
    })

    it("lets the run wait whose child it is", async () => {
      const child = createWorkflow("charge", () => new WorkflowResponse(step("charge-card")(undefined)))
      const workflow = createWorkflow(
        "place-order",
        () => new WorkflowResponse(child.runAsStep({ input: undefined })),
      )
      const carillon = await shop.carillon()
      await carillon.pause("workflow:charge")

      const { transaction } = await workflow(carillon.container).run()

      expect([transaction.state, shop.log]).toEqual(["invoking", []])
      const { children } = await carillon.workflows.retrieve(transaction.runId)
      expect(children).toMatchObject([
        { workflow: "charge", state: "invoking", why: "its workflow is paused" },
      ])
      await carillon.resume("workflow:charge")
      await ends(carillon, transaction.runId, "done")
    })
  })

  describe("a schedule that is paused", () => {
    it("starts no run, and makes up for one tick when it is resumed", async () => {
      createWorkflow(
        { name: "sync-brands", schedule: { interval: 60_000 } },
        () => void step("sync")(undefined),
      )
      const { carillon, clock } = await shop.timed()
      await carillon.pause("schedule:sync-brands")

      await clock.advance("5m")
      await carillon.drain()
      expect(shop.log).toEqual([])
      await carillon.resume("schedule:sync-brands")
      await until(() => shop.log.length > 0)
      await carillon.drain()

      expect(shop.log).toEqual(["sync"])
    })
  })

  describe("removing", () => {
    it("is refused while runs of the workflow go on, and done when they have ended", async () => {
      waiting("place-order", "reserve")
      const carillon = await shop.carillon()
      const run = await begin(carillon, "place-order")

      await expect(carillon.removeSubscription("workflow:place-order")).rejects.toThrow(
        /no runs that go on, it has 1.*carillon runs cancel/,
      )
      await carillon.workflows.revert(run)
      await ends(carillon, run, "reverted")
      const removed = await carillon.removeSubscription("workflow:place-order")

      expect(removed).toMatchObject({ group: "shop", cancelled: 0 })
      expect(await shapesOf(carillon, "place-order")).toEqual([])
    })

    it("ends the ticks of a schedule, until an app brings it back", async () => {
      createWorkflow(
        { name: "sync-brands", schedule: { interval: 60_000 } },
        () => void step("sync")(undefined),
      )
      const { carillon, clock } = await shop.timed()

      await carillon.removeSubscription("schedule:sync-brands")
      await clock.advance("5m")
      await carillon.drain()

      expect([shop.log, await carillon.workflows.listSchedules()]).toEqual([[], []])
      await carillon.stop()
      const next = await shop.timed({}, new Date(clock.now()))
      expect(await next.carillon.workflows.listSchedules()).toMatchObject([{ id: "schedule:sync-brands" }])
    })

    it("is refused for the subscription by which a run hears of its event", async () => {
      createWorkflow("ship", () => void waitForEventStep({ event: "parcel.sent" }))
      const carillon = await shop.carillon()
      const run = await begin(carillon, "ship")

      await expect(carillon.removeSubscription("carillon-runs@parcel.sent")).rejects.toThrow(run)
      await carillon.emit({ name: "parcel.sent" })
      await ends(carillon, run, "done")

      await expect(carillon.removeSubscription("carillon-runs@parcel.sent")).resolves.toBeTruthy()
    })
  })

  describe("a workflow whose steps were changed", () => {
    it("shows who waits for its old shape, to lists and to the doctor", async () => {
      waiting("place-order")
      const before = await shop.carillon()
      const run = await begin(before, "place-order")
      await before.stop()
      workflowRegistry.clear() // a deploy brings other files
      waiting("place-order", "reserve")

      const carillon = await shop.carillon()

      expect(await shapesOf(carillon, "place-order")).toMatchObject([
        { waiting: 1, orphaned: true, outdated: true, workers: [] },
        { waiting: 0, orphaned: false, outdated: false },
      ])
      // Until it is answered it waits for that; then for a worker with the old steps.
      expect((await carillon.workflows.retrieve(run)).why).toBe("pay waits for a response")
      await carillon.workflows.revert(run)
      expect((await carillon.workflows.retrieve(run)).why).toMatch(/no live worker knows its workflow/)
      const { healthy, findings } = await carillon.doctor()
      expect(healthy).toBe(false)
      expect(findings.filter(isOfRuns)).toMatchObject([
        { verdict: "problem", what: expect.stringMatching(/1 run waits for a worker .* in its old shape/) },
      ])
      await expect(carillon.removeSubscription("workflow:place-order")).rejects.toThrow(
        /one shape of a workflow.*stands for 2/,
      )
    })

    it("lets an old shape without runs be cleared away by its full name", async () => {
      waiting("place-order")
      await (await shop.carillon()).stop()
      workflowRegistry.clear()
      waiting("place-order", "reserve")
      const carillon = await shop.carillon()
      const old = (await shapesOf(carillon, "place-order")).find(({ outdated }) => outdated)

      await carillon.removeSubscription(old?.id ?? "")

      expect(await shapesOf(carillon, "place-order")).toMatchObject([{ outdated: false }])
    })
  })

  describe("a run that ended its workers' processes too often", () => {
    it("is a problem to the doctor, and goes on when its workflow is redriven", async () => {
      waiting("place-order", "reserve")
      const carillon = await shop.carillon()
      const run = await begin(carillon, "place-order")
      const jobs = shop.place.table("jobs")
      await shop.place.sql(
        `UPDATE ${jobs} SET state = 3, reason = 'crashed worker', crashes = 5 WHERE id = '${run}'`,
      )

      const { findings } = await carillon.doctor()
      const counted = await carillon.redrive({ subscription: "workflow:place-order", dryRun: true })
      const { crashed } = await only(carillon, "place-order")

      expect(findings.filter(isOfRuns)).toMatchObject([
        { verdict: "problem", what: expect.stringContaining(run) },
      ])
      expect([crashed, counted.redriven, (await carillon.stats()).crashedRuns]).toEqual([1, 1, 1])
      expect(await carillon.redrive({ subscription: "workflow:place-order" })).toMatchObject({ redriven: 1 })
      expect(await only(carillon, "place-order")).toMatchObject({ crashed: 0 })
      await carillon.workflows.revert(run)
      await ends(carillon, run, "reverted")
    })

    it("leaves a schedule standing still whose tick did so, until it is redriven", async () => {
      createWorkflow(
        { name: "sync-brands", schedule: { interval: 60_000 } },
        () => void step("sync")(undefined),
      )
      const { carillon, clock } = await shop.timed()
      const jobs = shop.place.table("jobs")
      await shop.place.sql(`UPDATE ${jobs} SET state = 3, reason = 'crashed worker' WHERE kind = 'schedule'`)

      await clock.advance("2m")
      await carillon.drain()
      const { findings } = await carillon.doctor()

      expect(shop.log).toEqual([])
      expect(findings.find(({ check }) => check === "schedules")).toMatchObject({ verdict: "problem" })
      expect(await carillon.redrive({ ids: ["schedule:sync-brands"] })).toMatchObject({ redriven: 1 })
      await until(() => shop.log.length > 0)
    })
  })

  it("is heard at once by the workers of a run, whatever group asks for it", async () => {
    waiting("place-order", "reserve")
    const rare = { pollMs: 60_000, heartbeatMs: 60_000, leaseMs: 180_000 }
    const till = await shop.carillon(rare)
    const office = await shop.carillon({ ...rare, group: "office", start: false })
    const answered = await begin(till, "place-order")
    const cancelled = await begin(till, "place-order")

    await office.workflows.completeStep(answered, "pay")
    await office.workflows.revert(cancelled)

    await ends(office, answered, "done")
    await ends(office, cancelled, "reverted")
    await office.workflows.revert(answered)
    await ends(office, answered, "reverted")
  })

  it("refuses to deliver events to a workflow", async () => {
    waiting("place-order")
    const carillon = await shop.carillon()

    await expect(carillon.replay({ subscription: "workflow:place-order", since: 0 })).rejects.toThrow(
      /Expected a subscription to events, got the workflow/,
    )
    await expect(carillon.pause("workflow:place-odrer")).rejects.toThrow(/Did you mean `workflow:place-order/)
  })
})
