import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface WireRequest {
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

/** What is answered to one request; a number alone is its status. */
export interface WireAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown // an object is sent as JSON
  /** Takes over, for what no well-meaning server does. */
  readonly act?: (response: ServerResponse) => void
}

/** Stands for a service of Amazon's: keeps what the SDK sends, and answers what it was told to. */
export class AwsWire implements AsyncDisposable {
  readonly requests: WireRequest[] = []
  #answers: WireAnswer[] = []
  readonly #server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const text = Buffer.concat(parts).toString()
    this.requests.push({ headers: request.headers, body: text === "" ? {} : JSON.parse(text) })
    this.#answer(response)
  })

  static async open(): Promise<AwsWire> {
    const wire = new AwsWire()
    await new Promise<void>((resolve) => wire.#server.listen(0, "127.0.0.1", resolve))
    return wire
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get connections(): Promise<number> {
    return new Promise((resolve) => this.#server.getConnections((_, count) => resolve(count)))
  }

  /** One for each request to come; the last one goes on. */
  answers(...answers: readonly WireAnswer[]): void {
    this.#answers = [...answers]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(response: ServerResponse): void {
    const [answer = {}] = this.#answers.length > 1 ? this.#answers.splice(0, 1) : this.#answers
    const { status = 200, headers = {}, body = "", act } = answer
    if (act !== undefined) {
      act(response)
      return
    }
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1", ...headers })
    response.end(typeof body === "string" ? body : JSON.stringify(body))
  }
}
