import type { IncomingMessage } from "node:http"
import { type Context, Hono, type Next } from "hono"
import { cors } from "hono/cors"
import { matchedRoutes } from "hono/route"
import type { HandlerLogger } from "../../bus/events.ts"
import type { CarillonContainer } from "../../container.ts"
import { readBody } from "../../http/body.ts"
import { HttpError } from "../../http/http-error.ts"
import { type LoggedRequest, logRequest } from "../../http/request-log.ts"
import { type Act, type Link, pass } from "./chain.ts"
import { type BodyParsers, bodyParsersOf, fitOf, layersOf } from "./layer.ts"
import type { CheckedMiddleware, CheckedMiddlewares } from "./middlewares.ts"
import type { HttpOptions } from "./options.ts"
import { Refusals } from "./refusals.ts"
import { Asked, type AuthContext } from "./request.ts"
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
  Variables: { asked: Asked; answer: Answer; allowed: Set<string> }
}

/** The way into one version of an app: its routes, behind its middlewares. */
export class Door {
  readonly #options: DoorOptions
  readonly #hono = new Hono<Env>({ strict: false })
  readonly #bodyParsers: BodyParsers
  readonly #refusals: Refusals
  /** Which route a handler of Hono's belongs to. */
  readonly #routes = new Map<unknown, Route>()
  readonly #inside = new Set<Promise<Response>>()

  constructor(options: DoorOptions) {
    const { logger, middlewares } = options
    this.#options = options
    this.#bodyParsers = bodyParsersOf(middlewares.routes)
    this.#refusals = new Refusals(logger, middlewares.errorHandler)
    this.#furnish()
  }

  async fetch(request: Request, socketed: Socketed = {}): Promise<Response> {
    const answered = Promise.resolve(this.#hono.fetch(request, socketed))
    this.#inside.add(answered)
    try {
      return await answered
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
    for (const layer of layersOf(middlewares.routes, routes)) {
      if (layer.kind === "middleware") this.#addMiddleware(layer.middleware)
      else this.#addRoute(layer.route)
    }
    for (const route of routes) hono.all(route.path, (c, next) => noteAllowed(route, c, next))
    hono.notFound((c) => (isPlainOptions(c) ? whatIsAllowed(c) : this.#refuse(c, notFoundOr405(c))))
    hono.onError((error, c) => this.#refuse(c, error))
  }

  /** The first act: request and answer as the app sees them, the same for all that follow. */
  async #receive(c: Context<Env>, next: Next): Promise<void> {
    const startedAt = performance.now()
    const { container, http, logger } = this.#options
    const { path, raw: request } = c.req
    const asked = new Asked({ request, path, socket: c.env.incoming, container, proxies: http.proxies })
    c.set("asked", asked)
    c.set("answer", new Answer())
    c.set("allowed", new Set())
    await next()
    logRequest(logger, lineOf(asked), { status: c.res.status, ms: performance.now() - startedAt })
    await asked.end()
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

  /** By the path as it came, too: a route `/:area/brands` also answers below `/admin`. */
  #isGuarded(c: Context<Env>): boolean {
    const matched = matchedRoutes(c).map(({ handler }) => this.#routes.get(handler))
    const route = matched.find((each) => each !== undefined)
    if (route === undefined) return isAdmin(c.req.path) && c.req.method !== "OPTIONS"
    return route.authenticate && (isAdmin(route.path) || isAdmin(c.req.path))
  }

  async #read(asked: Asked): Promise<void> {
    const parser = this.#bodyParsers(asked.method as Method, asked.path)
    if (parser === false) return
    const mostBytes = parser?.mostBytes ?? this.#options.http.bodyLimit
    const { body, raw } = await readBody(asked.request, { mostBytes, raw: parser?.raw ?? false })
    asked.body = body
    if (raw !== undefined) asked.rawBody = raw
  }

  #addMiddleware(middleware: CheckedMiddleware): void {
    const fits = fitOf(middleware)
    for (const each of middleware.middlewares) {
      const link = { act: each as Act, isHandler: false, onLateError: this.#refusals.noteLate }
      this.#hono.use("*", async (c, next) => {
        const params = fits(c.req.method as Method, c.req.path)
        return params === null ? next() : this.#pass(link, params, c, next)
      })
    }
  }

  #addRoute(route: Route): void {
    const links = new Map(
      Object.entries(route.handlers).map(([method, handler]) => {
        const link = { act: handler as Act, isHandler: true, onLateError: this.#refusals.noteLate }
        return [method, link] as const
      }),
    )
    const handler = async (c: Context<Env>, next: Next): Promise<Response | undefined> => {
      // Hono asks for HEAD as if it were GET, and leaves out the body.
      const link = links.get(c.req.method) ?? (c.req.method === "HEAD" ? links.get("GET") : undefined)
      if (link !== undefined) return this.#pass(link, c.req.param(), c, next)
      await next()
      return undefined
    }
    this.#routes.set(handler, route)
    this.#hono.on([...new Set([...links.keys()].map(asHonoAsks))], route.path, handler)
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

  #refuse(c: Context<Env>, error: unknown): Promise<Response> {
    return this.#refusals.answer(error, c.var.asked, c.var.answer)
  }
}

function lineOf({ method, path, ip, headers }: Asked): LoggedRequest {
  return { method, path, ip, referrer: headers.referer ?? "-" }
}

function asHonoAsks(method: string): string {
  return method === "HEAD" ? "GET" : method
}

/** However many slashes stand before it. */
function isAdmin(path: string): boolean {
  return /^\/+admin(?:\/|$)/.test(path)
}

/** Nobody has answered at this path: another method would be. */
function noteAllowed({ handlers }: Route, c: Context<Env>, next: Next): Promise<void> {
  for (const method of Object.keys(handlers)) c.var.allowed.add(method)
  if (handlers.GET !== undefined) c.var.allowed.add("HEAD")
  return next()
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
