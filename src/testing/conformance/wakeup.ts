import type { Suite } from "./test-engine.ts"

/** Hints may be lost, but one of many must come; this is real time, for it crosses processes. */
const PATIENCE_MS = 5_000

export function testWakeup({ it, expect }: Suite): void {
  it(
    "hints when another process writes, until nobody listens any more",
    async (shop) => {
      const other = await shop.store.open?.()
      if (other === undefined) throw new Error("Expected the harness to open the store a second time.")
      let hints = 0
      const stop = other.wakeup.listen(() => {
        hints++
      })
      const until = Date.now() + PATIENCE_MS

      while (hints === 0 && Date.now() < until) {
        await shop.emit({ events: shop.orders(1) })
        shop.engine.wakeup.hint(null)
        await new Promise((resolve) => {
          setTimeout(resolve, 20)
        })
      }
      expect(hints > 0).toBe(true)
      stop()
      const heard = hints
      await shop.emit({ events: shop.orders(1) })
      shop.engine.wakeup.hint(null)
      await new Promise((resolve) => {
        setTimeout(resolve, 150)
      })

      expect(hints).toBe(heard)
      await other.close()
    },
    "several processes",
  )

  it("takes a hint that nobody listens to", async (shop) => {
    shop.engine.wakeup.hint(null)
    shop.engine.wakeup.listen(() => {})()

    expect(await shop.eventsOf()).toBe(0)
  })
}
