import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"

/**
 * A small third-party CMS. It listens on a free port of this machine from the first time that it is asked for, and
 * keeps no process alive.
 *
 * @param failures - how many requests it first answers with 503, as real systems do on a bad day
 */
export class LocalCms {
  readonly brands = new Map<string, { id: string; name?: unknown }>()
  #failuresLeft: number
  #url: Promise<string> | null = null

  constructor({ failures = 0 }: { failures?: number } = {}) {
    this.#failuresLeft = failures
  }

  url(): Promise<string> {
    this.#url ??= this.#listen()
    return this.#url
  }

  async #listen(): Promise<string> {
    const server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, body }) => response.writeHead(status).end(body === undefined ? "" : JSON.stringify(body)),
        () => response.writeHead(400).end(), // a body that is no JSON
      )
    })
    server.listen(0, "127.0.0.1").unref()
    await once(server, "listening")
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
    const { method, url, headers } = request
    if (headers.authorization !== "Bearer 123") return { status: 401 }
    if (this.#failuresLeft-- > 0) return { status: 503 }
    if (method === "GET" && url === "/brands") return { status: 200, body: [...this.brands.values()] }
    if (method === "POST" && url === "/brands") {
      const brand = (await json(request)) as { id: string }
      this.brands.set(String(brand.id), brand) // the same brand again is one brand
      return { status: 201 }
    }
    if (method === "DELETE" && url?.startsWith("/brands/")) {
      this.brands.delete(decodeURIComponent(url.slice("/brands/".length)))
      return { status: 204 }
    }
    return { status: 404 }
  }
}
