import type { LookupAddress } from "node:dns"
import { describe, expect, it } from "vitest"
import { networkPolicy } from "../http/network.ts"
import { Guard } from "./guard.ts"

describe("a connection that others make", () => {
  it.each([
    ["a private address", ["10.0.0.1"], false],
    ["a public one", ["1.1.1.1"], true],
    ["a public and a private one", ["1.1.1.1", "169.254.169.254"], false],
    ["none", [], false],
  ])("goes nowhere else than to what a name leads to: %s", async (_, addresses, isDialled) => {
    const found = await lookedUp(new Guard(networkPolicy(), answering(addresses)), true)

    expect(found).toEqual(isDialled ? addresses : expect.stringContaining("to be a public address"))
  })

  it("is only to allowed addresses where public ones may not be called that way", async () => {
    const policy = networkPolicy({ allow: ["10.4.0.0/16"] })

    expect(await lookedUp(new Guard(policy, answering(["10.4.0.7"])), false)).toEqual(["10.4.0.7"])
    expect(await lookedUp(new Guard(policy, answering(["1.1.1.1"])), false)).toContain("public address")
  })

  it("asks the name once, and dials what it was told", async () => {
    let asked = 0
    const guard = new Guard(networkPolicy(), async () => {
      return [{ address: asked++ === 0 ? "1.1.1.1" : "127.0.0.1", family: 4 }]
    })

    expect(await lookedUp(guard, true)).toEqual(["1.1.1.1"])
    expect(await lookedUp(guard, true)).toContain("public address")
    expect(asked).toBe(2)
  })

  it("is not to an address written out that may not be dialled", () => {
    const guard = new Guard(networkPolicy())

    expect(() => guard.checkHost("127.0.0.1", true)).toThrow("public address")
    expect(() => guard.checkHost("[::ffff:10.0.0.1]", true)).toThrow("public address")
    expect(() => guard.checkHost("1.1.1.1", false)).toThrow("public address")
    expect(() => guard.checkHost("1.1.1.1", true)).not.toThrow()
  })
})

function answering(addresses: readonly string[]) {
  return async () => addresses.map((address) => ({ address, family: 4 as const }))
}

/** The addresses, or why there are none. */
function lookedUp(guard: Guard, isOpen: boolean): Promise<readonly string[] | string> {
  return new Promise((resolve) => {
    guard.lookup(isOpen)("rabbit.shop.example", { all: true }, (error, found) => {
      resolve(error === null ? (found as LookupAddress[]).map(({ address }) => address) : error.message)
    })
  })
}
