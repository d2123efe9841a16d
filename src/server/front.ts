import { randomUUID } from "node:crypto"
import type { HandlerLogger } from "../bus/events.ts"
import { clientAddress } from "../http/client-address.ts"
import { HttpError } from "../http/http-error.ts"
import { pathOf, type Received } from "../http/received.ts"
import type { Reply } from "../http/reply.ts"
import { logRequest } from "../http/request-log.ts"
import { type Caller, SAFE_HEADERS } from "./api.ts"
import { refusalOf, replyOf } from "./problem.ts"

export interface FrontOptions {
  readonly answer: (request: Received, caller: Caller) => Promise<Reply>
  readonly proxies: number
  readonly mostInFlight: number
  readonly logger: HandlerLogger | null // null = requests are not logged
}

/** Before all routes: how many may be inside, what a request is called, and that it is written down. */
export class Front {
  readonly #options: FrontOptions
  #inside = 0
  #isClosing = false
  #whenEmpty = Promise.withResolvers<void>()

  constructor(options: FrontOptions) {
    this.#options = options
  }

  async answer(request: Received): Promise<Reply> {
    const { logger } = this.#options
    const startedAt = logger === null ? 0 : performance.now()
    const caller = this.#callerOf(request)
    const reply = await this.#admit(request, caller)
    reply.headers["x-request-id"] = caller.requestId
    if (this.#isClosing) reply.headers.connection = "close"
    if (this.#isSecure(request)) reply.headers["strict-transport-security"] = ONE_YEAR
    if (logger !== null)
      logRequest(logger, lineOf(request, caller), {
        status: reply.status,
        ms: performance.now() - startedAt,
      })
    return reply
  }

  /** Nobody comes in any more; resolves when those inside have their answers, or the time is over. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    if (this.#inside === 0) return
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, graceMs)
    await Promise.race([this.#whenEmpty.promise, late])
    clearTimeout(timer)
  }

  async #admit(request: Received, caller: Caller): Promise<Reply> {
    if (this.#isClosing) return refused("The server ends. Try again soon, or with another.")
    if (this.#inside >= this.#options.mostInFlight)
      return refused("Too many requests are being answered at the moment. Try again soon.")
    this.#inside++
    try {
      return await this.#options.answer(request, caller)
    } finally {
      this.#inside--
      if (this.#isClosing && this.#inside === 0) this.#whenEmpty.resolve()
    }
  }

  #callerOf(request: Received): Caller {
    const given = request.header("x-request-id")
    const requestId = given !== null && REQUEST_ID.test(given) ? given : randomUUID()
    const { proxies } = this.#options
    const address = clientAddress(request.peer, request.header("x-forwarded-for"), proxies)
    return { requestId, address }
  }

  /** Only then may a browser be told to come by TLS alone. */
  #isSecure(request: Received): boolean {
    if (request.isSecure) return true
    return this.#options.proxies > 0 && request.header("x-forwarded-proto") === "https"
  }
}

/** What somebody else called the request, if it can stand in a log line as it is. */
const REQUEST_ID = /^[\w.:-]{1,128}$/
const ONE_YEAR = "max-age=31536000"

function refused(message: string): Reply {
  const { problem, headers } = refusalOf(new HttpError(503, message, { headers: { "retry-after": "1" } }))
  return replyOf({ problem, headers: { ...SAFE_HEADERS, ...headers } })
}

function lineOf(request: Received, { address, requestId }: Caller) {
  const referrer = request.header("referer") ?? "-"
  return { method: request.method, path: pathOf(request), referrer, ip: address, requestId }
}
