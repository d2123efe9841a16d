import { ConfigError } from "../core/errors.ts"
import { baseOf } from "./address.ts"
import { Caller } from "./caller.ts"
import { type CarillonClient, clientOf } from "./client.ts"
import { type Token, Transport } from "./transport.ts"

export interface ClientOptions {
  /** Where the server is, such as `https://events.shop.example`; with the path below which it is mounted. */
  readonly url: string | URL
  /**
   * A token of the server's (`carillon token create`), or a function that gets the one that is good now: it is
   * asked before each try.
   */
  readonly token?: Token
  /** How requests are sent. @defaultValue the platform's `fetch` */
  readonly fetch?: typeof fetch
  /**
   * How often a request that may be repeated is tried again, after a lost connection or an answer that says
   * "not now" (408, 429, 502 to 504).
   *
   * @defaultValue 4
   */
  readonly retries?: number
  /** How long one try may take, in milliseconds. @defaultValue 30_000 */
  readonly timeoutMs?: number
}

/**
 * A client of a Carillon server, for Node and browsers.
 *
 * @example
 * ```ts
 * import { createClient } from "carillon/client"
 *
 * const carillon = createClient({ url: "https://events.shop.example", token: "crl_…" })
 *
 * await carillon.emit({ name: "order.placed", data: { id: "ord_1001" } })
 * for await (const { id, at } of carillon.events.list({ name: "order.placed" })) console.log(id, at)
 * ```
 *
 * @throws ConfigError for an option that cannot be used
 */
export function createClient(options: ClientOptions): CarillonClient {
  const { url, token, fetch = globalThis.fetch, retries = 4, timeoutMs = 30_000 } = options
  if (!Number.isInteger(retries) || retries < 0)
    throw new ConfigError(`Expected \`retries\` to be a whole number from 0 up, got \`${retries}\`.`)
  // Timers take no more, and would ring at once.
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31))
    throw new ConfigError(`Expected \`timeoutMs\` to be from 1 to 2147483647, got \`${timeoutMs}\`.`)
  // A browser's `fetch` wants to be called of the window, not of an object of ours.
  const send: typeof fetch = (input, init) => fetch(input, init)
  return clientOf(new Caller(new Transport({ base: baseOf(url), token, fetch: send, retries, timeoutMs })))
}
