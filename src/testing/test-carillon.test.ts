import { afterEach, describe, expect, it } from "vitest"
import { z } from "zod"
import { defineEvent } from "../core/definition.ts"
import { createStep } from "../workflows/create-step.ts"
import { createWorkflow } from "../workflows/create-workflow.ts"
import { emitEventStep } from "../workflows/emit-event-step.ts"
import { sleepStep } from "../workflows/sleep-step.ts"
import { createTestCarillon, type TestCarillon, type TestCarillonOptions } from "./test-carillon.ts"

const open: TestCarillon[] = []

async function setup(options?: TestCarillonOptions): Promise<TestCarillon> {
  const carillon = await createTestCarillon(options)
  open.push(carillon)
  return carillon
}

afterEach(async () => {
  for (const carillon of open.splice(0)) await carillon.stop()
})

describe("createTestCarillon", () => {
  it("handles what is emitted, without any real time passing", async () => {
    const carillon = await setup()
    const heard: unknown[] = []
    carillon.events.subscribe("order.placed", (event) => heard.push(event.data), { subscriberId: "mail" })

    await carillon.events.emit({ name: "order.placed", data: { id: "ord_1001" } })
    await carillon.drain()

    expect(heard).toEqual([{ id: "ord_1001" }])
  })

  it("runs a retry when the clock has been moved to it, and not a millisecond earlier", async () => {
    const carillon = await setup({ inline: true })
    const attempts: number[] = []
    carillon.events.subscribe(
      "order.placed",
      (_event, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw new Error("The CMS is down")
      },
      { subscriberId: "sync", policy: { initialBackoffDelay: 30_000 } },
    )
    await carillon.events.emit({ name: "order.placed" })

    await carillon.clock.advance("29999ms")
    expect(attempts).toEqual([1])
    await carillon.clock.advance(1)

    expect(attempts).toEqual([1, 2])
  })

  it("leaves the start to the test when it is asked to", async () => {
    const carillon = await setup({ start: false })
    const heard: unknown[] = []
    carillon.events.subscribe("order.placed", () => heard.push(1), { subscriberId: "mail" })
    await carillon.emit({ name: "order.placed" })
    await carillon.drain()
    expect(heard).toEqual([])

    await carillon.start()
    await carillon.drain()

    expect(heard).toEqual([1])
  })
})

describe("inline", () => {
  it("resolves emit only after the handlers have run, those of further events too", async () => {
    const carillon = await setup({ inline: true })
    const heard: string[] = []
    carillon.events.subscribe(
      "order.placed",
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        await carillon.events.emit({ name: "order.confirmed" })
        heard.push("placed")
      },
      { subscriberId: "confirm" },
    )
    carillon.events.subscribe("order.confirmed", () => heard.push("confirmed"), { subscriberId: "mail" })

    await carillon.events.emit({ name: "order.placed" })

    expect(heard.toSorted()).toEqual(["confirmed", "placed"])
  })

  it("resolves a release only after the handlers have run", async () => {
    const carillon = await setup({ inline: true })
    const heard: string[] = []
    carillon.events.subscribe("order.placed", () => heard.push("placed"), { subscriberId: "mail" })
    await carillon.events.emit({ name: "order.placed", metadata: { eventGroupId: "checkout_1" } })
    expect(heard).toEqual([])

    await carillon.events.releaseGroupedEvents("checkout_1")

    expect(heard).toEqual(["placed"])
  })
})

describe("recorded", () => {
  const orderPlaced = defineEvent("order.placed", z.object({ id: z.string(), total: z.number().default(0) }))

  it("finds an event by its name and some of its data", async () => {
    const carillon = await setup()
    await carillon.emit({ name: "order.placed", data: { id: "ord_1001", lines: [{ sku: "mug", count: 2 }] } })

    const { data } = carillon.recorded.expectEmitted<{ id: string; lines: { sku: string }[] }>(
      "order.placed",
      {
        lines: [{ sku: "mug" }],
      },
    )

    expect(data.id).toBe("ord_1001")
    carillon.recorded.expectNotEmitted("order.placed", { id: "ord_1002" })
    carillon.recorded.expectNotEmitted("order.placed", { lines: [] })
  })

  it("gives the data of a definition its type, as the schema left it", async () => {
    const carillon = await setup({ definitions: [orderPlaced] })
    await carillon.events.emit(orderPlaced.create({ id: "ord_1001" }))

    const { data } = carillon.recorded.expectEmitted(orderPlaced, { id: "ord_1001" })

    expect(data.total.toFixed(2)).toBe("0.00")
  })

  it("says what was emitted instead", async () => {
    const carillon = await setup()
    expect(() => carillon.recorded.expectEmitted("order.placed")).toThrow("Nothing was emitted.")
    await carillon.emit({ name: "order.placed", data: { id: "ord_1001" } })

    expect(() => carillon.recorded.expectEmitted("order.placed", { id: "ord_9" })).toThrow(
      'Expected `order.placed` with {"id":"ord_9"} to be emitted. Emitted were:\n  order.placed {"id":"ord_1001"}',
    )
    expect(() => carillon.recorded.expectNotEmitted("order.placed")).toThrow("not to be emitted, but it was")
  })

  it("counts a staged event from its release on, and a refused one never", async () => {
    const carillon = await setup()
    await carillon.emit({ name: "order.placed", data: 1, metadata: { eventGroupId: "checkout_1" } })
    carillon.recorded.expectNotEmitted("order.placed")
    await carillon.emit({ name: "brand.created", id: "brand_1", data: 1 })
    await expect(carillon.emit({ name: "brand.created", id: "brand_1", data: 2 })).rejects.toThrow("brand_1")

    await carillon.events.releaseGroupedEvents("checkout_1")

    expect(carillon.recorded.list.map(({ name, data }) => [name, data])).toEqual([
      ["brand.created", 1],
      ["order.placed", 1],
    ])
  })

  it("keeps its own copy, hears emits of handlers, and forgets on demand", async () => {
    const carillon = await setup({ inline: true })
    carillon.events.subscribe("order.placed", () => carillon.events.emit({ name: "order.confirmed" }), {
      subscriberId: "confirm",
    })
    const data = { id: "ord_1001" }
    await carillon.emit({ name: "order.placed", data })
    data.id = "changed"

    expect(carillon.recorded.list.map((each) => each.name)).toEqual(["order.placed", "order.confirmed"])
    carillon.recorded.expectEmitted("order.placed", { id: "ord_1001" })
    carillon.recorded.clear()
    expect(carillon.recorded.list).toEqual([])
  })

  it("keeps what a run emitted once it is done, whoever began it, and nothing of one that was undone", async () => {
    const charge = createStep("charge", async ({ refused }: { refused?: boolean }) => {
      if (refused === true) throw new Error("The card was refused")
    })
    const placeOrder = createWorkflow("place-order-recorded", (order: { id: string; refused?: boolean }) => {
      emitEventStep({ eventName: "order.placed", data: { id: order.id } })
      sleepStep({ seconds: 60 })
      charge(order)
    })
    const carillon = await setup({ inline: true })
    carillon.events.subscribe<{ id: string }>(
      "cart.closed",
      async ({ data }, { container }) => void (await placeOrder(container).run({ input: { id: data.id } })),
      { subscriberId: "place-order" },
    )
    await placeOrder(carillon.container).run({ input: { id: "ord_1001" } })
    await placeOrder(carillon.container).run({ input: { id: "ord_1002", refused: true } })
    await carillon.events.emit({ name: "cart.closed", data: { id: "ord_1003" } })
    carillon.recorded.expectNotEmitted("order.placed")

    await carillon.clock.advance("61s")

    expect(carillon.recorded.list.map(({ name, data }) => [name, data])).toEqual([
      ["cart.closed", { id: "ord_1003" }],
      ["order.placed", { id: "ord_1001" }],
      ["order.placed", { id: "ord_1003" }],
    ])
  })
})
