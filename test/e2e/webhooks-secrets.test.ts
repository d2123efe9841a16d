import { createTestCarillon } from "carillon/testing"
import { expect, it, onTestFinished } from "vitest"
import { DOWN, FakeNotifier, OK } from "../support/fake-notifier.ts"

const orders = { events: "order.placed", recipient: "https://shop.example/orders", notifier: "fake" }
const placed = { name: "order.placed", data: { id: "ord_1001" } }

async function setup() {
  const notifier = new FakeNotifier()
  const warnings: unknown[] = []
  const log = (...words: unknown[]): void => void warnings.push(...words)
  const logger = { debug: () => {}, info: () => {}, warn: log, error: log }
  const carillon = await createTestCarillon({ inline: true, logger, webhooks: { notifiers: [notifier] } })
  onTestFinished(() => carillon.stop())
  const secrets = () => notifier.told.at(-1)?.subscription.secrets.map(({ secret }) => secret) ?? []
  return { carillon, notifier, secrets, warnings }
}

it("signs with the secret before as well, until its overlap is over", async () => {
  const { carillon, secrets } = await setup()
  const { id, secret } = await carillon.webhooks.create(orders)
  await carillon.emit(placed)
  expect(secrets()).toEqual([secret])

  const { secret: next } = await carillon.webhooks.rotateSecret(id, { overlapMs: 3_600_000 })
  await carillon.emit(placed)
  expect(secrets()).toEqual([next, secret])
  await carillon.clock.advance("61m")
  await carillon.emit(placed)

  expect(secrets()).toEqual([next])
})

it("opens secrets once, and anew only when the webhook was changed", async () => {
  const { carillon, notifier } = await setup()
  const { id } = await carillon.webhooks.create({ ...orders, headers: { authorization: "Bearer 1" } })
  await carillon.emit(placed)
  await carillon.emit(placed)
  const [first, second] = notifier.told.map(({ subscription }) => subscription)
  expect(second).toBe(first)

  await carillon.webhooks.update(id, { headers: { authorization: "Bearer 2" } })
  await carillon.emit(placed)

  expect(notifier.told.at(-1)?.subscription.headers).toEqual({ authorization: "Bearer 2" })
})

it("says in the log that an attempt failed, without what is secret and without a stack", async () => {
  const { carillon, notifier, warnings } = await setup()
  const headers = { authorization: "Bearer of-nobody-else" }
  const { id, secret } = await carillon.webhooks.create({ ...orders, headers })
  notifier.answer = () => DOWN

  await carillon.emit(placed)

  const said = JSON.stringify(warnings)
  expect(said).toContain(`${id} failed on order.placed`)
  expect(said).toContain("the shop is closed")
  for (const hidden of [secret, "of-nobody-else", "    at "]) expect(said).not.toContain(hidden)
})

it("says in the log what was a sentence before as one sentence still", async () => {
  const { carillon, notifier, warnings } = await setup()
  await carillon.webhooks.create({ ...orders, policy: { retries: 0 } })
  notifier.answer = () => ({ success: false, responseData: "Nothing was sent." })
  await carillon.emit(placed)
  await carillon.drain()

  const said = warnings.map(String).find((each) => each.includes("dead letter"))
  expect(said).toMatch(/attempt 1: Nothing was sent\. It is a dead letter: its only attempt failed\.$/)
})

it("says once in a while that it cannot send for a fault of its own", async () => {
  const { carillon, notifier, warnings } = await setup()
  const { id } = await carillon.webhooks.create(orders)
  notifier.answer = () => ({ success: false, responseData: "no names are resolved", fault: "sender" })
  await carillon.emit(placed)
  await carillon.clock.advance("10m")
  await carillon.drain()

  const said = warnings.filter((each) => String(each).includes("no names are resolved"))
  expect(said.length).toBeGreaterThan(0)
  expect(said.length).toBeLessThan(5)
  expect(said[0]).toContain(id)
  notifier.answer = () => OK
  await carillon.clock.advance("1m")
  await carillon.drain()
  expect(await carillon.listDeliveries({ subscription: id, state: "delivered" })).toMatchObject({
    items: [{ attempts: [{ attempt: 1 }] }],
  })
})
