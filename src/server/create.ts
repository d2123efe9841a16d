import type { HandlerLogger } from "../bus/events.ts"
import type { Carillon } from "../carillon.ts"
import { ShopDoor } from "../compat/magento/door/door.ts"
import { SharedRoom } from "../http/shared-room.ts"
import { type Socketed, toResponse, WebRequest } from "../http/web-request.ts"
import { Api, type Doorkeeper, SAFE_HEADERS } from "./api.ts"
import { doorkeeperOf } from "./doorkeeper.ts"
import { Front } from "./front.ts"
import { type NodeListener, onNode } from "./on-node.ts"
import { refusalOf } from "./problem.ts"
import { referenceOf } from "./reference.ts"
import { logInRoutes } from "./routes/log-in.ts"
import { serverRoutes } from "./routes/server.ts"
import { STREAM_TIMING, type StreamTiming, streamRoutes } from "./routes/stream.ts"
import { routes } from "./routes.ts"
import { storeAnswers } from "./store-answers.ts"
import { Streams } from "./streams.ts"

export interface ServerOptions {
  /** Where it is mounted, such as `/carillon`; requests come with that before their paths. @defaultValue the root */
  readonly basePath?: string
  /** The largest body, in bytes: a request may bring 1,000 events. @defaultValue 4_194_304 (4 MiB) */
  readonly bodyLimit?: number
  /**
   * So many bytes of bodies are in memory at most, of all requests together; who comes with more is told to
   * come again (503). Requests of one credential have half of it, and so have those without one.
   * Reading JSON takes several times as much. @defaultValue 67_108_864 (64 MiB)
   */
  readonly bodiesLimit?: number
  /**
   * So many requests are answered at one time, half of them for one credential; more are told to come again (503).
   *
   * @defaultValue 1_000
   */
  readonly maxRequests?: number
  /** Streams that may be open at one time, for one credential and in all. @defaultValue `{ perCredential: 10, all: 200 }` */
  readonly maxStreams?: { readonly perCredential?: number; readonly all?: number }
  /** Origins whose pages may call the API from a browser: `https://shop.example`. @defaultValue none */
  readonly cors?: readonly string[]
  /**
   * How many proxies of yours stand before it: so many entries of `X-Forwarded-For` are believed, and
   * `X-Forwarded-Proto`. @defaultValue 0
   */
  readonly proxies?: number
  /** `open`: whoever reaches the server may read `/metrics`, as a Prometheus without a token does. @defaultValue `CARILLON_METRICS`, else `closed` */
  readonly metrics?: "open" | "closed"
  /**
   * Also answer as a Magento shop does, at `/rest/V1`: its async events are webhooks here, for whatever manages
   * subscriptions in a shop. @defaultValue false
   */
  readonly magento?: boolean
  /** How long a log-in is good for, in milliseconds. @defaultValue 86_400_000 (24 hours) */
  readonly tokenLifetimeMs?: number
  /** A line for each request: method, path, status, time and request id; never a query or a payload. @defaultValue true */
  readonly logRequests?: boolean
  /** @defaultValue the Carillon's own */
  readonly logger?: HandlerLogger
  /** @internal */
  readonly doorkeeper?: Doorkeeper
  /** @internal */
  readonly streamTiming?: StreamTiming
}

/** The API of one Carillon, for whatever serves HTTP. */
export interface CarillonServer {
  /**
   * A web `fetch` handler: it takes a `Request`, and answers with a `Response`. What Node's server hands on
   * (`incoming`) says from where a request comes; without it all come from one place, and share one limit of
   * log-ins that fail.
   */
  readonly fetch: (request: Request, socketed?: Socketed) => Promise<Response>
  /**
   * The same for Node's own server, without a web `Request` and `Response` in between, for a fifth less of the
   * processor: what `carillon serve` and apps use. For HTTP/1.1; whatever parses bodies has to come after it.
   *
   * @example
   * ```ts
   * import { createServer as createHttpServer } from "node:http"
   * import { createCarillon } from "carillon"
   * import { createServer } from "carillon/server"
   *
   * const carillon = await createCarillon({ database: "file:./shop.db" })
   * const server = createServer(carillon)
   * createHttpServer(server.node).listen(9000)
   * ```
   */
  readonly node: NodeListener
  /** Whether it answers as a shop does, too. */
  readonly magento: boolean
  /** Whether requests can be answered: the store is there, and nobody has closed it. */
  readonly isReady: () => Promise<boolean>
  /** Ends streams, lets those inside have their answers for so long, and lets nobody in any more. @defaultValue 10_000 (milliseconds) */
  readonly close: (graceMs?: number) => Promise<void>
}

/**
 * The API as one `fetch` handler: mount it anywhere. The Carillon may be started or not: only workers
 * handle events, but every process can emit and tell of them.
 *
 * @example
 * ```ts
 * import { createCarillon } from "carillon"
 * import { createServer } from "carillon/server"
 *
 * const carillon = await createCarillon({ database: "file:./shop.db" })
 * const server = createServer(carillon)
 * const response = await server.fetch(new Request("http://localhost/health"))
 * console.log(response.status)
 * ```
 */
export function createServer(carillon: Carillon, options: ServerOptions = {}): CarillonServer {
  const { basePath = "", proxies = 0, maxRequests = 1_000, logRequests = true } = options
  const { bodyLimit = 4 * 1024 * 1024, bodiesLimit = 64 * 1024 * 1024 } = options
  const { logger = carillon.logger, maxStreams = {} } = options
  const { perCredential: mostPerCredential = 10, all: mostInAll = 200 } = maxStreams
  const streams = new Streams({ mostPerCredential, mostInAll })
  let isClosed = false
  const isReady = async (): Promise<boolean> => !isClosed && (await storeAnswers(carillon))

  const shared = {
    carillon,
    doorkeeper: options.doorkeeper ?? doorkeeperOf(carillon),
    logger,
    basePath,
    bodyLimit,
    bodies: new SharedRoom({
      most: bodiesLimit,
      mostOfOne: Math.max(Math.ceil(bodiesLimit / 2), bodyLimit),
      what: "bodies are being read",
    }),
    places: new SharedRoom({
      most: maxRequests,
      mostOfOne: Math.ceil(maxRequests / 2),
      what: "requests are being answered",
    }),
  }
  const api: Api = new Api({
    ...shared,
    routes: [
      ...routes,
      ...streamRoutes({ streams, logger, timing: options.streamTiming ?? STREAM_TIMING }),
      ...logInRoutes({ lifetimeMs: options.tokenLifetimeMs ?? 24 * 60 * 60 * 1_000 }),
      ...serverRoutes({ basePath, document: () => api.document(), isReady, openMetrics: isOpen(options) }),
    ],
    cors: options.cors ?? [],
  })
  const shop = options.magento === true ? new ShopDoor({ ...shared, headers: SAFE_HEADERS, refusalOf }) : null
  const reference = referenceOf(basePath)
  const front = new Front({
    answer: (request, caller) =>
      reference(request) ?? shop?.answer(request, caller) ?? api.answer(request, caller),
    proxies,
    mostInFlight: maxRequests,
    logger: logRequests ? logger : null,
  })
  return {
    fetch: async (request, socketed) =>
      toResponse(await front.answer(new WebRequest(request, socketed)), request.method),
    node: onNode(front, logger),
    magento: shop !== null,
    isReady,
    close: (graceMs = 10_000) => {
      isClosed = true
      streams.endAll()
      return front.close(graceMs)
    },
  }
}

function isOpen({ metrics }: ServerOptions): boolean {
  return (metrics ?? process.env.CARILLON_METRICS) === "open"
}
