import type { IncomingMessage } from "node:http"
import qs from "qs"
import type { CarillonContainer } from "../../container.ts"
import { clientAddress } from "../../http/client-address.ts"

/** What a handler gets; the names are Express's and Medusa's. */
export interface AppRequest<Body = unknown, Query = Record<string, unknown>> {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** With the query. */
  readonly url: string
  readonly originalUrl: string
  /** By their names in small letters. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** From the path: `src/api/brands/[id]/route.ts` has `id`. */
  params: Readonly<Record<string, string>>
  /** Of the URL: text, lists (`id[]=1&id[]=2`) and objects (`created_at[$gt]=…`). */
  query: Record<string, unknown>
  /** JSON, a form, or text, as its `Content-Type` says; `{}` when there was none. */
  body: Body
  /** The bytes of the body, where `bodyParser: { preserveRawBody: true }` asks for them. */
  rawBody?: Buffer
  /** What `validateAndTransformBody` made of the body. */
  validatedBody: Body
  /** What `validateAndTransformQuery` made of the query. */
  validatedQuery: Query
  /** Fields and page, as `validateAndTransformQuery` reads them, for `query.graph`. */
  queryConfig: QueryConfig
  /** Who asks, where they have to say; on `/admin/*` always. */
  auth_context: AuthContext
  /** Who is at the other end; behind proxies see `http.proxies`. "" = unknown. */
  readonly ip: string
  /** A container for this request: the application's, and what is registered here. */
  readonly scope: CarillonContainer
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  /** The same request as the web knows it, for streams and files; its body can be read with `bodyParser: false`. */
  readonly request: Request
  get(header: string): string | undefined
  header(name: string): string | undefined
}

/** Who asks. */
export interface AuthContext {
  readonly actor_id: string
  readonly actor_type: string
  readonly auth_identity_id: string
  readonly app_metadata: Readonly<Record<string, unknown>>
}

/** Which fields and which page of a list were asked for. */
export interface QueryConfig {
  readonly fields: readonly string[]
  readonly pagination: {
    readonly skip?: number
    readonly take?: number
    readonly order?: Readonly<Record<string, string>>
  }
}

export interface Incoming {
  readonly request: Request
  readonly path: string
  readonly socket: Pick<IncomingMessage, "socket"> | undefined
  readonly container: CarillonContainer
  readonly proxies: number
}

/** A request as the app's middlewares and handlers see it, all of them the same object. */
export class Asked implements AppRequest {
  readonly method: string
  readonly path: string
  readonly url: string
  readonly request: Request
  readonly ip: string
  readonly headers: Readonly<Record<string, string | undefined>>
  params: Readonly<Record<string, string>> = {}
  query: Record<string, unknown>
  body: unknown = {}
  rawBody?: Buffer
  validatedBody: unknown
  validatedQuery: Record<string, unknown> = {}
  queryConfig: QueryConfig = { fields: [], pagination: {} }
  auth_context: AuthContext = NOBODY
  readonly #container: CarillonContainer
  #scope: CarillonContainer | null = null

  constructor({ request, path, socket, container, proxies }: Incoming) {
    const { pathname, search } = new URL(request.url)
    this.method = request.method
    this.path = path
    this.url = pathname + search
    this.request = request
    this.headers = Object.fromEntries(request.headers)
    this.ip = clientAddress(socket?.socket.remoteAddress ?? "", this.headers["x-forwarded-for"], proxies)
    this.query = readQuery(search.slice(1))
    this.#container = container
  }

  get originalUrl(): string {
    return this.url
  }

  get signal(): AbortSignal {
    return this.request.signal
  }

  get scope(): CarillonContainer {
    this.#scope ??= this.#container.createScope()
    return this.#scope
  }

  get(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined
  }

  header(name: string): string | undefined {
    return this.get(name)
  }

  /** What was resolved for this request alone ends with it. */
  async end(): Promise<void> {
    await this.#scope?.dispose()
  }
}

const NOBODY: AuthContext = Object.freeze({
  actor_id: "",
  actor_type: "",
  auth_identity_id: "",
  app_metadata: {},
})

/** Limits keep a short URL from becoming a large object; keys of prototypes are left out. */
function readQuery(text: string): Record<string, unknown> {
  return qs.parse(text, { depth: 5, parameterLimit: 500, arrayLimit: 100 })
}
