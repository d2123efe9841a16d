import type { IncomingMessage } from "node:http"
import { type Context, Hono, type Next } from "hono"
import { cors } from "hono/cors"
import { matchedRoutes } from "hono/route"
import type { HandlerLogger } from "../../bus/events.ts"
import type { CarillonContainer } from "../../container.ts"
import { readBody } from "./body.ts"
import { type Act, type Link, pass } from "./chain.ts"
import { answerTo, HttpError } from "./http-error.ts"
import { type Match, matchOf } from "./matcher.ts"
import type { CheckedMiddleware, CheckedMiddlewares } from "./middlewares.ts"
import type { HttpOptions } from "./options.ts"
import { bestFirst, inWalkingOrder } from "./order.ts"
import { Asked, type AuthContext } from "./request.ts"
import { logRequest } from "./request-log.ts"
import { Answer } from "./response.ts"
import type { Method, Route } from "./route.ts"

export interface DoorOptions {
  readonly routes: readonly Route[]
  readonly middlewares: CheckedMiddlewares
  readonly container: CarillonContainer
  readonly logger: HandlerLogger
  readonly http: Pick<HttpOptions, "bodyLimit" | "proxies" | "cors">
  /** Who asks. @throws HttpError (401) when they do not say so, or not truly */
  readonly authenticate: (asked: Asked) => Promise<AuthContext>
}

/** What Node's server hands on with a request. */
export interface Socketed {
  readonly incoming?: IncomingMessage
}

interface Env {
  Bindings: Socketed
  Variables: { asked: Asked; answer: Answer; allowed: Set<Method> }
}

/** The way into one version of an app: its routes, behind its middlewares. */
export class Door {
  readonly #options: DoorOptions
  readonly #hono = new Hono<Env>({ strict: false })
  readonly #bodyParsers: readonly Parser[]
  /** Which route a handler of Hono's belongs to. */
  readonly #routes = new Map<unknown, Route>()
  readonly #inside = new Set<Promise<Response>>()

  constructor(options: DoorOptions) {
    this.#options = options
    this.#bodyParsers = parsersOf(options.middlewares.routes)
    this.#furnish()
  }

  async fetch(request: Request, socketed: Socketed = {}): Promise<Response> {
    const startedAt = performance.now()
    const answered = Promise.resolve(this.#hono.fetch(request, socketed))
    this.#inside.add(answered)
    try {
      const response = await answered
      logRequest(this.#options.logger, {
        method: request.method,
        path: new URL(request.url).pathname,
        referrer: request.headers.get("referer"),
        status: response.status,
        ms: performance.now() - startedAt,
        ip: socketed.incoming?.socket.remoteAddress ?? "",
      })
      return response
    } finally {
      this.#inside.delete(answered)
    }
  }

  /** Resolves when every request that came in was answered. */
  async whenEmpty(): Promise<void> {
    while (this.#inside.size > 0) await Promise.allSettled(this.#inside)
  }

  #furnish(): void {
    const { routes, middlewares, http } = this.#options
    const hono = this.#hono
    hono.use("*", (c, next) => this.#receive(c, next))
    if (http.cors.length > 0) hono.use("*", cors({ origin: [...http.cors], credentials: true }))
    hono.use("*", (c, next) => this.#prepare(c, next))
    const all = [...middlewares.routes.map(placedMiddleware), ...routes.flatMap(placedRoute)]
    for (const { middleware, route } of inWalkingOrder(all)) {
      if (middleware !== null) this.#addMiddleware(middleware)
      if (route !== null) this.#addRoute(route)
    }
    for (const route of routes) hono.all(route.path, (c, next) => this.#noteAllowed(route, c, next))
    hono.notFound((c) => (isPlainOptions(c) ? whatIsAllowed(c) : this.#refuse(c, notFoundOr405(c))))
    hono.onError((error, c) => this.#refuse(c, error))
  }

  /** The first act: request and answer as the app sees them, the same for all that follow. */
  async #receive(c: Context<Env>, next: Next): Promise<void> {
    const { container, http } = this.#options
    const { path, raw: request } = c.req
    const asked = new Asked({ request, path, socket: c.env.incoming, container, proxies: http.proxies })
    c.set("asked", asked)
    c.set("answer", new Answer())
    c.set("allowed", new Set())
    try {
      await next()
    } finally {
      await asked.end()
    }
  }

  /** Strangers are turned away before anything of theirs is read. */
  async #prepare(c: Context<Env>, next: Next): Promise<Response | undefined> {
    const { asked } = c.var
    try {
      if (this.#isGuarded(c)) asked.auth_context = await this.#options.authenticate(asked)
      await this.#read(asked)
    } catch (error) {
      return this.#refuse(c, error)
    }
    await next()
    return undefined
  }

  #isGuarded(c: Context<Env>): boolean {
    const matched = matchedRoutes(c).map(({ handler }) => this.#routes.get(handler))
    const route = matched.find((each) => each !== undefined)
    if (route === undefined) return isAdmin(c.req.path) && c.req.method !== "OPTIONS"
    return route.authenticate && (isAdmin(route.path) || isAdmin(c.req.path))
  }

  async #read(asked: Asked): Promise<void> {
    const parser = this.#bodyParsers.find((each) => each.isFor(asked.method as Method, asked.path))?.config
    if (parser === false) return
    const mostBytes = parser?.mostBytes ?? this.#options.http.bodyLimit
    const { body, raw } = await readBody(asked.request, { mostBytes, raw: parser?.raw ?? false })
    asked.body = body
    if (raw !== undefined) asked.rawBody = raw
  }

  #addMiddleware({ matcher, methods, middlewares }: CheckedMiddleware): void {
    const match = matchOf(matcher, methods === null)
    for (const act of middlewares) {
      this.#hono.use("*", async (c, next) => {
        const params = isOneOf(methods, c.req.method as Method) ? match(c.req.path) : null
        if (params === null) return next()
        return this.#pass(
          { act: act as Act, isHandler: false, onLateError: this.#onLateError },
          params,
          c,
          next,
        )
      })
    }
  }

  #addRoute(route: Route): void {
    const { handlers, path } = route
    const links = Object.entries(handlers).map(([method, act]) => [method, this.#link(act as Act)] as const)
    const byMethod = new Map<string, Link>(links)
    const handler = async (c: Context<Env>, next: Next): Promise<Response | undefined> => {
      // Hono asks for HEAD as if it were GET, and leaves out the body.
      const link = byMethod.get(c.req.method) ?? (c.req.method === "HEAD" ? byMethod.get("GET") : undefined)
      if (link !== undefined) return this.#pass(link, c.req.param(), c, next)
      await next()
      return undefined
    }
    this.#routes.set(handler, route)
    this.#hono.on(honoMethods(route), path, handler)
  }

  #link(act: Act): Link {
    return { act, isHandler: true, onLateError: this.#onLateError }
  }

  async #pass(
    link: Link,
    params: Readonly<Record<string, string>>,
    c: Context<Env>,
    next: Next,
  ): Promise<Response | undefined> {
    const { asked, answer } = c.var
    asked.params = params
    try {
      if (!(await pass(link, asked, answer))) return await answer.given
    } catch (error) {
      return this.#refuse(c, error)
    }
    await next()
    return undefined
  }

  #noteAllowed({ handlers }: Route, c: Context<Env>, next: Next): Promise<void> {
    for (const method of Object.keys(handlers)) c.var.allowed.add(method as Method)
    if (handlers.GET !== undefined) c.var.allowed.add("HEAD")
    return next()
  }

  /** The app's own words for an error, else ours. */
  async #refuse(c: Context<Env>, error: unknown): Promise<Response> {
    const { asked, answer } = c.var
    const { errorHandler } = this.#options.middlewares
    if (answer.headersSent) {
      this.#onLateError(error)
      return answer.given
    }
    let last = error
    if (errorHandler !== null) {
      try {
        const act: Act = (req, res, next) => errorHandler(error, req, res, next)
        if (!(await pass({ ...this.#link(act) }, asked, answer))) return await answer.given
      } catch (thrown) {
        last = thrown
      }
    }
    return this.#answerTo(asked, last)
  }

  #answerTo({ method, path }: Asked, error: unknown): Response {
    const { status, body, headers } = answerTo(error)
    if (status >= 500) {
      const err = error instanceof Error ? error : new Error(String(error))
      this.#options.logger.error({ err }, `${method} ${path} failed: ${err.message}`)
    }
    return Response.json(body, { status, headers })
  }

  readonly #onLateError = (error: unknown): void => {
    const err = error instanceof Error ? error : new Error(String(error))
    this.#options.logger.error({ err }, `A request failed after it had its answer: ${err.message}`)
  }
}

interface Placed {
  readonly matcher: string | RegExp
  readonly hasMethods: boolean
  readonly middleware: CheckedMiddleware | null
  readonly route: Route | null
}

function placedMiddleware(middleware: CheckedMiddleware): Placed {
  const { matcher, methods } = middleware
  return { matcher, hasMethods: methods !== null, middleware, route: null }
}

function placedRoute(route: Route): Placed {
  return { matcher: route.path, hasMethods: true, middleware: null, route }
}

function honoMethods({ handlers }: Route): string[] {
  const methods = Object.keys(handlers).filter((method) => method !== "HEAD")
  return handlers.HEAD !== undefined && handlers.GET === undefined ? [...methods, "GET"] : methods
}

function isOneOf(methods: readonly Method[] | null, method: Method): boolean {
  if (methods === null || methods.includes(method)) return true
  return method === "HEAD" && methods.includes("GET")
}

/** However many slashes stand before it. */
function isAdmin(path: string): boolean {
  return /^\/+admin(?:\/|$)/.test(path)
}

interface Parser {
  readonly isFor: (method: Method, path: string) => boolean
  readonly config: CheckedMiddleware["bodyParser"]
}

function parsersOf(middlewares: readonly CheckedMiddleware[]): Parser[] {
  const ours = middlewares.filter(({ bodyParser }) => bodyParser !== null)
  return bestFirst(ours.map(placedMiddleware)).map(({ middleware }) => {
    const { matcher, methods, bodyParser } = middleware as CheckedMiddleware
    const match: Match = matchOf(matcher, methods === null)
    return {
      isFor: (method, path) => isOneOf(methods, method) && match(path) !== null,
      config: bodyParser,
    }
  })
}

function isPlainOptions(c: Context<Env>): boolean {
  return c.req.method === "OPTIONS" && c.var.allowed.size > 0
}

function whatIsAllowed(c: Context<Env>): Response {
  return new Response(null, { status: 204, headers: { allow: allowedAt(c) } })
}

function notFoundOr405(c: Context<Env>): HttpError {
  const { method, path } = c.req
  if (c.var.allowed.size === 0) return new HttpError(404, `There is no route ${method} ${shown(path)}.`)
  const headers = { allow: allowedAt(c) }
  return new HttpError(405, `Expected one of ${headers.allow} at ${shown(path)}, got ${method}.`, { headers })
}

function allowedAt(c: Context<Env>): string {
  return [...new Set([...c.var.allowed, "OPTIONS"])].sort().join(", ")
}

function shown(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 200)}…`
}
