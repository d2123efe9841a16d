import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { createCarillon, defineEvent } from "carillon"
import { expect, it, onTestFinished } from "vitest"
import { MagentoListener } from "../../src/compat/magento/listener/listener.ts"
import { resolveListener } from "../../src/compat/magento/listener/settings.ts"
import { describeEngines } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"
import { describeRabbit } from "../support/rabbit.ts"
import { ShopBroker } from "../support/shop-broker.ts"

const ORDERS = 60
const actor = fileURLToPath(new URL("./magento-listener-actor.ts", import.meta.url))

await describeRabbit("listeners that die at a message", async () => {
  await describeEngines((engine) => {
    it("lose no event of the shop's and write none twice, whenever they die", async () => {
      await using shop = await ShopBroker.open()
      const place = await placeOn(engine, "magento_listener")
      onTestFinished(() => place.remove())
      const { database } = place
      for (let order = 1; order <= ORDERS; order++) await shop.publish("sales.order.created", { id: order })

      const deaths = [
        { diesAt: 7, when: "after" },
        { diesAt: 5, when: "before" },
        { diesAt: 11, when: "after" },
      ]
      for (const death of deaths) await dies({ database, amqp: { ...shop.settings, prefetch: 4 }, ...death })

      const carillon = await createCarillon({
        database,
        logger: false,
        definitions: [defineEvent("sales.order.created", {})],
      })
      onTestFinished(() => carillon.stop())
      const listener = new MagentoListener({ carillon, settings: resolveListener(shop.settings, {}) })
      await listener.start()
      const written = async () => (await carillon.listEvents({ limit: 500 })).items
      await poll(async () => (await written()).length).toBeGreaterThanOrEqual(ORDERS)
      await poll(() => shop.waiting()).toBe(0)
      await listener.stop()

      const ids = (await written()).map(({ data }) => (data as { id: number }).id)
      expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: ORDERS }, (_, i) => i + 1))
      expect(await shop.waiting()).toBe(0)
      expect(await shop.waiting(shop.refusedQueue)).toBe(0)
    })
  })
})

async function dies(orders: object): Promise<void> {
  const child = spawn(process.execPath, [actor, JSON.stringify(orders)], {
    stdio: ["ignore", "ignore", "inherit"],
  })
  onTestFinished(() => void child.kill("SIGKILL"))
  const [, signal] = await once(child, "exit")
  expect(signal).toBe("SIGKILL")
}

/** Asks for as long as a busy machine may take. */
function poll<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 50_000 })
}
