import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { getRequestListener } from "@hono/node-server"
import { ConfigError } from "../core/errors.ts"
import { answerTo, HttpError } from "./http-error.ts"
import { unreadable } from "./target.ts"

export type Fetch = (request: Request, socketed: object) => Promise<Response>

/** What answers: web requests, or Node's own. */
export type Answering = Fetch | { readonly node: RequestListener }

/** Where to listen, and how patiently. */
export interface Listening {
  readonly host: string
  readonly port: number
  readonly requestTimeoutMs: number // how long a request may take to arrive
  /** The answer to what never gets to be a request. @defaultValue as an app answers */
  readonly refusal?: (error: HttpError) => WrittenRefusal
}

export interface WrittenRefusal {
  readonly contentType: string
  readonly body: unknown
}

/** Longer than the 60 s after which common balancers let go of an idle connection, so that they are the first. */
const KEEP_ALIVE_MS = 65_000
const HEADERS_TIMEOUT_MS = 10_000

/** Node's servers on one port: one, or for `localhost` one for each of its addresses. */
export class Listener {
  readonly host: string
  readonly port: number
  readonly #servers: readonly Server[]
  readonly #sockets = new Set<Socket>()

  private constructor(host: string, port: number, servers: readonly Server[]) {
    this.host = host
    this.port = port
    this.#servers = servers
    for (const server of servers)
      server.on("connection", (socket: Socket) => {
        this.#sockets.add(socket)
        socket.once("close", () => this.#sockets.delete(socket))
      })
  }

  /** @throws ConfigError when the port is taken, or the host is none of this machine's */
  static async open(options: Listening, answering: Answering): Promise<Listener> {
    const { host } = options
    const servers: Server[] = []
    let { port } = options
    try {
      for (const address of host === "localhost" ? LOOPBACK : [host]) {
        const server = newServer(options, answering)
        const got = await listen(server, address, port)
        // A machine may do without IPv6.
        if (got instanceof Error && servers.length > 0 && NO_SUCH_FAMILY.has(codeOf(got))) continue
        if (got instanceof Error) throw openError(got, options)
        servers.push(server)
        port = got
      }
    } catch (error) {
      for (const server of servers) server.close()
      throw error
    }
    return new Listener(host, port, servers)
  }

  /** How to call it from this machine. */
  get url(): string {
    const host = ANY.has(this.host) ? "localhost" : this.host
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.port}`
  }

  /** No new connections; those that have nothing to do end; the others get `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((done) => server.close(() => done())))
    // A connection that was busy at first is idle later.
    const sweeper = setInterval(() => this.#closeIdle(), SWEEP_MS)
    const deadline = setTimeout(() => this.#closeAll(), graceMs)
    this.#closeIdle()
    await Promise.all(closed)
    clearInterval(sweeper)
    clearTimeout(deadline)
  }

  /** Node does not count those as idle that never said anything, as browsers open them ahead of time. */
  #closeIdle(): void {
    for (const server of this.#servers) server.closeIdleConnections()
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
  }

  #closeAll(): void {
    for (const server of this.#servers) server.closeAllConnections()
  }
}

const LOOPBACK = ["127.0.0.1", "::1"]
const ANY: ReadonlySet<string> = new Set(["0.0.0.0", "::"])
const NO_SUCH_FAMILY: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"])
const SWEEP_MS = 50

function newServer(listening: Listening, answering: Answering): Server {
  const { requestTimeoutMs, refusal = asAppsAnswer } = listening
  const options: ServerOptions = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
    joinDuplicateHeaders: true, // as the web does: what is said twice is not half believed
  }
  const answer = typeof answering === "function" ? onFetch(answering, refusal) : answering.node
  const server = createServer(options, answer)
  return server.on("clientError", (error, socket: Socket) => refuse(error, socket, refusal))
}

/** Makes web requests of Node's. The app's own code has Node's `Request` and `Response`, and nobody else's. */
export function onFetch(fetch: Fetch, refusal: Listening["refusal"] = asAppsAnswer): RequestListener {
  const answer = getRequestListener(fetch, {
    overrideGlobalObjects: false,
    errorHandler: () => refused(refusal),
  })
  return (incoming, outgoing) => void answer(incoming, outgoing)
}

/** A URL or a host that cannot be one; everything else has its answer from the door. */
function refused(refusal: (error: HttpError) => WrittenRefusal): Response {
  const { contentType, body } = refusal(unreadable())
  return new Response(JSON.stringify(body), { status: 400, headers: { "content-type": contentType } })
}

function asAppsAnswer(error: HttpError): WrittenRefusal {
  return { contentType: "application/json", body: answerTo(error).body }
}

/** The port it listens on, or why it does not. */
function listen(server: Server, host: string, port: number): Promise<number | Error> {
  return new Promise((done) => {
    server.once("error", done)
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", done)
      done((server.address() as AddressInfo).port)
    })
  })
}

/** What is no HTTP never gets to be a request; it is answered in the same shape all the same. */
function refuse(
  error: NodeJS.ErrnoException,
  socket: Socket,
  refusal: (error: HttpError) => WrittenRefusal,
): void {
  if (!socket.writable || codeOf(error) === "ECONNRESET") {
    socket.destroy()
    return
  }
  const [status, phrase, message] = REFUSALS[codeOf(error)] ?? MALFORMED
  const { contentType, body: words } = refusal(new HttpError(status, message))
  const body = JSON.stringify(words)
  const head = `HTTP/1.1 ${status} ${phrase}\r\ncontent-type: ${contentType}\r\nconnection: close`
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

const MALFORMED = [400, "Bad Request", "Expected a request in HTTP/1.1."] as const
const REFUSALS: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "Expected smaller headers."],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Payload Too Large", "Expected chunks without long extensions."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "Expected the whole request sooner."],
}

function openError(error: Error, { host, port }: Listening): ConfigError {
  const place = `port ${port} of ${host}`
  const another = `Choose another with \`PORT=${port === 65_535 ? 9_000 : port + 1}\`, or \`http: { port }\` in carillon.config.ts.`
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: `Expected ${place} to be free, but somebody listens there already. ${another}`,
    EACCES: `Expected to be allowed to listen on ${place}. Ports below 1024 mostly need more rights. ${another}`,
  }
  const text =
    words[codeOf(error)] ??
    `Expected to listen on ${place}, which is not possible: ${error.message}. \`HOST\`, or \`http: { host }\`, has to be one of this machine's names or addresses.`
  return new ConfigError(text, { cause: error })
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? ""
}
