import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"

export interface CmsServer extends AsyncDisposable {
  readonly url: string
  /** The brands it was given, by their ids. */
  readonly brands: ReadonlyMap<string, unknown>
}

/**
 * A small third-party CMS: `POST /brands` creates a brand. It listens on a free port, this machine only.
 *
 * @param failures - how many requests it first answers with 503, as real systems do on a bad day
 */
export async function startCms({ failures = 0 }: { failures?: number } = {}): Promise<CmsServer> {
  const brands = new Map<string, unknown>()
  const seen = new Set<string>()
  let failuresLeft = failures

  const answer = async (request: IncomingMessage): Promise<number> => {
    if (request.method !== "POST" || request.url !== "/brands") return 404
    if (request.headers.authorization !== "Bearer 123") return 401
    const brand = (await json(request)) as { id?: unknown }
    if (failuresLeft-- > 0) return 503
    const key = String(request.headers["idempotency-key"])
    if (seen.has(key)) return 200
    seen.add(key)
    brands.set(String(brand.id), brand)
    return 201
  }

  const server = createServer(async (request, response) => {
    const status = await answer(request).catch(() => 400) // a body that is no JSON
    response.writeHead(status).end()
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    brands,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    },
  }
}
