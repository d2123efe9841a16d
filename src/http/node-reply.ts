import type { IncomingMessage, ServerResponse } from "node:http"
import type { Reply } from "./reply.ts"

/** Answers one of Node's requests. */
export function writeReply(outgoing: ServerResponse, { status, headers, body }: Reply): void {
  const { req: incoming } = outgoing
  if (!incoming.readableEnded && (!incoming.complete || incoming.readableDidRead)) letGo(incoming)
  if (body instanceof ReadableStream) {
    void pour(body, outgoing.writeHead(status, headers))
    return
  }
  if (incoming.method !== "HEAD" && !BODILESS.has(status))
    headers["content-length"] = String(Buffer.byteLength(body ?? ""))
  outgoing.writeHead(status, headers).end(body)
}

const BODILESS: ReadonlySet<number> = new Set([204, 304])

/** What is left of a body has to come before the connection can be used again; nobody wants to wait for much of it. */
const PATIENCE_MS = 500
const MOST_BYTES = 64 * 1024 * 1024

/** Throws away what is left of a body that nobody reads to its end. */
function letGo(incoming: IncomingMessage): void {
  if (incoming.complete) {
    // Of what was read to its end only the end itself is left.
    if (incoming.readableLength === 0) incoming.read()
    else incoming.resume()
    return
  }
  let bytes = 0
  const cut = (): void => void incoming.socket.destroySoon()
  const timer = setTimeout(cut, PATIENCE_MS).unref()
  incoming
    .once("close", () => clearTimeout(timer))
    .on("error", () => {}) // who is gone needs no answer
    .on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MOST_BYTES) cut()
    })
    .resume()
}

/** As fast as the other end takes it: what is not taken is not asked for. */
async function pour(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader()
  const cancel = (): void => void reader.cancel().catch(() => {})
  if (outgoing.destroyed || outgoing.req.method === "HEAD") cancel()
  outgoing.once("close", cancel)
  outgoing.flushHeaders()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      if (!outgoing.write(next.value)) await drained(outgoing)
    outgoing.end()
  } catch {
    outgoing.destroy() // an answer that was cut off must not look like a whole one
  }
}

function drained(outgoing: ServerResponse): Promise<void> | undefined {
  if (outgoing.destroyed) return undefined
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done).off("close", done)
      resolve()
    }
    outgoing.on("drain", done).on("close", done)
  })
}
