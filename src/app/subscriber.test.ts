import { describe, expect, it } from "vitest"
import { readSubscriber, subscriberIdOf } from "./subscriber.ts"

const config = { event: "brand.created" }

describe("the id of a subscriber file", () => {
  it("is its function's name in kebab-case", () => {
    expect(subscriberIdOf("handleBrandCreated", "src/subscribers/brand-created.ts")).toBe(
      "handle-brand-created",
    )
  })

  it("is the file's name where the function has none", () => {
    for (const name of ["default", "_default", "_default2", ""])
      expect(subscriberIdOf(name, "src/subscribers/orders/orderPlaced.ts")).toBe("order-placed")
  })

  it("is the one that the file asks for, before any other", () => {
    const exports = {
      default: async function handleBrandCreated() {},
      config: { ...config, context: { subscriberId: "sync-cms" } },
    }

    const reading = readSubscriber("brand-created.ts", exports)

    expect(reading).toMatchObject({ kind: "subscriber", subscriber: { id: "sync-cms" } })
  })
})

describe("a subscriber file", () => {
  const handler = (): void => {}

  it("subscribes once for each of its names", () => {
    const events = ["order.placed", "order.canceled", "order.placed"]

    const reading = readSubscriber("order.ts", { default: handler, config: { event: events } })

    expect(reading).toMatchObject({ subscriber: { events: ["order.placed", "order.canceled"] } })
  })

  it("hands policy, filter, sender, scope and start on", () => {
    const terms = {
      policy: { retries: 2 },
      filter: { data: { id: ["a"] } },
      sender: "erp",
      scope: "a/b",
      start: "now",
    }

    const reading = readSubscriber("order.ts", { default: handler, config: { ...config, ...terms } })

    expect(reading).toMatchObject({ subscriber: { options: terms } })
  })

  it.each([
    ["no function", { config }, false],
    ["no config", { default: handler }, false],
    ["an event that is no string", { default: handler, config: { event: 7 } }, false],
    ["no event", { default: handler, config: {} }, true],
    ["an empty list of events", { default: handler, config: { event: [] } }, true],
    ["an option that does not exist", { default: handler, config: { ...config, polcy: {} } }, true],
  ])("is refused by name for %s", (_, exports, fatal) => {
    const reading = readSubscriber("src/subscribers/brand.ts", exports)

    expect(reading).toMatchObject({ kind: "refused", fatal })
    expect((reading as { reason: string }).reason).toContain("src/subscribers/brand.ts")
  })

  it("can be switched off where it stands", () => {
    expect(readSubscriber("x.ts", { default: handler, config: { ...config, disabled: true } })).toEqual({
      kind: "disabled",
    })
  })
})
