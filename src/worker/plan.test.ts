import { describe, expect, it } from "vitest"
import type { DraftEvent } from "../core/event.ts"
import { type Policy, resolvePolicy } from "../core/policy.ts"
import { Router } from "../core/route.ts"
import type { SubscriptionDefinition } from "../core/subscription.ts"
import { AppendPlan } from "./plan.ts"

const WEBHOOK = { kind: "webhook", notifier: "http", revision: 1 } as const

function setup(
  policy: Policy,
  {
    paused = false,
    free = 0,
    group = "shop",
    target = { kind: "handler" } as SubscriptionDefinition["target"],
  } = {},
) {
  const definition: SubscriptionDefinition = {
    pattern: "order.placed",
    filter: null,
    sender: null,
    scope: null,
    target,
    policy: resolvePolicy(policy),
    paused,
  }
  const base = { no: 1, id: "erp@order.placed", ephemeral: false, fromVersion: 1, toVersion: null }
  const plan = new AppendPlan({
    router: new Router({ version: 1, subscriptions: [{ ...base, group, definition }] }),
    commitId: "01M7Y4992Z9M5210JVGXJXDD78",
    group: "shop",
    fastPath: true,
    freeSlots: () => free,
  })
  const add = (over: Partial<DraftEvent> = {}) => plan.add(order(over), 0)
  return { plan, add, change: () => plan.toChange(4, false, null) }
}

function order(over: Partial<DraftEvent>): DraftEvent {
  const rest = { scope: "", sender: null, key: null, at: 1, extra: null, id: null, hash: null }
  return { name: "order.placed", data: '{"id":"ord_1001"}', ...rest, priority: 1, deliverAt: null, ...over }
}

describe("AppendPlan", () => {
  it("gives transactional deliveries jobs that are born leased as far as slots are free", () => {
    const { plan, add, change } = setup({ transactional: true }, { free: 2 })

    for (let i = 0; i < 3; i++) add()

    expect(change().jobs.map((job) => [job.reason, job.leased])).toEqual([
      ["transactional", true],
      ["transactional", true],
      ["transactional", false],
    ])
    expect([plan.leased.length, plan.ownQueued, change().batches.length]).toEqual([2, true, 0])
  })

  it("gives webhooks jobs that are born leased as far as slots are free", () => {
    const { plan, add, change } = setup({}, { free: 1, target: WEBHOOK })

    for (let i = 0; i < 2; i++) add()

    expect(change().jobs.map((job) => [job.reason, job.leased])).toEqual([
      ["recorded", true],
      ["recorded", false],
    ])
    expect([plan.leased.length, change().batches.length, change().parts.length]).toEqual([1, 0, 0])
  })

  it("lets webhooks that are paused wait in parts", () => {
    const { add, change } = setup({}, { free: 1, paused: true, target: WEBHOOK })
    add()

    expect([change().jobs.length, change().parts.length]).toEqual([0, 1])
  })

  it("lets transactional deliveries of a paused subscription or another group wait", () => {
    for (const over of [{ paused: true }, { group: "warehouse" }]) {
      const { add, change } = setup({ transactional: true }, { free: 2, ...over })
      add()

      expect(change().jobs.map((job) => job.leased)).toEqual([false])
    }
  })

  it.each<[Policy]>([[{ globalConcurrency: 5 }], [{ keyConcurrency: 5 }], [{ order: "hold" }]])(
    "never bears a job leased under %j",
    (policy) => {
      const { add, change } = setup(policy, { free: 100 })
      add({ key: "cus_1" })

      expect(change().jobs.map((job) => job.leased)).toEqual([false])
    },
  )

  it.each<[Policy, string | null]>([
    [{ keyConcurrency: 2 }, "cus_1"],
    [{ order: "hold" }, "cus_1"],
    [{ globalConcurrency: 2 }, null],
    [{ transactional: true }, null],
  ])("says the key of a job where %j asks for it", (policy, key) => {
    const { add, change } = setup(policy)
    add({ key: "cus_1" })

    expect(change().jobs.map((job) => job.key)).toEqual([key])
  })

  it("gives a delayed event no place in the order, but counts it to its key's limit", () => {
    for (const [policy, key] of [
      [{ order: "hold" }, null],
      [{ keyConcurrency: 2 }, "cus_1"],
    ] as const) {
      const { add, change } = setup(policy)
      add({ key: "cus_1", deliverAt: 99 })

      expect(change().jobs.map((job) => job.key)).toEqual([key])
    }
  })
})
