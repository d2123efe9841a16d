import type { IncomingMessage, RequestListener } from "node:http"
import { isOfShop } from "../../compat/magento/door/paths.ts"
import { answerTo, HttpError } from "../../http/http-error.ts"
import { Listener, onFetch } from "../../http/listener.ts"
import { pathOf } from "../../http/received.ts"
import { targetOf } from "../../http/target.ts"
import type { CarillonServer } from "../../server/create.ts"
import type { Door } from "./door.ts"
import type { HttpOptions } from "./options.ts"

/** How long a request waits while one version of the app follows the other. */
const PATIENCE_MS = 10_000

/**
 * The server before an app: it listens while the app behind it starts, is exchanged and stops.
 *
 * `/health` says that the process lives, `/ready` that the app can be used.
 */
export class HttpServer {
  #listener: Listener | null = null
  #place = ""
  #door: Door | null = null
  #api: CarillonServer | null = null
  #isReady: () => Promise<boolean> = async () => false
  /** While an app is exchanged for its next version, requests wait for that. */
  #exchange: PromiseWithResolvers<void> | null = null
  #isClosing = false
  #isElsewhere = false

  /** How to call it from this machine; null = it does not listen. */
  get url(): string | null {
    return this.#listener?.url ?? null
  }

  /** Listens there, or (null) no longer; the place before is kept until it can. @throws ConfigError when it cannot */
  async listen(options: HttpOptions | null): Promise<void> {
    const place = options === null ? "" : `${options.host} ${options.port} ${options.requestTimeoutMs}`
    if (this.#isClosing || place === this.#place) return
    const before = this.#listener
    this.#listener = options === null ? null : await this.#open(options)
    this.#place = place
    await before?.close(0)
  }

  /** The port that is usual was taken, and it listens on another. */
  get isElsewhere(): boolean {
    return this.#isElsewhere
  }

  /** Two apps on one machine need not know of each other, as long as nobody minds where they are. */
  async #open(options: HttpOptions): Promise<Listener> {
    this.#isElsewhere = false
    try {
      return await Listener.open(options, { node: this.#node })
    } catch (error) {
      const isTaken = ((error as Error).cause as { code?: string } | undefined)?.code === "EADDRINUSE"
      if (!isTaken || options.isPortChosen) throw error
      this.#isElsewhere = true
      return Listener.open({ ...options, port: 0 }, { node: this.#node })
    }
  }

  /** From here on requests go to this app, and to Carillon's API beside it. */
  open(door: Door, api: CarillonServer | null, isReady: () => Promise<boolean>): void {
    this.#door = door
    this.#api = api
    this.#isReady = isReady
    this.#exchange?.resolve()
    this.#exchange = null
  }

  /** Those inside get their answers; who comes now waits for the next app. */
  async exchange(graceMs: number): Promise<void> {
    const [door, api] = [this.#door, this.#api]
    this.#door = null
    this.#api = null
    this.#exchange ??= Promise.withResolvers()
    await Promise.all([api?.close(graceMs), door && within(graceMs, door.whenEmpty())])
  }

  /** No new connections; requests in flight get `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    this.#exchange?.resolve()
    await Promise.all([this.#api?.close(graceMs), this.#listener?.close(graceMs)])
    this.#listener = null
    this.#door = null
    this.#api = null
  }

  /** What is the API's and can be answered at once needs no web request. */
  readonly #node: RequestListener = (incoming, outgoing) => {
    if (this.#api !== null && asksForApi(incoming, this.#api)) this.#api.node(incoming, outgoing)
    else this.#web(incoming, outgoing)
  }

  readonly #fetch = async (request: Request, socketed: object): Promise<Response> => {
    const response = await this.#answer(request, socketed)
    if (!this.#isClosing) return response
    // Whoever keeps the connection would only find it closed. Headers of a fetched response are frozen.
    const { status, statusText, headers } = response
    return new Response(response.body, { status, statusText, headers: [...headers, ["connection", "close"]] })
  }

  readonly #web = onFetch(this.#fetch)

  async #answer(request: Request, socketed: object): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname === "/health") return Response.json({ status: "ok" })
    if (pathname === "/ready") return this.#ready()
    if (this.#door === null && this.#exchange !== null) await within(PATIENCE_MS, this.#exchange.promise)
    if (this.#api !== null && isOfApi(pathname, this.#api)) return this.#api.fetch(request, socketed)
    return this.#door === null ? notYet() : this.#door.fetch(request, socketed)
  }

  async #ready(): Promise<Response> {
    const isReady = this.#door !== null && !this.#isClosing && (await this.#isReady())
    return Response.json({ status: isReady ? "ready" : "not ready" }, { status: isReady ? 200 : 503 })
  }
}

/** Paths that are Carillon's own; all others are the app's. */
function isOfApi(path: string, { magento }: CarillonServer): boolean {
  return path === "/metrics" || path === "/api" || path.startsWith("/api/") || (magento && isOfShop(path))
}

function asksForApi(incoming: IncomingMessage, api: CarillonServer): boolean {
  try {
    return isOfApi(pathOf({ target: targetOf(incoming) }), api)
  } catch {
    return false // what cannot be read is refused as the app refuses it
  }
}

function notYet(): Response {
  const { status, body } = answerTo(
    new HttpError(503, "The app is not running at the moment. Try again soon."),
  )
  return Response.json(body, { status, headers: { "retry-after": "1" } })
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work, late])
  clearTimeout(timer)
}
