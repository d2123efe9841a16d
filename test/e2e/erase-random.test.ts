import { type Carillon, PermanentError } from "carillon"
import type { MovingClock } from "carillon/testing"
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "carillon/workflows"
import fc from "fast-check"
import { expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { everyRow, filesWith } from "../support/traces-of.ts"
import { passUntil, WorkflowShop } from "../support/workflow-shop.ts"

const ANNA = "anna.example@mail.test"
const BOB = "bob.example@mail.test"

/** What an order brings, and so what becomes of it. */
interface Order {
  readonly email: string
  readonly fate: "fine" | "fails once" | "dies" | "is fulfilled" | "cannot be fulfilled"
}

const order = fc.record({
  email: fc.constantFrom(ANNA, BOB),
  fate: fc.constantFrom<Order["fate"]>("fine", "fails once", "dies", "is fulfilled", "cannot be fulfilled"),
  as: fc.record({
    scope: fc.constantFrom("", "acme", "globex"),
    keyed: fc.boolean(),
    named: fc.boolean(),
    staged: fc.boolean(),
    delay: fc.constantFrom(undefined, 1_000, 600_000),
  }),
})
type Emitted = typeof order extends fc.Arbitrary<infer T> ? T : never

const deed = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("emit" as const),
      orders: fc.array(order, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant("advance" as const), ms: fc.constantFrom(100, 2_000, 60_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constantFrom("pause", "resume", "redrive", "replay", "release", "clear", "cancel"),
    }),
  },
)
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never

await describeEngines((engine) => {
  it(`leaves nothing of one person and everything of the other, whatever happened (${engine})`, {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 3, maxLength: 20 }), async (deeds) => {
        const shop = await WorkflowShop.open(engine)
        try {
          await plays(shop, deeds)
        } finally {
          await shop.close()
        }
      }),
      { numRuns: engine === "sqlite" ? 15 : 4, endOnFailure: true },
    )
  })

  async function plays(shop: WorkflowShop, deeds: readonly Deed[]): Promise<void> {
    const { carillon, clock } = await opened(shop)
    for (const each of deeds) await does(each, carillon, clock)
    await passUntil(clock, carillon.drain())
    await carillon.drain() // the last step of the clock may have made something due
    const before = await everyRow(shop.place, engine)

    const dry = await carillon.erase({ where: { data: { email: [ANNA] } }, includeOpen: true, dryRun: true })
    expect(await everyRow(shop.place, engine)).toEqual(before)
    const done = await carillon.erase({ where: { data: { email: [ANNA] } }, includeOpen: true })

    expect({ ...dry, dryRun: false, remains: done.remains }).toEqual(done)
    const after = await everyRow(shop.place, engine)
    for (const [table, rows] of after)
      expect({ table, rows: rows.filter((row) => row.includes(ANNA)) }).toEqual({ table, rows: [] })
    for (const [table, rows] of before)
      for (const row of rows) if (row.includes(BOB)) expect(after.get(table)).toContain(row)
    const again = await carillon.erase({ where: { data: { email: [ANNA] } }, includeOpen: true })
    expect(again).toMatchObject({ events: 0, staged: 0, deliveries: 0, runs: 0, steps: 0 })
    await clock.advance("11m")
    await passUntil(clock, carillon.drain())
    await carillon.stop()
    if (engine === "sqlite") expect(filesWith(shop.database, ANNA)).toEqual([])
  }

  /** Handlers and steps that say in all they write whom it is about. */
  async function opened(shop: WorkflowShop): Promise<{ carillon: Carillon; clock: MovingClock }> {
    const failed = new Set<string>()
    const charge = createStep(
      "charge",
      async ({ email }: Order) => new StepResponse(`charged ${email}`, email),
      async (email) => void email,
    )
    const ship = createStep("ship", async ({ email, fate }: Order) => {
      if (fate === "cannot be fulfilled") throw new Error(`no address of ${email}`)
      return new StepResponse(`shipped to ${email}`)
    })
    const bill = createWorkflow("bill", (input: Order) => new WorkflowResponse(charge(input)))
    const fulfil = createWorkflow("fulfil", (input: Order) => {
      bill.runAsStep({ input })
      return new WorkflowResponse(ship(input))
    })
    const { carillon, clock } = await shop.timed({ start: false })
    carillon.events
      .subscribe<Order>(
        "order.placed",
        async ({ data, id }) => {
          const { email, fate } = data
          if (fate === "dies") throw new PermanentError(`no mailbox ${email}`)
          if (fate === "fails once" && !failed.has(id)) {
            failed.add(id)
            throw new Error(`${email} is busy`)
          }
          if (fate.includes("fulfilled"))
            await fulfil(carillon.container).run({ input: data, throwOnError: false })
        },
        { subscriberId: "fulfilment", policy: { retries: 2, initialBackoffDelay: 1_000 } },
      )
      .subscribe("order.placed", () => {}, { subscriberId: "stock", policy: { order: "hold" } })
      .subscribe("carillon.*", () => {}, { subscriberId: "alarm" })
    await carillon.start()
    return { carillon, clock }
  }

  let emitted = 0
  async function does(each: Deed, carillon: Carillon, clock: MovingClock): Promise<void> {
    switch (each.does) {
      case "emit":
        await carillon.emit(each.orders.map(toEvent))
        return
      case "advance":
        await clock.advance(each.ms)
        return
      case "pause":
        return carillon.pause("fulfilment")
      case "resume":
        return carillon.resume("fulfilment")
      case "redrive":
        await carillon.redrive({ all: true })
        return
      case "replay":
        await passUntil(clock, carillon.drain())
        await carillon.replay({ subscription: "fulfilment", since: 0 })
        return
      case "release":
        return carillon.events.releaseGroupedEvents("cart")
      case "clear":
        return carillon.events.clearGroupedEvents("cart")
      case "cancel":
        await carillon.cancel({ all: true })
        return
    }
  }

  function toEvent({ email, fate, as }: Emitted) {
    const { scope, keyed, named, staged, delay } = as
    return {
      name: "order.placed",
      data: { email, fate },
      scope: scope === "" ? undefined : scope,
      key: keyed ? `cart of ${email}` : undefined,
      id: named ? `ord_${++emitted}` : undefined,
      metadata: { by: email, ...(staged ? { eventGroupId: "cart" } : {}) },
      ...(delay === undefined || staged ? {} : { delay }),
    }
  }
})
