import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AddressRules } from "./addresses.ts"
import { checkedRecipient, DEFAULT_NETWORK, networkPolicy } from "./network.ts"

describe("what may be dialled", () => {
  const rules = new AddressRules(DEFAULT_NETWORK)

  it.each([
    ["0.0.0.0", "nobody's, which Linux takes for this machine"],
    ["0.1.2.3", "nobody's"],
    ["10.0.0.1", "private"],
    ["100.64.0.1", "a provider's own"],
    ["127.0.0.1", "this machine"],
    ["127.255.255.254", "this machine"],
    ["169.254.169.254", "a cloud's metadata"],
    ["169.254.170.2", "credentials of a container"],
    ["168.63.129.16", "Azure's metadata"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.0.0.8", "reserved"],
    ["192.0.2.1", "documentation"],
    ["192.88.99.1", "6to4 relays"],
    ["192.168.1.1", "private"],
    ["198.18.0.1", "benchmarks"],
    ["198.51.100.7", "documentation"],
    ["203.0.113.9", "documentation"],
    ["224.0.0.1", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
    ["::", "nobody's"],
    ["::1", "this machine"],
    ["::2", "never given out"],
    ["::127.0.0.1", "this machine, in a form long gone"],
    ["::7f00:1", "this machine, in a form long gone"],
    ["::ffff:127.0.0.1", "this machine, mapped"],
    ["::ffff:7f00:1", "this machine, mapped"],
    ["::ffff:10.0.0.1", "private, mapped"],
    ["::ffff:169.254.169.254", "a cloud's metadata, mapped"],
    ["::ffff:0:7f00:1", "this machine, translated"],
    ["64:ff9b::7f00:1", "this machine through NAT64"],
    ["64:ff9b:1::a00:1", "private through NAT64"],
    ["100::1", "discarded"],
    ["1000::1", "never given out"],
    ["2001::7f00:1", "Teredo"],
    ["2001:db8::1", "documentation"],
    ["2002:7f00:1::", "this machine through 6to4"],
    ["3fff::1", "documentation"],
    ["4000::1", "never given out"],
    ["5f00::1", "segment routing"],
    ["fc00::1", "private"],
    ["fd00:ec2::254", "a cloud's metadata"],
    ["fe80::1", "this link"],
    ["fec0::1", "private, in a form long gone"],
    ["ff02::1", "multicast"],
    ["", "no address"],
    ["shop.example", "no address"],
    ["127.1", "no address as a resolver would give it"],
  ])("is not %s: %s", (address) => {
    expect(rules.mayDial(address, true)).toBe(false)
  })

  it.each(["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"])(
    "is %s",
    (address) => {
      expect(rules.mayDial(address, true)).toBe(true)
      expect(rules.mayDial(address, false)).toBe(false)
    },
  )

  it("is what is allowed by name, in every way, and nothing beside", () => {
    const { mayDial } = rulesOf({ allow: ["10.4.0.0/16", "fd12::/32"] })

    expect(mayDial("10.4.200.1", false)).toBe(true)
    expect(mayDial("::ffff:10.4.0.1", false)).toBe(true)
    expect(mayDial("fd12:0:1::1", false)).toBe(true)
    expect(mayDial("10.5.0.1", true)).toBe(false)
    expect(mayDial("1.1.1.1", false)).toBe(false)
  })

  it("is not what is denied by name, unless it is allowed as well", () => {
    const { mayDial } = rulesOf({ deny: ["1.1.0.0/16", "2606:4700::/32"], allow: ["1.1.2.2"] })

    expect(mayDial("1.1.1.1", true)).toBe(false)
    expect(mayDial("::ffff:1.1.1.1", true)).toBe(false)
    expect(mayDial("2606:4700::1111", true)).toBe(false)
    expect(mayDial("1.1.2.2", true)).toBe(true)
    expect(mayDial("1.2.1.1", true)).toBe(true)
  })

  it("is not this machine's own public address, however it is written, unless it is allowed", () => {
    const own = () => ["127.0.0.1", "1.1.1.1", "2606:4700:0:0::1111", "fe80::1%eth0"]
    const rules = new AddressRules(DEFAULT_NETWORK, own)
    const allowing = new AddressRules(networkPolicy({ allow: ["1.1.1.1"] }), own)

    expect(["1.1.1.1", "::ffff:1.1.1.1", "2606:4700::1111"].map((each) => rules.mayDial(each, true))).toEqual(
      [false, false, false],
    )
    expect(rules.mayDial("1.1.1.2", true)).toBe(true)
    expect(allowing.mayDial("1.1.1.1", true)).toBe(true)
  })

  it("is no private address, however it is written", () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(fc.constantFrom(10, 127), octet, octet, octet, (a, b, c, d) => {
        const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)]
        for (const spelling of [
          `${a}.${b}.${c}.${d}`,
          `::ffff:${a}.${b}.${c}.${d}`,
          `::ffff:${high}:${low}`,
          `0:0:0:0:0:FFFF:${high}:${low}`,
          `::${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `2002:${high}:${low}::1`,
        ])
          expect(rules.mayDial(spelling, true), spelling).toBe(false)
      }),
    )
  })
})

describe("a recipient", () => {
  it.each([
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://12\t7.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://0/",
  ])("is not %s", (recipient) => {
    expect(() => checkedRecipient(recipient, DEFAULT_NETWORK)).toThrow("to be a public address")
  })

  it.each([
    ["shop.example/webhooks", "to be a URL"],
    ["", "to be a URL"],
    ["ftp://shop.example/", "to be a URL"],
    ["file:///etc/passwd", "to be a URL"],
    ["javascript:alert(1)", "to be a URL"],
    ["https://", "to be a URL"],
    ["https://shop.example:99999/", "to be a URL"],
    [`https://shop.example/${"a".repeat(2048)}`, "at most 2048 characters"],
    ["http://shop.example/", "to begin with https://"],
    ["https://shop.example:22/", "to have one of the ports 443, 8443, 80, 8080"],
    ["https://clerk:pa55@shop.example/", "no user and password"],
    ["https://clerk@shop.example/", "no user and password"],
    ["https://:pa55@shop.example/", "no user and password"],
  ])("is not %j", (recipient, why) => {
    expect(() => checkedRecipient(recipient, DEFAULT_NETWORK)).toThrow(why)
  })

  it("is never shown when it is refused, since it may hold a password", () => {
    for (const recipient of ["https://clerk:pa55word@shop.example/", "http://shop.example/?token=pa55word"]) {
      const refusal = (() => {
        try {
          return checkedRecipient(recipient, DEFAULT_NETWORK).href
        } catch (error) {
          return String((error as Error).stack)
        }
      })()

      expect(refusal).toContain("Expected `recipient`")
      expect(refusal).not.toContain("pa55word")
    }
  })

  it("loses its fragment, which is nobody's business", () => {
    const url = checkedRecipient("https://shop.example:8443/a?b=c#d", DEFAULT_NETWORK)

    expect(url.href).toBe("https://shop.example:8443/a?b=c")
  })

  it("may be an allowed address by any scheme at any port", () => {
    const policy = networkPolicy({ allow: ["loopback"] })

    expect(checkedRecipient("http://127.0.0.1:41234/", policy).port).toBe("41234")
    expect(checkedRecipient("http://[::1]:41234/", policy).port).toBe("41234")
    expect(() => checkedRecipient("https://10.0.0.1/", policy)).toThrow("public address")
    expect(() => checkedRecipient("http://1.1.1.1/", policy)).toThrow("to begin with https://")
  })

  it("may be a name that only its address will tell of, where some are allowed", () => {
    expect(checkedRecipient("http://magento:8080/", networkPolicy({ allow: ["10.0.0.0/8"] })).port).toBe(
      "8080",
    )
    expect(() => checkedRecipient("http://magento:8080/", DEFAULT_NETWORK)).toThrow("https://")
  })

  it("is told from the part that is dialled, whatever surrounds it", () => {
    const hosts = fc.constantFrom("127.0.0.1", "127.1", "0x7f000001", "[::1]", "10.0.0.1", "169.254.169.254")
    const texts = fc.string({ maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed()))
    fc.assert(
      fc.property(hosts, texts, texts, fc.constantFrom("", ":443", ":8443"), (host, path, query, port) => {
        const recipient = `https://${host}${port}/${path}?${query}#@shop.example`
        expect(() => checkedRecipient(recipient, DEFAULT_NETWORK)).toThrow("public address")
      }),
    )
  })
})

describe("a network policy", () => {
  it.each([
    [{ allow: ["10.0.0.0/99"] }, "`webhooks.network.allow` to have networks like"],
    [{ allow: "loopback" }, "`webhooks.network.allow` to be an array"],
    [{ deny: ["shop.example"] }, "`webhooks.network.deny` to have networks like"],
    [{ deny: [""] }, "networks like"],
    [{ schemes: ["ftp"] }, '"https" or "http"'],
    [{ ports: [0] }, "whole numbers from 1"],
    [{ ports: [443.5] }, "whole numbers from 1"],
    [{ ports: ["443"] }, "whole numbers from 1"],
    [{ port: [443] }, "got `port`"],
  ])("is refused at start when it says %j", (settings, why) => {
    expect(() => networkPolicy(settings as Parameters<typeof networkPolicy>[0])).toThrow(why)
  })

  it("that says nothing is the usual one", () => {
    const nothing = { allow: undefined, deny: undefined, ports: undefined, schemes: undefined }

    expect(networkPolicy(nothing)).toEqual(DEFAULT_NETWORK)
    expect(networkPolicy()).toEqual(DEFAULT_NETWORK)
  })

  it("lets every port be called when it says null", () => {
    expect(checkedRecipient("https://shop.example:5000/", networkPolicy({ ports: null })).port).toBe("5000")
  })
})

function rulesOf(settings: Parameters<typeof networkPolicy>[0]) {
  const rules = new AddressRules(networkPolicy(settings))
  return { mayDial: (address: string, isOpen: boolean) => rules.mayDial(address, isOpen) }
}
