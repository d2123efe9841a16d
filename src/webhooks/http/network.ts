import { isIP } from "node:net"
import { compileCidr } from "../../core/cidr.ts"
import { ConfigError, expected, InvalidInputError } from "../../core/errors.ts"
import { AddressRules } from "./addresses.ts"

/**
 * Where webhooks may go. Recipients are chosen by whoever may make a subscription, so that they must not reach what only
 * this machine can reach: its own ports, its neighbours, a cloud's metadata.
 */
export interface NetworkPolicy {
  /**
   * Addresses and networks that are allowed although they are not public, by any scheme and at any port: `10.4.0.0/16`,
   * `127.0.0.1`; or `loopback` for this machine's own. They win over everything below.
   *
   * @defaultValue none
   */
  readonly allow: readonly string[]
  /** Public addresses and networks that are refused nevertheless. @defaultValue none */
  readonly deny: readonly string[]
  /** Which ports may be called; null = every one. @defaultValue 443, 8443, 80 and 8080 */
  readonly ports: readonly number[] | null
  /** `https`, `http` or both. What is sent by `http` can be read and changed on its way. @defaultValue `https` */
  readonly schemes: readonly string[]
}

export const DEFAULT_NETWORK: NetworkPolicy = {
  allow: [],
  deny: [],
  ports: [443, 8443, 80, 8080],
  schemes: ["https"],
}

/** With what was left out; a policy that says what nobody can keep is refused. @throws ConfigError */
export function networkPolicy(settings: Partial<NetworkPolicy> = {}): NetworkPolicy {
  const unknown = Object.keys(settings).find((name) => !(name in DEFAULT_NETWORK))
  if (unknown !== undefined)
    throw new ConfigError(`Expected \`allow\`, \`deny\`, \`ports\` and \`schemes\`, got \`${unknown}\`.`)
  const { allow, deny, schemes } = DEFAULT_NETWORK
  const ports = settings.ports === undefined ? DEFAULT_NETWORK.ports : settings.ports
  return {
    allow: listOf("allow", settings.allow ?? allow, isNetwork).flatMap(spelledOut),
    deny: listOf("deny", settings.deny ?? deny, isNetwork).flatMap(spelledOut),
    ports: ports && listOf("ports", ports, isPort),
    schemes: listOf("schemes", settings.schemes ?? schemes, isScheme),
  }
}

function listOf<T>(name: keyof typeof EXPECTED, list: readonly T[], isGood: (each: unknown) => boolean) {
  if (!Array.isArray(list))
    throw new ConfigError(expected(`\`webhooks.network.${name}\` to be an array`, list))
  for (const each of list)
    if (!isGood(each))
      throw new ConfigError(expected(`\`webhooks.network.${name}\` to have ${EXPECTED[name]} in it`, each))
  return list
}

const NETWORKS = 'networks like "10.4.0.0/16" or "127.0.0.1"'
const EXPECTED = {
  allow: NETWORKS,
  deny: NETWORKS,
  ports: "whole numbers from 1 to 65535",
  schemes: '"https" or "http"',
} as const

function isNetwork(text: unknown): boolean {
  return typeof text === "string" && (text === "loopback" || compileCidr(text) !== null)
}

function spelledOut(network: string): readonly string[] {
  return network === "loopback" ? LOOPBACK : [network]
}

function isPort(port: unknown): boolean {
  return Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535
}

function isScheme(scheme: unknown): boolean {
  return scheme === "https" || scheme === "http"
}

const LOOPBACK = ["127.0.0.0/8", "::1"]

const MOST_CHARACTERS = 2048

/**
 * The URL of a recipient, parsed once: nothing else of the text is used afterwards. Names are not resolved here; what
 * they stand for is checked at each connection.
 *
 * @throws InvalidInputError when the policy would never let anything be sent there
 */
export function checkedRecipient(recipient: string, policy: NetworkPolicy): URL {
  const url = parsed(recipient)
  if (url.username !== "" || url.password !== "")
    throw refused(
      "to have no user and password in it: give it an `authorization` header, which is kept sealed",
    )
  url.hash = ""
  if (!mayBeDialled(url, policy)) throw unreachable(url, policy)
  return url
}

function parsed(recipient: string): URL {
  if (typeof recipient !== "string" || recipient.length > MOST_CHARACTERS)
    throw refused(`to be a URL of at most ${MOST_CHARACTERS} characters`)
  const url = URL.parse(recipient)
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw refused("to be a URL like `https://shop.example/webhooks`")
  return url
}

/** A name may turn out to be an allowed address, as long as there are any. */
function mayBeDialled(url: URL, policy: NetworkPolicy): boolean {
  const rules = new AddressRules(policy)
  const isOpen = isOpenWay(url, policy)
  const literal = literalOf(url.hostname)
  return literal === null ? isOpen || policy.allow.length > 0 : rules.mayDial(literal, isOpen)
}

/** Whether public addresses may be called by this scheme at this port. */
export function isOpenWay(way: { readonly protocol: string; readonly port: string }, policy: NetworkPolicy) {
  const port = way.port === "" ? (way.protocol === "https:" ? 443 : 80) : Number(way.port)
  return policy.schemes.includes(way.protocol.slice(0, -1)) && (policy.ports?.includes(port) ?? true)
}

/** The address where a URL's host is one, and not a name. */
export function literalOf(hostname: string): string | null {
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname
  return isIP(address) === 0 ? null : address
}

function unreachable(url: URL, policy: NetworkPolicy): InvalidInputError {
  if (!policy.schemes.includes(url.protocol.slice(0, -1)))
    return refused(`to begin with ${beginnings(policy)}; \`webhooks.network.schemes\` says so`)
  if (!isOpenWay(url, policy))
    return refused(`to have one of the ports ${policy.ports?.join(", ")}; \`webhooks.network.ports\` says so`)
  return refused(NOT_PUBLIC)
}

function beginnings({ schemes }: NetworkPolicy): string {
  return schemes.map((scheme) => `${scheme}://`).join(" or ")
}

export const NOT_PUBLIC =
  "to be a public address that is not this machine's own; an operator can allow others by `webhooks.network.allow`"

/** The recipient is not shown: it may have a password in it, or a token. */
function refused(what: string): InvalidInputError {
  return new InvalidInputError(`Expected \`recipient\` ${what}.`)
}
