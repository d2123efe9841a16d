import type { Asking } from "./answer.ts"
import type { Attempt } from "./attempt.ts"

/** A route as the server's own document tells of it. */
export interface ServedRoute {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly reach: "scope" | "installation" | "open"
  readonly permission: string | null // null = whoever is known
  readonly takesScope: boolean
  readonly isPaged: boolean
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  readonly "x-reach": ServedRoute["reach"]
  readonly "x-permission"?: string
}

/** Every route that the server has, by its id: the document is made from what it answers with. */
export async function servedRoutes(asking: Asking): Promise<ReadonlyMap<string, ServedRoute>> {
  const { paths } = await asking.json<{ paths: Record<string, Record<string, Operation>> }>(
    "GET",
    "/api/openapi.json",
  )
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => routeOf(method, path, operation)),
  )
  return new Map(routes.map((route) => [route.id, route]))
}

function routeOf(method: string, path: string, operation: Operation): ServedRoute {
  const takes = new Set(operation.parameters?.filter((each) => each.in === "query").map(({ name }) => name))
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    reach: operation["x-reach"],
    permission: operation["x-permission"] ?? null,
    takesScope: takes.has("scope"),
    isPaged: takes.has("cursor"),
  }
}

/** Where an attempt asks, with more in its query. */
export function pathOf(
  { path }: ServedRoute,
  { params = {}, query = {} }: Pick<Attempt, "params" | "query"> = {},
  more: Readonly<Record<string, string>> = {},
): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? "x"))
  const search = new URLSearchParams(present({ ...query, ...more })).toString()
  return search === "" ? filled : `${filled}?${search}`
}

/** What is said at all. */
export function present(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const said = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said) as Record<string, string>
}
