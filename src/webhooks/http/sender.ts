import { InvalidInputError } from "../../core/errors.ts"
import { AddressRules } from "./addresses.ts"
import type { Connections, ConnectionTerms, CredentialSet, TlsCredentials } from "./connections.ts"
import { type Answer, Exchange } from "./exchange.ts"
import { Names, type ResolveName } from "./names.ts"
import { checkedRecipient, isOpenWay, literalOf, type NetworkPolicy, NOT_PUBLIC } from "./network.ts"

import { SendError } from "./send-error.ts"

export interface OutgoingRequest {
  readonly recipient: string
  /** @defaultValue "POST" */
  readonly method?: "GET" | "POST" | "PUT" | "DELETE"
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** How long it may take in all, in milliseconds. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly credentials?: TlsCredentials
}

export interface SenderOptions {
  readonly network: NetworkPolicy
  /** @defaultValue the DNS, then the system */
  readonly resolve?: ResolveName
  /** @defaultValue 5000 */
  readonly connectTimeoutMs?: number
  /** How much of an answer's body is read. @defaultValue 16384 */
  readonly maxBytes?: number
  /** To how many recipients connections are kept open between requests. @defaultValue 2000 */
  readonly mostKept?: number
  /** How many requests may be under way to one host. @defaultValue 256 */
  readonly mostUnderWay?: number
}

/** A recipient that was looked at, in the parts that a request is made of. */
interface Place {
  readonly origin: string
  readonly path: string
}

const CONNECT_TIMEOUT_MS = 5_000
const MOST_BYTES = 16 * 1024
const MOST_UNDER_WAY = 256
const MOST_KEPT = 2_000

/**
 * Sends requests to where somebody else wants them: only to addresses that the network policy allows, over connections
 * that were looked at, within one time limit. It follows no redirect, unpacks nothing, and never sends anything twice.
 */
export class Sender {
  readonly #network: NetworkPolicy
  readonly #terms: ConnectionTerms
  readonly #maxBytes: number
  readonly #mostUnderWay: number
  readonly #underWay = new Map<string, number>() // by origin
  readonly #places = new Map<string, Place>() // by recipient
  #opening: Promise<Connections> | null = null // null = nothing was sent yet, and undici is not loaded
  #connections: Connections | null = null

  constructor(options: SenderOptions) {
    const { network, resolve = new Names().resolve } = options
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS, mostKept = MOST_KEPT } = options
    this.#network = network
    this.#terms = { network, resolve, connectTimeoutMs, mostKept }
    this.#maxBytes = options.maxBytes ?? MOST_BYTES
    this.#mostUnderWay = options.mostUnderWay ?? MOST_UNDER_WAY
  }

  /**
   * Also looks up what a name stands for today. One that cannot be resolved passes: it may be there tomorrow, and is
   * looked at again with each connection.
   *
   * @throws InvalidInputError when nothing would be sent there
   */
  async check(recipient: string): Promise<void> {
    const url = checkedRecipient(recipient, this.#network)
    if (literalOf(url.hostname) !== null) return
    const found = await this.#terms.resolve(url.hostname).catch(() => [])
    const rules = new AddressRules(this.#network)
    const isOpen = isOpenWay(url, this.#network)
    if (found.some(({ address }) => !rules.mayDial(address, isOpen)))
      throw new InvalidInputError(`Expected \`recipient\` ${NOT_PUBLIC}.`)
  }

  /**
   * @throws InvalidInputError when the policy would never let it be sent there
   * @throws SendError when no whole answer came
   */
  async send(request: OutgoingRequest): Promise<Answer> {
    const place = this.#placeOf(request.recipient)
    this.#enter(place.origin)
    try {
      const connections = this.#connections ?? (await this.#opened())
      return await this.#exchange(place, request, connections.of(request.credentials))
    } finally {
      this.#leave(place.origin)
    }
  }

  /** The same few come again and again, and parsing a URL takes as long as signing a body. */
  #placeOf(recipient: string): Place {
    const known = this.#places.get(recipient)
    if (known !== undefined) return known
    const { origin, pathname, search } = checkedRecipient(recipient, this.#network)
    const place = { origin, path: pathname + search }
    if (this.#places.size >= MOST_KEPT) this.#places.clear()
    this.#places.set(recipient, place)
    return place
  }

  #exchange(place: Place, request: OutgoingRequest, { kept, overflow }: CredentialSet): Promise<Answer> {
    const { timeoutMs, signal, method = "POST", headers, body } = request
    const exchange = new Exchange({ timeoutMs, maxBytes: this.#maxBytes, signal })
    exchange.begin({ ...place, method, headers, body }, kept, overflow)
    return exchange.answer
  }

  /** Nobody waits here for a connection, unseen: whoever is too many is told so, and may come again. */
  #enter(origin: string): void {
    const before = this.#underWay.get(origin) ?? 0
    if (before >= this.#mostUnderWay)
      throw new SendError(
        `Expected at most ${this.#mostUnderWay} requests at a time to one host, there is one more.`,
        { fault: "sender" },
      )
    this.#underWay.set(origin, before + 1)
  }

  #leave(origin: string): void {
    const left = (this.#underWay.get(origin) ?? 1) - 1
    if (left === 0) this.#underWay.delete(origin)
    else this.#underWay.set(origin, left)
  }

  /** Ends all connections; what is under way fails. */
  async close(): Promise<void> {
    await (await this.#opening)?.destroy()
  }

  async #opened(): Promise<Connections> {
    this.#opening ??= import("./connections.ts").then(({ Connections }) => new Connections(this.#terms))
    this.#connections = await this.#opening
    return this.#connections
  }
}
