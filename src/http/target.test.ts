import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { targetOf } from "./target.ts"

const at = (url: string, host?: string): string => targetOf({ url, headers: { host } })

describe("what a request asks for", () => {
  it("is the path and the query that a URL would have, whatever it is written like", () => {
    const characters = fc.constantFrom(..."/.ae%2é?#&= \"<>`{}|^~'".split(""))
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 30 }), (rest) => {
        const { pathname, search } = new URL(`http://shop/${rest}`)
        const asked = at(`/${rest}`, "shop")
        expect(search === "" ? asked.replace(/\?$/, "") : asked).toBe(pathname + search)
      }),
    )
  })

  it.each([
    ["/health", undefined],
    ["/health", "shop, evil"],
    ["/health", "shop@evil"],
    ["/health", "shop/evil"],
    ["health", "shop"],
    ["*", "shop"],
    ["/api\\events", "shop"],
    ["http://", "shop"],
    ["http://shop\\evil/health", "shop"],
  ])("is nothing at %s of the host %s", (url, host) => {
    expect(() => at(url, host)).toThrow(expect.objectContaining({ status: 400 }))
  })

  it.each(["shop.example", "127.0.0.1:9000", "[::1]:9000", "SHOP_1"])("may be asked of %s", (host) => {
    expect(at("/health?a=b\\c", host)).toBe("/health?a=b\\c")
    expect(at("HTTP://shop/health".toLowerCase(), undefined)).toBe("/health")
  })
})
