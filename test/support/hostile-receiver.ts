import { createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer, type TlsOptions } from "node:tls"

/** What a receiver does with a request that has come in whole; `count` is 1 for the first. */
export type HostileAnswer = (socket: Socket, count: number) => void

/** A receiver that speaks no more HTTP than it is told to, and counts what reaches it. */
export interface HostileReceiver {
  readonly port: number
  readonly url: string
  /** Connections that were taken, whether or not anything was sent over them. */
  readonly connections: number
  readonly requests: readonly string[] // each as it came: head and body
  /** How many of its sockets are open. */
  readonly open: number
  close(): Promise<void>
}

export interface HostileOptions {
  readonly host?: string
  readonly port?: number // by default a free one
  readonly tls?: TlsOptions
  /** What it does as soon as somebody connects. */
  readonly onConnection?: (socket: Socket) => void
}

export async function hostileReceiver(
  answer: HostileAnswer = () => undefined,
  { host = "127.0.0.1", port: wanted = 0, tls, onConnection = () => undefined }: HostileOptions = {},
): Promise<HostileReceiver> {
  const sockets = new Set<Socket>()
  const requests: string[] = []
  let connections = 0
  const take = (socket: Socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined)
    onConnection(socket)
    readRequests(socket, (request) => answer(socket, requests.push(request)))
  }
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take)
  server.on("connection", () => connections++)
  const port = await listening(server, host, wanted)
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://${host}:${port}/webhooks`,
    requests,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => resolve((server.address() as { port: number }).port))
  })
}

function readRequests(socket: Socket, onRequest: (request: string) => void): void {
  let text = ""
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1")
    for (let end = requestEnd(text); end !== null; end = requestEnd(text)) {
      const request = text.slice(0, end)
      text = text.slice(end)
      onRequest(request)
    }
  })
}

/** Where the first request ends; null = it is not whole. */
function requestEnd(text: string): number | null {
  const head = text.indexOf("\r\n\r\n")
  if (head < 0) return null
  const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
  return text.length >= head + 4 + length ? head + 4 + length : null
}

/** Writes the same again and again, as fast as the other side takes it; tells how much went out. */
export function pour(socket: Socket, chunk: Buffer | string): { readonly bytes: () => number } {
  let bytes = 0
  const write = () => {
    while (!socket.destroyed && socket.writable) {
      bytes += chunk.length
      if (!socket.write(chunk)) return
    }
  }
  socket.on("drain", write)
  write()
  return { bytes: () => bytes }
}

/** Writes one piece after another, with pauses. */
export function drip(socket: Socket, pieces: Iterable<string>, everyMs: number): void {
  const iterator = pieces[Symbol.iterator]()
  const timer = setInterval(() => {
    const next = iterator.next()
    if (next.done || socket.destroyed) clearInterval(timer)
    else socket.write(next.value)
  }, everyMs)
  socket.on("close", () => clearInterval(timer))
}
