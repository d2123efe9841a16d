import type { Carillon, CarillonEvent } from "carillon"
import { createStep, createWorkflow, StepResponse } from "carillon/workflows"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { until, WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  const heard: CarillonEvent[] = []
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
    heard.length = 0
  })
  afterEach(() => shop.close())

  /** A workflow of which nothing comes; `stays` = what it did cannot be undone either. */
  function failing(id: string, { stays = false } = {}) {
    const reserve = createStep(
      "reserve",
      async (_: undefined) => new StepResponse("reserved", "reserved"),
      async () => {
        if (stays) throw new Error("the stock is locked")
      },
    )
    const charge = createStep("charge", async (_: undefined) => {
      throw new Error("card refused")
    })
    return createWorkflow(id, () => {
      reserve(undefined)
      charge(undefined)
    })
  }

  function listen(carillon: Carillon, pattern = "carillon.run.*"): void {
    carillon.events.subscribe(pattern, (event) => void heard.push(event), { subscriberId: "alarm" })
  }

  async function ended(carillon: Carillon, workflow: string): Promise<string> {
    const { transaction } = await carillon.workflows.run(workflow, { throwOnError: false })
    return transaction.runId
  }

  describe("Carillon's own events about runs", () => {
    it("say that a run was undone, and that one could not be", async () => {
      failing("place-order")
      failing("place-preorder", { stays: true })
      const carillon = await shop.carillon({ start: false })
      listen(carillon)
      await carillon.start()

      const [undone, failed] = [await ended(carillon, "place-order"), await ended(carillon, "place-preorder")]
      await until(() => heard.length === 2)

      const { transactionId } = await carillon.workflows.retrieve(undone)
      expect(heard).toMatchObject([
        {
          name: "carillon.run.reverted",
          sender: "carillon",
          causationId: undone,
          data: {
            run: undone,
            workflow: "place-order",
            transactionId,
            group: "shop",
            parent: null,
            error: "card refused",
          },
        },
        {
          name: "carillon.run.failed",
          causationId: failed,
          data: { run: failed, workflow: "place-preorder" },
        },
      ])
    })

    it("are not made of runs that are done, nor while nobody listens", async () => {
      failing("place-order")
      createWorkflow("greet", () => {
        createStep("greet", async (_: undefined) => {})(undefined)
      })
      const carillon = await shop.carillon()

      await ended(carillon, "place-order")
      await ended(carillon, "greet")
      await carillon.drain()

      expect((await carillon.listEvents()).items).toEqual([])
    })

    it("are told later where the process died in which the run ended", async () => {
      failing("place-order")
      const first = await shop.carillon({ start: false })
      const run = await ended(first, "place-order") // while nobody listens: as if it had not come to tell
      await first.stop()
      const { carillon, clock } = await shop.timed({ start: false }, new Date())
      listen(carillon)
      await carillon.start()

      for (let turn = 0; turn < 50 && heard.length === 0; turn++) {
        await clock.advance("6s")
        await carillon.drain()
      }
      await clock.advance("30s")
      await carillon.drain()

      expect(heard).toMatchObject([{ name: "carillon.run.reverted", data: { run } }])
    })

    it("say that a run ends its workers' processes", async () => {
      createWorkflow("place-order", () => {
        createStep({ name: "pay", async: true }, async (_: undefined) => {})(undefined)
      })
      const { carillon, clock } = await shop.timed({ start: false }, new Date())
      listen(carillon, "carillon.run.crashed")
      await carillon.start()
      const { transaction } = await carillon.workflows.run("place-order")
      await carillon.drain()
      const jobs = shop.place.table("jobs")
      await shop.place.sql(
        `UPDATE ${jobs} SET state = 3, reason = 'crashed worker', crashes = 5, updated_at = ${Date.now()} WHERE id = '${transaction.runId}'`,
      )

      for (let turn = 0; turn < 50 && heard.length === 0; turn++) {
        await clock.advance("6s")
        await carillon.drain()
      }

      expect(heard).toMatchObject([{ data: { run: transaction.runId, workflow: "place-order", crashes: 5 } }])
    })

    it("are not made of runs that such an event began: a workflow that mends others may fail itself", async () => {
      failing("place-order")
      const mend = failing("mend-order")
      const carillon = await shop.carillon({ start: false })
      carillon.events.subscribe(
        "carillon.run.*",
        async (event) => {
          heard.push(event)
          await mend(carillon.container).run({ throwOnError: false })
        },
        { subscriberId: "mender" },
      )
      await carillon.start()

      await ended(carillon, "place-order")
      const mended = async () =>
        (await carillon.workflows.list({ workflow: "mend-order", state: "reverted" })).items.length
      await until(async () => (await mended()) > 0)
      await carillon.drain()

      expect(heard.map(({ data }) => (data as { workflow: string }).workflow)).toEqual(["place-order"])
      expect(await mended()).toBe(1)
    })
  })
})
