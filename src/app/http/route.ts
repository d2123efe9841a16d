import { dirname, sep } from "node:path"
import { ConfigError, expected } from "../../core/errors.ts"
import type { AppNext } from "./middlewares.ts"
import type { AppRequest } from "./request.ts"
import type { AppResponse } from "./response.ts"

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"] as const
export type Method = (typeof METHODS)[number]

/** Answers a request by `res`, or with a web `Response` that it returns. */
export type RouteHandler = (req: AppRequest, res: AppResponse, next: AppNext) => unknown

/** One path, and who answers there. */
export interface Route {
  readonly file: string
  readonly path: string // with `:id` for what stands as `[id]` in the file's folders
  readonly handlers: Readonly<Partial<Record<Method, RouteHandler>>>
  readonly authenticate: boolean // false = also below /admin nobody has to say who they are
}

/** What a `route.ts` exports, by its place below `src/api`. @throws ConfigError that names the file */
export function readRoute(
  file: string,
  place: string,
  exports: Readonly<Record<string, unknown>>,
): Route | null {
  const handlers: Partial<Record<Method, RouteHandler>> = {}
  for (const method of METHODS) {
    const handler = exports[method]
    if (handler === undefined) continue
    if (typeof handler !== "function")
      throw new ConfigError(`${file}: ${expected(`\`${method}\` to be the function to call`, handler)}`)
    handlers[method] = handler as RouteHandler
  }
  if (Object.keys(handlers).length === 0) return null
  return { file, path: pathOf(file, place), handlers, authenticate: exports.AUTHENTICATE !== false }
}

/** `admin/brands/[id]/route.ts` is `/admin/brands/:id`. */
function pathOf(file: string, place: string): string {
  const folder = dirname(place)
  const segments = folder === "." ? [] : folder.split(sep)
  const names = new Set<string>()
  const path = segments.map((segment) => {
    const name = /^\[(\w+)\]$/.exec(segment)?.[1]
    if (name === undefined) return checkedSegment(file, segment)
    if (names.has(name))
      throw new ConfigError(`${file}: expected each parameter of a path once, got \`[${name}]\` twice.`)
    names.add(name)
    return `:${name}`
  })
  return `/${path.join("/")}`
}

function checkedSegment(file: string, segment: string): string {
  if (/^[\w.~@+-]+$/.test(segment)) return segment
  throw new ConfigError(
    `${file}: ${expected("folders that are named by letters, digits, `-`, `_`, `.`, or `[name]` for a parameter", segment)}`,
  )
}

/** Two files may mean one path: `[id]` and `[brand_id]`. @throws ConfigError that names both */
export function refuseTwinRoutes(routes: readonly Route[]): void {
  const seen = new Map<string, Route>()
  for (const route of routes) {
    const key = route.path.replace(/:\w+/g, ":")
    const twin = seen.get(key)
    if (twin !== undefined)
      throw new ConfigError(
        `Expected one file for each path, got two for ${route.path}: ${twin.file} and ${route.file}.`,
      )
    seen.set(key, route)
  }
}
