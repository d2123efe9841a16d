import { describe, expect, it } from "vitest"
import { isOfShop, shopPath } from "./paths.ts"
import { project } from "./projection.ts"

const answer = {
  items: [{ subscription_id: 1, event_name: "a", inner: { one: 1, two: 2 } }, { subscription_id: 2 }],
  total_count: 2,
}

describe("an answer of which some fields are wanted", () => {
  it.each([
    ["total_count", { total_count: 2 }],
    [
      "items[subscription_id],total_count",
      { items: [{ subscription_id: 1 }, { subscription_id: 2 }], total_count: 2 },
    ],
    ["items[inner[two],event_name]", { items: [{ inner: { two: 2 }, event_name: "a" }, {}] }],
    ["none", {}],
    ["total_count, items[none]", { total_count: 2, items: [{}, {}] }],
  ])("has %s", (fields, expected) => {
    expect(project(answer, fields)).toEqual(expected)
  })

  it.each([
    ["items[subscription_id"],
    ["items]"],
    ["[items]"],
    [""],
    ["items;total_count"],
    [undefined],
    [["items"]],
  ])("is whole where they are no list: %j", (fields) => {
    expect(project(answer, fields)).toBe(answer)
  })

  it("has no fields of what every object has, and other answers stay as they are", () => {
    expect(project(answer, "constructor,__proto__")).toEqual({})
    expect(project("token", "items")).toBe("token")
    expect(project(true, "items")).toBe(true)
  })
})

describe("a shop's path", () => {
  it.each([
    ["/rest/V1/async_event/5", ["async_event", "5"]],
    ["/rest/all/V1/async_events/", ["async_events"]],
    ["/index.php/rest/de_de/V1/async_event_logs/dlv%3A1/replay", ["async_event_logs", "dlv:1", "replay"]],
    ["/rest/V1/%zz", ["%zz"]],
  ])("%s has its words", (path, words) => {
    expect(shopPath(path)).toEqual(words)
  })

  it.each([
    ["/rest/V1"],
    ["/rest/V2/async_event"],
    ["/rest/a/b/V1/async_event"],
    ["/api/events"],
    ["/rest/../V1/x"],
  ])("%s is none", (path) => {
    expect(shopPath(path)).toBeNull()
  })

  it("is an application's own where shops' async events have none", () => {
    expect(isOfShop("/rest/V1/async_events")).toBe(true)
    expect(isOfShop("/rest/all/V1/integration/admin/token")).toBe(true)
    expect(isOfShop("/rest/V1/orders/5")).toBe(false)
    expect(isOfShop("/rest/V1/async_eventful")).toBe(false)
  })
})
