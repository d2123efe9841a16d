import { describe, expect, it } from "vitest"
import { checkedHeaders } from "./custom-headers.ts"

describe("headers of a subscription", () => {
  it.each([
    "Host",
    "content-length",
    "Content-Type",
    "Transfer-Encoding",
    "connection",
    "keep-alive",
    "TE",
    "trailer",
    "Upgrade",
    "expect",
    "proxy-authorization",
    "accept-encoding",
    "traceparent",
    "webhook-id",
    "Webhook-Signature",
    "svix-id",
    "ce-type",
    "X-Magento-Signature",
    "x-carillon-shop",
  ])("are never %s", (name) => {
    expect(() => checkedHeaders({ [name]: "1" })).toThrow(name.toLowerCase())
  })

  it.each([
    ["", "1"],
    ["x shop", "1"],
    ["x-shop:", "1"],
    ["x-shop\r\nhost", "1"],
    ["größe", "1"],
    ["x-shop", "1\r\nhost: evil.example"],
    ["x-shop", "1\nhost: evil.example"],
    ["x-shop", "\0"],
    ["x-shop", "5ecret ключ"],
    ["x-shop", "a".repeat(4097)],
    ["x-shop", 5 as unknown as string],
  ])("are not %j: %j, and the value is not told", (name, value) => {
    expect(() => checkedHeaders({ [name]: value })).toThrow(/^(?!.*5ecret)Expected/)
  })

  it("are kept in lower case, each once", () => {
    expect(checkedHeaders({ Authorization: "Bearer 1", "X-Size": "größer" })).toEqual({
      authorization: "Bearer 1",
      "x-size": "größer",
    })
    expect(() => checkedHeaders({ "X-Shop": "1", "x-shop": "2" })).toThrow("capitals")
    expect(() =>
      checkedHeaders(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`x-${i}`, ""]))),
    ).toThrow("at most 32")
  })
})
