import { describe, expect, it } from "vitest"
import { z } from "zod"
import { defineEvent, type EventDefinition } from "../core/definition.ts"
import { PermanentError } from "../core/errors.ts"
import type { ResolveContext } from "../core/resolver.ts"
import { EventView } from "../core/view.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { Resolvers } from "./resolve.ts"

const NAME = "sales.order.created"

function setup(...definitions: EventDefinition[]) {
  const clock = movingClock()
  const services: Record<string, unknown> = {}
  const container = {
    resolve: <T>(name: string): T => {
      if (!(name in services)) throw new Error(`Could not resolve '${name}'.`)
      return services[name] as T
    },
  }
  const resolvers = new Resolvers({
    definitions: new Map(definitions.map((each) => [each.name, each])),
    container,
    clock,
    mostBytes: 1_000,
  })
  const controller = new AbortController()
  const resolve = (
    view = published({ id: "ord_1001" }),
    { signal } = controller,
    delivery = `dlv_${++count}`,
  ) => resolvers.resolve(view, { signal, deliveryId: delivery })
  return { clock, services, resolve, controller }
}

let count = 0
function published(args: unknown, { unresolved = true, name = NAME, metadata = {} } = {}): EventView {
  const extra = JSON.stringify(unresolved ? { unresolved, metadata } : { metadata })
  const rest = { scope: "", sender: null, key: null, at: 1, hash: null, id: `evt_${++count}` }
  return new EventView({ name, data: JSON.stringify(args), extra, ...rest }, "01J0000000000000000000000A", 0)
}

describe("what webhooks tell of an event", () => {
  it("is its data, unless it was published to be resolved late", async () => {
    const { resolve } = setup(defineEvent(NAME, { resolve: () => "looked up" }))

    expect(await resolve(published({ total: 5 }, { unresolved: false }))).toEqual({ total: 5 })
    expect(await resolve(published({ id: "ord_1001" }))).toBe("looked up")
  })

  it("is what a function returns, which gets arguments, container, event and store", async () => {
    const seen: unknown[] = []
    const look = (args: unknown, context: ResolveContext) => seen.push([args, context])
    const { resolve } = setup(defineEvent(NAME, { resolve: look }))
    const event = published({ id: "ord_1001" }, { metadata: { storeId: 3 } })

    await resolve(event)

    expect(seen).toMatchObject([[{ id: "ord_1001" }, { storeId: 3, signal: expect.any(AbortSignal) }]])
    expect((seen[0] as [unknown, ResolveContext])[1].event).toBe(event)
  })

  it("is what a service of the container returns, called as its own", async () => {
    const definition = defineEvent(NAME, { resolve: { service: "orders", method: "get", params: ["id"] } })
    const { resolve, services } = setup(definition)
    services.orders = {
      totals: new Map([["ord_1001", 5]]),
      get(this: { totals: Map<string, number> }, id: string) {
        return { id, total: this.totals.get(id) }
      },
    }

    expect(await resolve()).toEqual({ id: "ord_1001", total: 5 })
  })

  it("is plain JSON, which nobody can change for others", async () => {
    class Order {
      readonly at = new Date(0)
      readonly lines = [{ sku: "A" }]
    }
    const { resolve } = setup(defineEvent(NAME, { resolve: () => new Order() }))

    const data = (await resolve()) as { lines: unknown[] }

    expect(data).toEqual({ at: "1970-01-01T00:00:00.000Z", lines: [{ sku: "A" }] })
    expect(() => data.lines.push({})).toThrow()
  })

  it("is what the schema makes of it", async () => {
    const schema = z.object({ id: z.string(), currency: z.string().default("EUR") })
    const { resolve } = setup(defineEvent(NAME, { schema, resolve: async ({ id }) => ({ id, secret: 1 }) }))

    expect(await resolve()).toEqual({ id: "ord_1001", currency: "EUR" })
    await expect(resolve(published({ id: 7 }))).rejects.toMatchObject({ code: "CARILLON_SCHEMA" })
  })

  it("is null where nothing was found", async () => {
    const { resolve } = setup(defineEvent(NAME, { resolve: () => undefined }))

    expect(await resolve()).toBeNull()
  })
})

describe("deliveries of one event", () => {
  it("share one look, also those that come right after it", async () => {
    let looks = 0
    const { resolve, clock } = setup(defineEvent(NAME, { resolve: async () => ++looks }))
    const event = published({ id: "ord_1001" })

    expect(await Promise.all([resolve(event), resolve(event), resolve(event)])).toEqual([1, 1, 1])
    expect(await resolve(event)).toBe(1)
    await clock.advance(5_000)

    expect(await resolve(event)).toBe(2)
    expect(await resolve(published({ id: "ord_1002" }))).toBe(3)
  })

  it("look again where one is tried again, however soon, and share that look", async () => {
    let looks = 0
    const { resolve, clock, controller } = setup(defineEvent(NAME, { resolve: async () => ++looks }))
    const event = published({ id: "ord_1001" })
    const attempt = (delivery: string) => resolve(event, controller, delivery)

    expect(await Promise.all([attempt("dlv_erp"), attempt("dlv_crm")])).toEqual([1, 1])
    await clock.advance(1_000)

    expect(await Promise.all([attempt("dlv_erp"), attempt("dlv_crm")])).toEqual([2, 2])
    expect(await attempt("dlv_mail")).toBe(2)
  })

  it("share a failure while they wait together, and look anew after it", async () => {
    let looks = 0
    const shop = async () => {
      if (++looks === 1) throw new Error("The shop is closed")
      return looks
    }
    const { resolve } = setup(defineEvent(NAME, { resolve: shop }))
    const event = published({ id: "ord_1001" })

    const both = await Promise.allSettled([resolve(event), resolve(event)])

    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"])
    expect(await resolve(event)).toBe(2)
  })

  it("leave a look to the others, and the last who leaves ends it", async () => {
    let signal: AbortSignal | null = null
    const { promise, resolve: found } = Promise.withResolvers<string>()
    const look = (_: unknown, context: ResolveContext) => {
      signal = context.signal
      return promise
    }
    const { resolve } = setup(defineEvent(NAME, { resolve: look }))
    const event = published({ id: "ord_1001" })
    const [first, second] = [new AbortController(), new AbortController()]
    const [one, other] = [resolve(event, first), resolve(event, second)]

    first.abort(new Error("The attempt's time is over"))
    await expect(one).rejects.toThrow("time is over")
    expect(signal).toMatchObject({ aborted: false })
    second.abort(new Error("The process ends"))

    await expect(other).rejects.toThrow("process ends")
    expect(signal).toMatchObject({ aborted: true })
    found("too late")
    expect(await resolve(event)).toBe("too late")
  })
})

describe("a failure", () => {
  it("of the resolver has its reason and its cause", async () => {
    const cause = new Error("Order 7 does not exist")
    const fail = () => {
      throw cause
    }
    const { resolve } = setup(defineEvent(NAME, { resolve: fail }))

    await expect(resolve()).rejects.toMatchObject({
      code: "CARILLON_RESOLVE",
      message: "The resolver of `sales.order.created` failed: Order 7 does not exist",
      cause,
    })
  })

  it("that says itself that it is final stays so", async () => {
    const fail = () => {
      throw new PermanentError("The shop was sold")
    }
    const { resolve } = setup(defineEvent(NAME, { resolve: fail }))

    await expect(resolve()).rejects.toMatchObject({ code: "CARILLON_PERMANENT" })
  })

  it("of the wiring names the event and what is missing", async () => {
    const wish = { service: "orders", method: "get" }
    const { resolve, services } = setup(defineEvent(NAME, { resolve: wish }), defineEvent("order.paid", {}))

    await expect(resolve()).rejects.toThrow(/service `orders`, which resolves `sales\.order\.created`/)
    services.orders = { find: () => null }
    await expect(resolve()).rejects.toThrow(/to have the method `get`/)
    for (const name of ["order.paid", "order.lost"])
      await expect(resolve(published({}, { name }))).rejects.toThrow(`a definition of \`${name}\``)
  })

  it("is what JSON cannot hold, and what is too large", async () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const results: unknown[] = [circle, "x".repeat(2_000)]
    const { resolve } = setup(defineEvent(NAME, { resolve: () => results.shift() }))

    await expect(resolve()).rejects.toMatchObject({ code: "CARILLON_UNSERIALISABLE" })
    await expect(resolve()).rejects.toMatchObject({ code: "CARILLON_EVENT_TOO_LARGE" })
  })
})
