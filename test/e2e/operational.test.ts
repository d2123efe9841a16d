import { PermanentError } from "carillon"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  describe("a drain waits for what Carillon says", () => {
    it("of a delivery that became a dead letter", async () => {
      const { carillon } = await shop.timed()
      carillon.events
        .subscribe("order.placed", () => Promise.reject(new PermanentError("no such account")), {
          subscriberId: "crm",
        })
        .subscribe("carillon.*", ({ name }) => void shop.log.push(name), { subscriberId: "alarm" })
      await carillon.emit({ name: "order.placed", data: {} })

      await carillon.drain()

      expect(shop.log).toEqual(["carillon.dead_letter"])
    })

    it("of a subscription whose handler is gone", async () => {
      const { carillon, clock } = await shop.timed({ leaseMs: 15_000, heartbeatMs: 5_000 })
      carillon.events
        .subscribe("brand.created", () => {}, { subscriberId: "search" })
        .subscribe("carillon.*", ({ name }) => void shop.log.push(name), { subscriberId: "alarm" })
      await carillon.drain()
      carillon.events.unsubscribe("brand.created", undefined, { subscriberId: "search" })
      await carillon.drain()

      for (let seconds = 0; seconds < 60; seconds += 5) {
        await clock.advance("5s")
        await carillon.drain()
        const before = [...shop.log]
        const { items } = await carillon.listEvents({ name: "carillon.subscription.orphaned" })
        expect(before).toEqual(items.map(({ name }) => name))
      }

      expect(shop.log).toEqual(["carillon.subscription.orphaned"])
    })
  })
})
