import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** A request as it came, to the byte. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string // with its query
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, in the order and case in which they were sent. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** @throws SyntaxError when the body is no JSON */
  json<T = unknown>(): T
}

/** How to answer a request: a status, or all of it. */
export type WebhookAnswer =
  | number
  | {
      /** @defaultValue 200 */
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Buffer
      /** Real milliseconds to wait before the answer. */
      readonly delayMs?: number
    }
  | "hang" // never, until the receiver is closed
  | "cut" // the connection is closed without an answer

/** Decides the answer; `count` is 1 for the first request. */
export type WebhookAnswerer = (
  request: ReceivedRequest,
  count: number,
) => WebhookAnswer | Promise<WebhookAnswer>

/** A small HTTP server that keeps what it is sent. */
export interface WebhookReceiver {
  /** `http://127.0.0.1:<port>`; any path is answered. */
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  /** Answers all requests from now on like this. */
  answer(answer: WebhookAnswer | WebhookAnswerer): void
  /** Answers the next requests like this, one after another; then as before. */
  answerNext(...answers: WebhookAnswer[]): void
  /**
   * Resolves to all requests as soon as there are `count`.
   *
   * @throws Error when they have not come after `timeoutMs` of real time (5,000 by default)
   */
  waitFor(count: number, options?: { readonly timeoutMs?: number }): Promise<readonly ReceivedRequest[]>
  close(): Promise<void>
}

/**
 * Starts a receiver on a free port of 127.0.0.1. It answers 200 until told otherwise.
 *
 * @example
 * ```ts
 * const receiver = await webhookReceiver()
 * receiver.answerNext(503, "cut")
 * await fetch(`${receiver.url}/orders`, { method: "POST", body: '{"id":"ord_1001"}' })
 * console.log(receiver.requests[0]?.json())
 * await receiver.close()
 * ```
 */
export async function webhookReceiver(
  options: { readonly answer?: WebhookAnswer | WebhookAnswerer } = {},
): Promise<WebhookReceiver> {
  const receiver = new Receiver(options.answer ?? 200)
  await receiver.listen()
  return receiver
}

const DEFAULT_TIMEOUT_MS = 5_000

interface Waiter {
  readonly count: number
  readonly resolve: (requests: readonly ReceivedRequest[]) => void
}

class Receiver implements WebhookReceiver {
  readonly #server = createServer((request, response) => void this.#receive(request, response))
  readonly #requests: ReceivedRequest[] = []
  readonly #next: WebhookAnswer[] = []
  readonly #waiters = new Set<Waiter>()
  #answer: WebhookAnswer | WebhookAnswerer

  constructor(answer: WebhookAnswer | WebhookAnswerer) {
    this.#answer = answer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get requests(): readonly ReceivedRequest[] {
    return this.#requests
  }

  answer(answer: WebhookAnswer | WebhookAnswerer): void {
    this.#answer = answer
  }

  answerNext(...answers: WebhookAnswer[]): void {
    this.#next.push(...answers)
  }

  async waitFor(count: number, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}): Promise<readonly ReceivedRequest[]> {
    if (this.#requests.length >= count) return this.#requests
    let timer: NodeJS.Timeout | undefined
    let waiter: Waiter | undefined
    try {
      return await new Promise((resolve, reject) => {
        waiter = { count, resolve }
        this.#waiters.add(waiter)
        timer = setTimeout(() => reject(this.#missing(count, timeoutMs)), timeoutMs)
      })
    } finally {
      clearTimeout(timer)
      if (waiter !== undefined) this.#waiters.delete(waiter)
    }
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(0, "127.0.0.1", () => resolve())
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
    } catch {
      return // the sender went away in the middle: there is no request to keep, and nobody to answer
    }
    const request = toReceived(incoming, Buffer.concat(chunks))
    const count = this.#requests.push(request)
    for (const waiter of this.#waiters) if (count >= waiter.count) waiter.resolve(this.#requests)
    await this.#respond(response, this.#next.shift() ?? (await this.#decide(request, count)))
  }

  async #decide(request: ReceivedRequest, count: number): Promise<WebhookAnswer> {
    if (typeof this.#answer !== "function") return this.#answer
    try {
      return await this.#answer(request, count)
    } catch (error) {
      return { status: 500, body: `The receiver's answer threw: ${(error as Error).message}` }
    }
  }

  async #respond(response: ServerResponse, answer: WebhookAnswer): Promise<void> {
    if (answer === "hang") return
    if (answer === "cut") {
      response.destroy()
      return
    }
    const {
      status = 200,
      headers = {},
      body = "",
      delayMs = 0,
    } = typeof answer === "number" ? { status: answer } : answer
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    response.writeHead(status, { ...headers }).end(body)
  }

  #missing(count: number, timeoutMs: number): Error {
    const came = this.#requests.map(({ method, path }) => `\n  ${method} ${path}`).join("")
    return new Error(
      `Expected ${count} requests within ${timeoutMs} ms, got ${this.#requests.length}${came === "" ? "." : `:${came}`}`,
    )
  }
}

function toReceived(incoming: IncomingMessage, body: Buffer): ReceivedRequest {
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body,
    get text() {
      return body.toString("utf8")
    },
    json: () => JSON.parse(body.toString("utf8")),
  }
}
