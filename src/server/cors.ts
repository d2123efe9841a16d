import type { Received } from "../http/received.ts"
import { addVary, Reply } from "../http/reply.ts"

const METHODS = "GET,HEAD,PUT,POST,DELETE,PATCH"

/** Which pages of other origins may read what we answer: https://fetch.spec.whatwg.org/#http-cors-protocol */
export class Cors {
  readonly #origins: ReadonlySet<string>
  readonly #exposed: string

  constructor({
    origins,
    exposed,
  }: { readonly origins: readonly string[]; readonly exposed: readonly string[] }) {
    this.#origins = new Set(origins)
    this.#exposed = exposed.join(",")
  }

  /** What a browser hears that asks whether it may ask; null = this is no such question. */
  preflight(request: Received): Reply | null {
    if (this.#origins.size === 0 || request.method !== "OPTIONS") return null
    const reply = this.allow(request, new Reply(null, { status: 204, headers: {} }))
    reply.headers["access-control-allow-methods"] = METHODS
    const asked = request.header("access-control-request-headers")
    if (asked === null || asked === "") return reply
    reply.headers["access-control-allow-headers"] = asked
      .split(",")
      .map((each) => each.trim())
      .join(",")
    addVary(reply, "Access-Control-Request-Headers")
    return reply
  }

  /** Says on the answer who may read it. */
  allow(request: Received, reply: Reply): Reply {
    if (this.#origins.size === 0) return reply
    const origin = request.header("origin")
    if (origin !== null && this.#origins.has(origin)) reply.headers["access-control-allow-origin"] = origin
    reply.headers["access-control-expose-headers"] = this.#exposed
    addVary(reply, "Origin")
    return reply
  }
}
