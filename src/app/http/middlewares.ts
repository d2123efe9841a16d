import { ConfigError, expected } from "../../core/errors.ts"
import type { AppRequest } from "./request.ts"
import type { AppResponse } from "./response.ts"
import { METHODS, type Method } from "./route.ts"

/** Goes on to what comes next; with an error, to the one who answers errors. */
export type AppNext = (error?: unknown) => void

/** Looks at a request before its handler does: calls `next()`, answers, or throws. */
export type AppMiddleware = Bivariant<(req: AppRequest, res: AppResponse, next: AppNext) => unknown>

export type AppErrorHandler = Bivariant<
  (error: unknown, req: AppRequest, res: AppResponse, next: AppNext) => unknown
>

/** A function that may ask for a request of a certain body. */
type Bivariant<F extends (...args: never) => unknown> = {
  call(...args: Parameters<F>): ReturnType<F>
}["call"]

/** Which requests, and what is done with them before their handlers. */
export interface MiddlewareRoute {
  /**
   * A path: `/admin/brands`, `/admin/brands/:id`, `/store*`, or a regular expression. Without methods it
   * also means every path below it.
   */
  readonly matcher: string | RegExp
  /** Only these methods. @defaultValue all */
  readonly method?: MiddlewareMethod | readonly MiddlewareMethod[]
  /** The same as `method`. */
  readonly methods?: readonly MiddlewareMethod[]
  /** In their order. */
  readonly middlewares?: readonly AppMiddleware[]
  /** How bodies are read here; `false` = not at all: the handler reads `req.request`. */
  readonly bodyParser?: false | BodyParser
}

export type MiddlewareMethod = Method | "ALL" | "USE"

export interface BodyParser {
  /** The largest body: bytes, or text such as `"1mb"`. @defaultValue `http.bodyLimit` */
  readonly sizeLimit?: number | string
  /** Keep the bytes as `req.rawBody`, for signatures. @defaultValue false */
  readonly preserveRawBody?: boolean
}

export interface MiddlewaresConfig {
  readonly routes?: readonly MiddlewareRoute[]
  /** Answers what was thrown; what it does not answer is answered as usual when it calls `next(error)`. */
  readonly errorHandler?: AppErrorHandler | false
}

/**
 * What `src/api/middlewares.ts` exports by default: middlewares by the paths and methods that they are for.
 *
 * They run before the handlers, the wider ones first: those without methods, then those with wildcards,
 * then those of one path; among equals in the order in which they stand here.
 *
 * @example
 * ```ts
 * import { defineMiddlewares, validateAndTransformBody } from "carillon"
 * import { z } from "zod"
 *
 * export default defineMiddlewares({
 *   routes: [
 *     {
 *       matcher: "/admin/brands",
 *       method: "POST",
 *       middlewares: [validateAndTransformBody(z.object({ name: z.string() }))],
 *     },
 *   ],
 * })
 * ```
 */
export function defineMiddlewares(config: MiddlewaresConfig | readonly MiddlewareRoute[]): MiddlewaresConfig {
  return isList(config) ? { routes: config } : config
}

function isList(
  config: MiddlewaresConfig | readonly MiddlewareRoute[],
): config is readonly MiddlewareRoute[] {
  return Array.isArray(config)
}

/** Middlewares whose every field was looked at. */
export interface CheckedMiddlewares {
  readonly routes: readonly CheckedMiddleware[]
  readonly errorHandler: AppErrorHandler | null
}

export interface CheckedMiddleware {
  readonly matcher: string | RegExp
  readonly methods: readonly Method[] | null // null = all, and every path below
  readonly middlewares: readonly AppMiddleware[]
  readonly bodyParser: false | { readonly mostBytes: number | null; readonly raw: boolean } | null // null = as usual
}

export const NO_MIDDLEWARES: CheckedMiddlewares = Object.freeze({ routes: [], errorHandler: null })

/** @throws ConfigError that names the file and what is wrong with it */
export function checkMiddlewares(file: string, config: unknown): CheckedMiddlewares {
  const given = Array.isArray(config) ? { routes: config } : config
  if (typeof given !== "object" || given === null)
    throw new ConfigError(
      `${file}: ${expected("a default export made by `defineMiddlewares({ … })`", config)}`,
    )
  const { routes = [], errorHandler } = given as MiddlewaresConfig
  if (!Array.isArray(routes)) throw new ConfigError(`${file}: ${expected("`routes` to be a list", routes)}`)
  if (errorHandler && typeof errorHandler !== "function")
    throw new ConfigError(`${file}: ${expected("`errorHandler` to be a function", errorHandler)}`)
  return {
    routes: routes.map((route, i) => checkRoute(`${file}: \`routes[${i}]\``, route)),
    errorHandler: errorHandler || null,
  }
}

function checkRoute(where: string, route: unknown): CheckedMiddleware {
  const {
    matcher,
    method,
    methods,
    middlewares = [],
    bodyParser,
    ...others
  } = (route ?? {}) as MiddlewareRoute
  if ("additionalDataValidator" in others)
    throw new ConfigError(
      `${where}: expected no \`additionalDataValidator\`, which is not supported. Check \`additional_data\` in a schema of the body.`,
    )
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new ConfigError(
      `${where}: expected matcher, method, methods, middlewares, bodyParser; got \`${unknown}\`.`,
    )
  if (!(matcher instanceof RegExp) && (typeof matcher !== "string" || matcher === ""))
    throw new ConfigError(`${where}: ${expected("`matcher` to be a path or a regular expression", matcher)}`)
  if (!Array.isArray(middlewares) || middlewares.some((each) => typeof each !== "function"))
    throw new ConfigError(`${where}: ${expected("`middlewares` to be a list of functions", middlewares)}`)
  return {
    matcher,
    methods: methodsOf(where, methods ?? method),
    middlewares,
    bodyParser: parserOf(where, bodyParser),
  }
}

function methodsOf(where: string, given: unknown): readonly Method[] | null {
  if (given === undefined) return null
  const all = Array.isArray(given) ? given : [given]
  if (all.includes("USE")) return null
  const known: readonly unknown[] = [...METHODS, "ALL"]
  const wrong = all.find((each) => !known.includes(each))
  if (all.length === 0 || wrong !== undefined)
    throw new ConfigError(
      `${where}: ${expected(`\`method\` to be one or some of ${METHODS.join(", ")}`, wrong)}`,
    )
  return all.includes("ALL") ? METHODS : all
}

function parserOf(where: string, given: unknown): CheckedMiddleware["bodyParser"] {
  if (given === undefined) return null
  if (given === false) return false
  if (typeof given !== "object" || given === null)
    throw new ConfigError(`${where}: ${expected("`bodyParser` to be false or an object", given)}`)
  const { sizeLimit, preserveRawBody = false } = given as BodyParser
  return {
    mostBytes: sizeLimit === undefined ? null : bytesOf(`${where}: \`bodyParser.sizeLimit\``, sizeLimit),
    raw: preserveRawBody === true,
  }
}

/** `1024`, `"100kb"`, `"1mb"`. */
export function bytesOf(where: string, given: unknown): number {
  if (Number.isSafeInteger(given) && (given as number) > 0) return given as number
  const [, count, unit = "b"] = /^\s*(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?\s*$/i.exec(String(given)) ?? []
  const bytes = Math.floor(Number(count) * 1024 ** ["b", "kb", "mb", "gb"].indexOf(unit.toLowerCase()))
  if (bytes > 0) return bytes
  throw new ConfigError(`${where}: ${expected('bytes, or text such as `"1mb"`', given)}`)
}
