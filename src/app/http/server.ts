import type { Door } from "./door.ts"
import { answerTo, HttpError } from "./http-error.ts"
import { Listener } from "./listener.ts"
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
  #isReady: () => Promise<boolean> = async () => false
  /** While an app is exchanged for its next version, requests wait for that. */
  #exchange: PromiseWithResolvers<void> | null = null
  #isClosing = false

  /** How to call it from this machine; null = it does not listen. */
  get url(): string | null {
    return this.#listener?.url ?? null
  }

  /** Listens there, or (null) no longer; the place before is kept until it can. @throws ConfigError when it cannot */
  async listen(options: HttpOptions | null): Promise<void> {
    const place = options === null ? "" : `${options.host} ${options.port} ${options.requestTimeoutMs}`
    if (this.#isClosing || place === this.#place) return
    const before = this.#listener
    this.#listener = options === null ? null : await Listener.open(options, this.#fetch)
    this.#place = place
    await before?.close(0)
  }

  /** From here on requests go to this app. */
  open(door: Door, isReady: () => Promise<boolean>): void {
    this.#door = door
    this.#isReady = isReady
    this.#exchange?.resolve()
    this.#exchange = null
  }

  /** Those inside get their answers; who comes now waits for the next app. */
  async exchange(graceMs: number): Promise<void> {
    const door = this.#door
    this.#door = null
    this.#exchange ??= Promise.withResolvers()
    if (door !== null) await within(graceMs, door.whenEmpty())
  }

  /** No new connections; requests in flight get `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    this.#exchange?.resolve()
    await this.#listener?.close(graceMs)
    this.#listener = null
    this.#door = null
  }

  readonly #fetch = async (request: Request, socketed: object): Promise<Response> => {
    const response = await this.#answer(request, socketed)
    if (!this.#isClosing) return response
    // Whoever keeps the connection would only find it closed. Headers of a fetched response are frozen.
    const { status, statusText, headers } = response
    return new Response(response.body, { status, statusText, headers: [...headers, ["connection", "close"]] })
  }

  async #answer(request: Request, socketed: object): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname === "/health") return Response.json({ status: "ok" })
    if (pathname === "/ready") return this.#ready()
    if (this.#door === null && this.#exchange !== null) await within(PATIENCE_MS, this.#exchange.promise)
    return this.#door === null ? notYet() : this.#door.fetch(request, socketed)
  }

  async #ready(): Promise<Response> {
    const isReady = this.#door !== null && !this.#isClosing && (await this.#isReady())
    return Response.json({ status: isReady ? "ready" : "not ready" }, { status: isReady ? 200 : 503 })
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
