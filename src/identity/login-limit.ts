import { isIPv6 } from "node:net"
import { type RateState, takeTokens } from "../core/rate.ts"

const MINUTE_MS = 60_000

/** Failed log-ins: ten at once for one e-mail address, then one a minute; thirty and six from one place. */
const PER_EMAIL = { limit: 100, per: 100 * MINUTE_MS }
const PER_ADDRESS = { limit: 300, per: 50 * MINUTE_MS }

/** Whoever is left out when there are more has not tried for the longest time. */
const MOST_REMEMBERED = 10_000

/** How often somebody may try to log in, or with a token, which is nobody's (null). Only what fails counts in the end. */
export class LoginLimit {
  readonly #now: () => number
  readonly #byEmail = new Buckets(PER_EMAIL)
  readonly #byAddress = new Buckets(PER_ADDRESS)

  /** @param now - milliseconds that never go back */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes one attempt before it is made; answers with the milliseconds to wait where there is none. */
  take(email: string | null, address: string): number {
    const now = this.#now()
    const wait = this.#byAddress.take(networkOf(address), now)
    return wait > 0 || email === null ? wait : this.#byEmail.take(email, now)
  }

  /** It was the right password: the attempt was none. */
  giveBack(email: string | null, address: string): void {
    this.#byAddress.giveBack(networkOf(address))
    if (email !== null) this.#byEmail.giveBack(email)
  }

  get remembered(): number {
    return Math.max(this.#byEmail.size, this.#byAddress.size)
  }
}

class Buckets {
  readonly #rate: { readonly limit: number; readonly per: number }
  readonly #states = new Map<string, RateState>()

  constructor(rate: { readonly limit: number; readonly per: number }) {
    this.#rate = rate
  }

  get size(): number {
    return this.#states.size
  }

  take(key: string, now: number): number {
    const { granted, state, nextAt } = takeTokens(this.#states.get(key) ?? null, this.#rate, now, 1)
    this.#put(key, state)
    return granted > 0 ? 0 : Math.max(1, nextAt - now)
  }

  giveBack(key: string): void {
    const state = this.#states.get(key)
    if (state !== undefined) this.#put(key, { ...state, tokens: state.tokens + 1 })
  }

  /** Last in the map is who tried last. */
  #put(key: string, state: RateState): void {
    this.#states.delete(key)
    this.#states.set(key, state)
    if (this.#states.size <= MOST_REMEMBERED) return
    const [oldest] = this.#states.keys()
    if (oldest !== undefined) this.#states.delete(oldest)
  }
}

/** One customer of a provider has a whole /64 of IPv6 addresses. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "")
  if (!isIPv6(plain)) return plain
  const [head = "", tail = ""] = plain.split("%")[0]?.split("::") ?? []
  const left = head === "" ? [] : head.split(":")
  const right = tail === "" ? [] : tail.split(":")
  const gap = plain.includes("::") ? Array(Math.max(0, 8 - left.length - right.length)).fill("0") : []
  return [...left, ...gap, ...right].slice(0, 4).join(":")
}
