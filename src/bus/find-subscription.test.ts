import { expect, it } from "vitest"
import { resolvePolicy } from "../core/policy.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import { findSubscription } from "./find-subscription.ts"

const subscription = (no: number, id: string, group = "shop"): SubscriptionVersion => ({
  no,
  id,
  group,
  ephemeral: false,
  fromVersion: 1,
  toVersion: null,
  definition: {
    pattern: id.slice(id.lastIndexOf("@") + 1),
    filter: null,
    sender: null,
    scope: null,
    target: { kind: "handler" },
    policy: resolvePolicy(),
    paused: false,
  },
})

const current = [
  subscription(1, "sync-cms@brand.created"),
  subscription(2, "audit@brand.created"),
  subscription(3, "audit@order.placed"),
  subscription(4, "mailer@order.placed", "mails"),
]

const find = (name: string, group = "shop") => findSubscription(current, { subscription: name, group }).no

it("finds a subscription by its catalog id", () => {
  expect(find("audit@order.placed")).toBe(3)
})

it("finds a subscription by its subscriber alone where that is one", () => {
  expect(find("sync-cms")).toBe(1)
})

it("lists the candidates of a subscriber that has several", () => {
  expect(() => find("audit")).toThrow(/stands for 2: `audit@brand.created`, `audit@order.placed`/)
})

it("says which group has a subscription that ours has not", () => {
  expect(() => find("mailer")).toThrow(/group `mails` has/)
})

it("asks whether a near name was meant", () => {
  expect(() => find("sync-cmd")).toThrow(/Did you mean `sync-cms`\?/)
})

it("says which groups there are when ours has nothing", () => {
  expect(() => find("sync-cms", "basket")).toThrow(/group `shop` has/)
  expect(() => find("nothing-like-it", "basket")).toThrow(/these have some: `shop`, `mails`/)
})
