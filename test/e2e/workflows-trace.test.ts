import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Carillon } from "carillon"
import {
  createStep,
  createWorkflow,
  emitEventStep,
  StepResponse,
  WorkflowResponse,
  waitForEventStep,
} from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  const env = { ...process.env, CARILLON_DATABASE: "", FORCE_COLOR: undefined }

  /** The real command line, as a process of its own. */
  function cli(...args: string[]): Promise<string> {
    const all = [main, ...args, "--database", shop.database, "--group", "shop"]
    return new Promise((resolve) => {
      execFile(process.execPath, all, { env }, (_, out, err) => resolve(out + err))
    })
  }

  /** An order whose handler runs a workflow that emits, by a child that emits as well. */
  async function placed(): Promise<{ carillon: Carillon; event: string; run: string; child: string }> {
    const notify = createWorkflow("notify", () => {
      emitEventStep({ eventName: "mail.sent", data: { to: "ada" } })
      return new WorkflowResponse("sent")
    })
    const ship = createWorkflow("ship", () => {
      createStep("pack", async (_: undefined) => new StepResponse("packed"))(undefined)
      emitEventStep({ eventName: "parcel.sent", data: { id: "parcel_1" } })
      notify.runAsStep({ input: undefined })
    })
    const carillon = await shop.carillon({ start: false })
    carillon.events.subscribe("order.placed", () => void ship(carillon.container).run(), {
      subscriberId: "shipping",
    })
    await carillon.start()
    const [receipt] = await carillon.emit({ name: "order.placed" })
    await carillon.drain()
    const { items } = await carillon.workflows.list()
    const idOf = (workflow: string) => items.find((each) => each.workflow === workflow)?.id ?? "none"
    return { carillon, event: receipt?.id ?? "none", run: idOf("ship"), child: idOf("notify") }
  }

  async function eventNamed(carillon: Carillon, name: string): Promise<string> {
    return (await carillon.listEvents({ name })).items[0]?.id ?? "none"
  }

  describe("a trace", () => {
    it("names the run that emitted an event, the run whose step that was, and what began them", async () => {
      const { carillon, event, run, child } = await placed()

      const { causes } = await carillon.trace(await eventNamed(carillon, "mail.sent"))

      expect(causes).toMatchObject([
        { kind: "run", id: child, name: "notify", at: expect.any(Date) },
        { kind: "run", id: run, name: "ship", at: expect.any(Date) },
        { kind: "event", id: event, name: "order.placed" },
      ])
    })

    it("names the runs that an event's deliveries began", async () => {
      const { carillon, event, run } = await placed()

      const { runs, deliveries } = await carillon.trace(event)

      expect(runs).toMatchObject([{ id: run, workflow: "ship", deliveryId: deliveries[0]?.deliveryId }])
    })

    it("of a run says where runs are shown", async () => {
      const { carillon, run } = await placed()

      await expect(carillon.trace(run)).rejects.toThrow(`carillon runs show ${run}`)
      await expect(carillon.trace("run_404")).rejects.toThrow("there is none here")
    })
  })

  describe("a run", () => {
    it("shows what it emitted, and the runs that were its steps with what they emitted", async () => {
      const { carillon, run, child } = await placed()

      const [parent, notified] = [
        await carillon.workflows.retrieve(run),
        await carillon.workflows.retrieve(child),
      ]

      expect(parent).toMatchObject({
        state: "done",
        emitted: [{ kind: "event", name: "parcel.sent", id: await eventNamed(carillon, "parcel.sent") }],
        searchedAll: true,
        children: [{ id: child, workflow: "notify", state: "done" }],
      })
      expect(notified).toMatchObject({ emitted: [{ name: "mail.sent" }], children: [], parent: { run } })
    })

    it("shows what is staged while it goes on, and nothing of it when it was undone", async () => {
      createWorkflow("ship", () => {
        emitEventStep({ eventName: "parcel.sent", data: { id: "parcel_1" } })
        waitForEventStep({ event: "parcel.arrived" })
      })
      const carillon = await shop.carillon()
      const { transaction } = await carillon.workflows.run("ship")
      await carillon.drain()

      const during = await carillon.workflows.retrieve(transaction.runId)
      await carillon.workflows.cancel("ship", {
        transactionId: transaction.transactionId,
        throwOnError: false,
      })
      const after = await carillon.workflows.retrieve(transaction.runId)

      expect(during.emitted).toMatchObject([{ name: "parcel.sent" }])
      expect([after.state, after.emitted]).toEqual(["reverted", []])
    })
  })

  describe("carillon", () => {
    it("shows runs, workflows and schedules, and traces through them", async () => {
      const { carillon, event, run, child } = await placed()
      createWorkflow({ name: "sync-brands", schedule: { cron: "0 3 * * *" } }, () => {})
      await carillon.drain()
      const [workflows] = await carillon.workflows.listWorkflows()

      const [traced, shown, same, mail, listed, parents, json] = await Promise.all([
        cli("trace", event),
        cli("runs", "show", run),
        cli("trace", run),
        cli("trace", await eventNamed(carillon, "mail.sent")),
        cli("workflows"),
        cli("runs", "--parent", run),
        cli("workflows", "--json"),
      ])

      expect(traced).toContain(`started the run ${run} of ship: done`)
      expect(shown).toMatch(/^ {2}emitted {6}parcel\.sent {2}run_\w+:/m)
      expect(shown).toContain(`  child        a run of notify  ${child}  done`)
      expect(same).toBe(shown)
      expect(mail).toContain(`  caused by  a run of notify  ${child}\n  caused by  a run of ship  ${run}\n`)
      expect(mail).toContain(`  caused by  order.placed  ${event}\n`)
      expect(listed).toMatch(/^shop +workflow:notify#\w+ +live +0 +0 +0 +0 +\d+$/m)
      expect(parents).toContain(child)
      expect(JSON.parse(json)).toContainEqual(JSON.parse(JSON.stringify(workflows)))
    })

    it("lists schedules, pauses and removes them", async () => {
      createWorkflow(
        { name: "sync-brands", schedule: { cron: "0 3 * * *", timeZone: "Europe/Berlin" } },
        () => {},
      )
      await shop.carillon()

      const live = await cli("schedules")
      const paused = [await cli("pause", "schedule:sync-brands"), await cli("schedules")]
      const removed = [await cli("subscriptions", "remove", "schedule:sync-brands"), await cli("schedules")]

      expect(live).toMatch(
        /^shop +schedule:sync-brands +live +0 3 \* \* \* \(Europe\/Berlin\) +\S+T\S+ +- +- +- +\d+$/m,
      )
      expect(paused).toEqual(["schedule:sync-brands is paused\n", expect.stringMatching(/ paused /)])
      expect(removed).toEqual([
        "schedule:sync-brands is removed\n",
        expect.not.stringContaining("sync-brands"),
      ])
    })
  })
})
