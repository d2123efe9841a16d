import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compileCidr } from "./cidr.ts"

describe("compileCidr", () => {
  it.each([
    ["10.0.0.0/8", "10.200.3.4", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::10.1.2.3", false],
    ["192.168.4.0/22", "192.168.7.255", true],
    ["192.168.4.0/22", "192.168.8.0", false],
    ["192.168.4.7/22", "192.168.5.1", true],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["10.0.0.1", "10.0.0.1", true],
    ["10.0.0.1/32", "10.0.0.2", false],
    ["2001:db8::/32", "2001:DB8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::", false],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["::/0", "::1", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["64:ff9b::/96", "64:ff9b::1.2.3.4", true],
    ["10.0.0.0/8", "10.0.0", false],
    ["10.0.0.0/8", "010.0.0.1", false],
    ["10.0.0.0/8", "10.0.0.256", false],
    ["10.0.0.0/8", " 10.0.0.1", false],
    ["10.0.0.0/8", "", false],
    ["::/0", "1::2::3", false],
    ["::/0", "1:2:3:4:5:6:7", false],
    ["::/0", "1:2:3:4:5:6:7:8:9", false],
    ["::/0", "1:2:3:4::5:6:7:8", false],
    ["::/0", "1.2.3.4::", false],
    ["::/0", ":1::2", false],
    ["::/0", "12345::", false],
    ["::/0", "fe80::1%eth0", false],
    ["::/0", ":::", false],
  ])("%s holds %s: %s", (network, address, holds) => {
    expect(compileCidr(network)?.(address)).toBe(holds)
  })

  it.each(["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/8/8", "::/129", "shop", "10.0.0.0/-1"])(
    "is null for %j",
    (network) => {
      expect(compileCidr(network)).toBe(null)
    },
  )

  it("agrees with arithmetic on whole numbers", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff })
    const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".")

    fc.assert(
      fc.property(
        word,
        fc.integer({ min: 0, max: 32 }),
        fc.integer({ min: 0, max: 31 }),
        (base, bits, flipped) => {
          const address = (base ^ (1 << (31 - flipped))) >>> 0
          expect(compileCidr(`${text(base)}/${bits}`)?.(text(address))).toBe(flipped >= bits)
        },
      ),
    )
  })

  it("reads every way to write an IPv6 address", () => {
    const groups = fc.array(fc.constantFrom(0, 0, 0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 })

    fc.assert(
      fc.property(groups, (words) => {
        const long = words.map((word) => word.toString(16).padStart(4, "0")).join(":")
        const short = new URL(`http://[${long}]/`).hostname.slice(1, -1)
        expect(compileCidr(long)?.(short)).toBe(true)
        expect(compileCidr(short)?.(long.toUpperCase())).toBe(true)
      }),
    )
  })
})
