import { createCarillon } from "carillon"
import type { NewWebhook } from "carillon/webhooks"
import { afterEach, describe, expect, it } from "vitest"
import { FakeNotifier } from "../support/fake-notifier.ts"
import { placeOn } from "../support/place.ts"

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function setup(over: Partial<NewWebhook> = {}) {
  const place = await placeOn("sqlite", "webhooks_refused")
  cleanups.push(() => place.remove())
  const carillon = await createCarillon({
    database: place.database,
    logger: false,
    secret: "a-secret-of-at-least-thirty-two-characters",
    webhooks: { notifiers: [new FakeNotifier()] },
  })
  cleanups.push(() => carillon.stop())
  const orders = { events: "order.placed", recipient: "https://shop.example/orders", notifier: "fake" }
  return { webhooks: carillon.webhooks, made: await carillon.webhooks.create({ ...orders, ...over }), orders }
}

const refused = (message: RegExp) => ({
  code: "CARILLON_INVALID_INPUT",
  message: expect.stringMatching(message),
})

describe("a change of a secret is refused", () => {
  it.each([
    ["with a setting that there is not", { overlap: 0 }, /Did you mean `overlapMs`/],
    ["without settings", null, /object/],
  ])("%s, and the old one stays the only one", async (_, options, message) => {
    const { webhooks, made } = await setup()

    await expect(webhooks.rotateSecret(made.id, options as object)).rejects.toMatchObject(refused(message))
    expect((await webhooks.get(made.id)).oldSecretsUntil).toEqual([])
  })

  it.each([0, 1_000])("that would change nothing, whatever the overlap (%i)", async (overlapMs) => {
    const { webhooks, made } = await setup()

    const rotation = webhooks.rotateSecret(made.id, { secret: made.secret, overlapMs })

    await expect(rotation).rejects.toMatchObject(refused(/not in use/))
  })
})

it("refuses a beginning that has not come yet", async () => {
  const { webhooks, orders } = await setup()

  const tomorrow = new Date(Date.now() + 86_400_000)

  await expect(webhooks.create({ ...orders, start: tomorrow })).rejects.toMatchObject(refused(/`start`/))
})

it("refuses a test with data that is no JSON", async () => {
  const { webhooks, made } = await setup()
  const circle: { self?: unknown } = {}
  circle.self = circle

  for (const data of [{ total: 40n }, circle])
    await expect(webhooks.test(made.id, { data })).rejects.toMatchObject(refused(/`data`/))
})

describe("what is sealed does not go along to another recipient", () => {
  const elsewhere = "https://elsewhere.example/orders"
  const sealed = { headers: { authorization: "Bearer of-the-shop" } }

  it("unless it is given anew, or dropped", async () => {
    const { webhooks, made } = await setup(sealed)

    await expect(webhooks.update(made.id, { recipient: elsewhere })).rejects.toMatchObject(
      refused(/`headers`/),
    )
    expect(await webhooks.get(made.id)).toMatchObject({
      recipient: made.recipient,
      headers: ["authorization"],
    })
    const dropped = await webhooks.update(made.id, { recipient: elsewhere, headers: {} })
    expect(dropped).toMatchObject({ recipient: elsewhere, headers: [] })
  })

  it("but to another path of the same one", async () => {
    const { webhooks, made } = await setup(sealed)

    const changed = await webhooks.update(made.id, { recipient: "https://shop.example/v2/orders" })

    expect(changed.headers).toEqual(["authorization"])
  })
})
