import { isIPv4 } from "node:net"
import { networkInterfaces } from "node:os"
import ipaddr from "ipaddr.js"
import { compileCidr } from "../../core/cidr.ts"
import type { NetworkPolicy } from "./network.ts"

// Azure's metadata and health service: the one address that every table takes for a public one.
const ALWAYS_DENIED = ["168.63.129.16"]

/** Which addresses may be dialled. */
export class AddressRules {
  readonly #allowed: readonly Test[]
  readonly #denied: readonly Test[]

  readonly #own: () => readonly string[]

  constructor({ allow, deny }: Pick<NetworkPolicy, "allow" | "deny">, own = ownAddresses) {
    this.#own = own
    this.#allowed = allow.map(networkTest)
    this.#denied = [...ALWAYS_DENIED, ...deny].map(networkTest)
  }

  /** `isOpen`: public addresses may be called this way. What is allowed by name is so in every way. */
  mayDial(address: string, isOpen: boolean): boolean {
    const has = (test: Test) => test(address)
    if (this.#allowed.some(has)) return true
    return isOpen && isPublic(address) && !this.#denied.some(has) && !this.#isOwn(address)
  }

  /**
   * This machine's public addresses are no way out: from the inside they may reach what a firewall keeps from everybody
   * else. Asked at each connection, since they come and go.
   */
  #isOwn(address: string): boolean {
    const asked = normalised(address)
    return this.#own().some((own) => normalised(own) === asked)
  }
}

type Test = (address: string) => boolean

function networkTest(network: string): Test {
  const test = compileCidr(network)
  if (test === null) throw new TypeError(`Expected a checked network, got \`${network}\`.`)
  return test
}

const globalUnicast = networkTest("2000::/3")

/**
 * Whether an address belongs to the public internet: none of a private network, of this machine, of documentation, or
 * of a way to write an IPv4 address as another one (6to4, Teredo, NAT64). Of IPv6 only what is given out today.
 */
function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return parsed.range() === "unicast" && (parsed.kind() === "ipv4" || globalUnicast(address))
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
}

function normalised(address: string): string {
  return isIPv4(address) ? address : ipaddr.process(address.replace(/%.*$/, "")).toString()
}
