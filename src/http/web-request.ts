import type { Received } from "./received.ts"
import type { Reply } from "./reply.ts"

/** What Node's server hands on with a web request. */
export interface Socketed {
  readonly incoming?: { readonly socket: { readonly remoteAddress?: string; destroy?(): unknown } }
}

/** A web `Request` as the checks see it. */
export class WebRequest implements Received {
  readonly method: string
  readonly target: string
  readonly #request: Request
  readonly #incoming: Socketed["incoming"]

  constructor(request: Request, { incoming }: Socketed = {}) {
    this.method = request.method
    this.target = targetIn(request.url)
    this.#request = request
    this.#incoming = incoming
  }

  get isSecure(): boolean {
    return this.#request.url.startsWith("https:")
  }

  get peer(): string {
    return this.#incoming?.socket.remoteAddress ?? ""
  }

  get connection(): object | null {
    return this.#incoming?.socket ?? null
  }

  header(name: string): string | null {
    return this.#request.headers.get(name)
  }

  headers(): Iterable<[string, string]> {
    return this.#request.headers
  }

  async whole(): Promise<Buffer> {
    return Buffer.from(await this.#request.arrayBuffer())
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield* this.#request.body ?? []
  }

  hangUp(): boolean {
    return this.#incoming?.socket.destroy?.() !== undefined
  }
}

/** The answer for the web; HEAD is told what GET would be, without the body. */
export function toResponse({ status, headers, body }: Reply, method: string): Response {
  return new Response(method === "HEAD" ? null : body, { status, headers })
}

function targetIn(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3)
  const end = url.indexOf("#", start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}
