import { type Match, matchOf } from "./matcher.ts"
import type { CheckedMiddleware } from "./middlewares.ts"
import { bestFirst, inWalkingOrder } from "./order.ts"
import type { Method, Route } from "./route.ts"

/** One thing that a request comes by on its way. */
export type Layer =
  | { readonly kind: "middleware"; readonly middleware: CheckedMiddleware }
  | { readonly kind: "route"; readonly route: Route }

/** All layers in the order in which a request comes by them. */
export function layersOf(
  middlewares: readonly CheckedMiddleware[],
  routes: readonly Route[],
): readonly Layer[] {
  const all = [
    ...middlewares.map((middleware) => ({
      ...placeOf(middleware),
      layer: { kind: "middleware", middleware } as Layer,
    })),
    ...routes.map((route) => ({
      matcher: route.path,
      hasMethods: true,
      layer: { kind: "route", route } as Layer,
    })),
  ]
  return inWalkingOrder(all).map(({ layer }) => layer)
}

/** How bodies are read for a method and path; null = as usual. */
export type BodyParsers = (method: Method, path: string) => CheckedMiddleware["bodyParser"]

/** The most particular middleware that says something of bodies decides. */
export function bodyParsersOf(middlewares: readonly CheckedMiddleware[]): BodyParsers {
  const speaking = middlewares.filter(({ bodyParser }) => bodyParser !== null)
  const parsers = bestFirst(speaking.map((middleware) => ({ ...placeOf(middleware), middleware }))).map(
    ({ middleware }) => ({ fits: fitOf(middleware), bodyParser: middleware.bodyParser }),
  )
  return (method, path) => parsers.find(({ fits }) => fits(method, path) !== null)?.bodyParser ?? null
}

/** The parameters in a path that a middleware is for; null = it is not for this request. */
export function fitOf({
  matcher,
  methods,
}: CheckedMiddleware): (method: Method, path: string) => ReturnType<Match> {
  const match = matchOf(matcher, methods === null)
  const isFor = (method: Method): boolean =>
    methods === null || methods.includes(method) || (method === "HEAD" && methods.includes("GET"))
  return (method, path) => (isFor(method) ? match(path) : null)
}

function placeOf({ matcher, methods }: CheckedMiddleware) {
  return { matcher, hasMethods: methods !== null }
}
