import { describe, expect, it } from "vitest"
import { isOurFault } from "./line.ts"

const noWay = async () => false
const someWay = async () => true

describe("a connection that failed", () => {
  it.each(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"])("is our fault by %s", async (code) => {
    expect(await isOurFault(failed(code, "1.1.1.1"), someWay)).toBe(true)
    expect(await isOurFault(failed(code, ""), someWay)).toBe(true)
  })

  it.each([
    "ECONNREFUSED",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ECONNRESET",
    "UND_ERR_CONNECT_TIMEOUT",
    "CERT_HAS_EXPIRED",
  ])("is not our fault by %s", async (code) => {
    expect(await isOurFault(failed(code, "1.1.1.1"), noWay)).toBe(false)
  })

  it("is our fault where this machine has no way to it, and not where a router further on has none", async () => {
    expect(await isOurFault(failed("ENETUNREACH", "1.1.1.1"), noWay)).toBe(true)
    expect(await isOurFault(failed("ENETUNREACH", "1.1.1.1"), someWay)).toBe(false)
  })

  it("is our fault where ports have run out", async () => {
    expect(await isOurFault(failed("EADDRNOTAVAIL", "1.1.1.1"), someWay)).toBe(true)
  })

  it("is not our fault where a recipient has IPv6 alone and this machine has none", async () => {
    for (const code of ["ENETUNREACH", "EADDRNOTAVAIL"])
      expect(await isOurFault(failed(code, "2606:4700::1111"), noWay)).toBe(false)
  })

  it("is judged by its attempts at IPv4 where there were several", async () => {
    const v6 = failed("ENETUNREACH", "2606:4700::1111")

    expect(await isOurFault(several(v6, failed("ENETUNREACH", "1.1.1.1")), noWay)).toBe(true)
    expect(await isOurFault(several(v6, failed("ECONNREFUSED", "1.1.1.1")), noWay)).toBe(false)
  })

  it("is asked of this machine's routes without sending anything", async () => {
    expect(await isOurFault(failed("ENETUNREACH", "127.0.0.1"))).toBe(false)
  })
})

function failed(code: string, address: string): Error {
  return Object.assign(new Error(code), { code, address })
}

function several(...errors: Error[]): Error {
  return Object.assign(new AggregateError(errors), { code: "ETIMEDOUT" })
}
