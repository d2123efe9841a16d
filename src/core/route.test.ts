import { describe, expect, it } from "vitest"
import type { StoredEvent } from "./event.ts"
import { resolvePolicy } from "./policy.ts"
import { Router, roadOf } from "./route.ts"
import type { SubscriptionDefinition, SubscriptionVersion } from "./subscription.ts"
import { EventView } from "./view.ts"

const COMMIT = "01M7Y4992Z9M5210JVGXJXDD78"

function definition(over: Partial<SubscriptionDefinition> = {}): SubscriptionDefinition {
  return {
    pattern: "order.placed",
    filter: null,
    sender: null,
    scope: null,
    target: { kind: "handler" },
    policy: resolvePolicy(),
    paused: false,
    ...over,
  }
}

function version(
  no: number,
  over: Partial<SubscriptionVersion> = {},
  wish: Partial<SubscriptionDefinition> = {},
) {
  const base = { no, id: `sub-${no}`, group: "shop", ephemeral: false, fromVersion: 1, toVersion: null }
  return { ...base, definition: definition(wish), ...over } as SubscriptionVersion
}

function placed(over: Partial<StoredEvent> = {}): EventView {
  const stored: StoredEvent = {
    name: "order.placed",
    scope: "",
    sender: null,
    key: null,
    at: 0,
    data: '{"total":40}',
    extra: null,
    id: null,
    hash: null,
    ...over,
  }
  return new EventView(stored, COMMIT, 0)
}

const who = (router: Router, view: EventView): number[] => router.subscriptionsOf(view).map((each) => each.no)

describe("Router", () => {
  it("finds subscriptions by name, wildcard, sender, scope and filter", () => {
    const router = new Router({
      version: 1,
      subscriptions: [
        version(1),
        version(2, {}, { pattern: "order.*" }),
        version(3, {}, { pattern: "*" }),
        version(4, {}, { pattern: "order.cancelled" }),
        version(5, {}, { sender: "checkout" }),
        version(6, {}, { scope: "acme/master" }),
        version(7, {}, { filter: { data: { total: [{ numeric: [">", 100] }] } } }),
      ],
    })

    expect(who(router, placed())).toEqual([1, 2, 3])
    expect(who(router, placed({ sender: "checkout" }))).toEqual([1, 2, 3, 5])
    expect(who(router, placed({ scope: "acme/master" }))).toEqual([1, 2, 3, 6])
    expect(who(router, placed({ data: '{"total":400}' }))).toEqual([1, 2, 3, 7])
  })

  it("routes by the version that was valid, so that any worker derives the same deliveries", () => {
    const catalog = {
      version: 3,
      subscriptions: [
        version(1, { toVersion: 3 }),
        version(2, { fromVersion: 2 }),
        version(1, { fromVersion: 3 }),
      ],
    }

    expect(who(new Router(catalog, 1), placed())).toEqual([1])
    expect(who(new Router(catalog, 2), placed())).toEqual([1, 2])
    expect(who(new Router(catalog, 3), placed())).toEqual([2, 1])
  })

  it("keeps Carillon's own events from those who only listen to everything", () => {
    const subscriptions = [version(1, {}, { pattern: "*" }), version(2, {}, { pattern: "carillon.*" })]
    const router = new Router({ version: 1, subscriptions })

    expect(who(router, placed({ name: "carillon.dead_letter" }))).toEqual([2])
  })

  it("finds a subscription by each of its patterns, and once", () => {
    const several = { pattern: "order.placed", otherPatterns: ["customer.*", "*.paid", "order.*"] }
    const router = new Router({ version: 1, subscriptions: [version(1, {}, several)] })

    for (const name of ["order.placed", "customer.created", "invoice.paid", "order.paid"])
      expect(who(router, placed({ name }))).toEqual([1])
    expect(who(router, placed({ name: "invoice.sent" }))).toEqual([])
  })

  it("keeps Carillon's own events from those of whose patterns only others fit", () => {
    const dead = placed({ name: "carillon.dead_letter" })
    const subscriptions = [
      version(1, {}, { pattern: "*", otherPatterns: ["*.dead_letter", "order.placed"] }),
      version(2, {}, { pattern: "order.placed", otherPatterns: ["carillon.dead_letter"] }),
      version(3, {}, { pattern: "*", otherPatterns: ["carillon.run.*"] }),
    ]
    const router = new Router({ version: 1, subscriptions })

    expect(who(router, dead)).toEqual([2])
    expect(who(router, placed({ name: "carillon.run.failed" }))).toEqual([3])
    expect(who(router, placed())).toEqual([1, 2, 3])
  })

  it("looks at each event where a webhook is among those that may want it", () => {
    const target = { kind: "webhook", notifier: "http", revision: 1 } as const
    const router = new Router({ version: 1, subscriptions: [version(1), version(2, {}, { target })] })

    expect(router.route("order.placed", "", null).plain).toBeNull()
    expect(who(router, placed())).toEqual([1, 2])
  })
})

describe("roadOf", () => {
  const plain = { key: null, deliverAt: null }

  it("takes the direct road where nothing has to wait", () => {
    expect(roadOf(definition(), plain).road).toBe("direct")
    expect(roadOf(definition({ policy: resolvePolicy({ order: "hold" }) }), plain).road).toBe("direct")
  })

  it("gives what is ordered, delayed or limited a job, and lets the paused wait together", () => {
    const ordered = definition({ policy: resolvePolicy({ order: "hold" }) })
    const limited = definition({ policy: resolvePolicy({ rateLimit: { limit: 5, per: 1000 } }) })

    expect(roadOf(ordered, { key: "ord_1001", deliverAt: null })).toEqual({ road: "job", reason: "ordered" })
    expect(roadOf(definition(), { key: null, deliverAt: 99 })).toEqual({ road: "job", reason: "delayed" })
    expect(roadOf(limited, plain)).toEqual({ road: "job", reason: "limited" })
    expect(roadOf(definition({ policy: resolvePolicy({ globalConcurrency: 3 }) }), plain)).toEqual({
      road: "job",
      reason: "limited",
    })
    expect(roadOf(definition({ paused: true }), plain)).toEqual({ road: "part", reason: "paused" })
  })

  it("limits a key's deliveries only where the event has a key", () => {
    const limited = definition({ policy: resolvePolicy({ keyConcurrency: 2 }) })

    expect(roadOf(limited, plain).road).toBe("direct")
    expect(roadOf(limited, { ...plain, key: "cus_1" })).toEqual({ road: "job", reason: "limited" })
  })

  it("gives what is settled in its handler's transaction a job, also while it is paused", () => {
    const transactional = definition({ policy: resolvePolicy({ transactional: true }), paused: true })

    expect(roadOf(transactional, plain)).toEqual({ road: "job", reason: "transactional" })
  })

  it("gives webhooks jobs, so that each attempt is kept, and lets those that are paused wait together", () => {
    const target = { kind: "webhook", notifier: "http", revision: 1 } as const
    const ordered = definition({ target, policy: resolvePolicy({ order: "hold" }) })

    expect(roadOf(definition({ target }), plain)).toEqual({ road: "job", reason: "recorded" })
    expect(roadOf(definition({ target, paused: true }), plain)).toEqual({ road: "part", reason: "paused" })
    expect(roadOf(ordered, { ...plain, key: "ord_1001" })).toEqual({ road: "job", reason: "ordered" })
    expect(roadOf(definition({ target }), { ...plain, deliverAt: 99 }).reason).toBe("delayed")
  })

  it("takes a definition from before there were limits over all workers for one without them", () => {
    const { globalConcurrency, keyConcurrency, transactional, ...older } = resolvePolicy()

    expect(roadOf(definition({ policy: older as never }), { ...plain, key: "cus_1" }).road).toBe("direct")
  })

  it.each([{ globalConcurrency: 1 }, { keyConcurrency: 1 }, { transactional: true }])(
    "looks at each event where a policy says %j",
    (policy) => {
      const subscriptions = [version(1, {}, { policy: resolvePolicy(policy) })]
      const { plain, candidates } = new Router({ version: 1, subscriptions }).route("order.placed", "", null)

      expect([plain, candidates.length]).toEqual([null, 1])
    },
  )
})
