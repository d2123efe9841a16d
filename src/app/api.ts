import { join, relative } from "node:path"
import { findNamed, findOne } from "./discovery.ts"
import { type CheckedMiddlewares, checkMiddlewares, NO_MIDDLEWARES } from "./http/middlewares.ts"
import { type Route, readRoute, refuseTwinRoutes } from "./http/route.ts"

/** What `src/api` says. */
export interface Api {
  readonly routes: readonly Route[]
  readonly middlewares: CheckedMiddlewares
  readonly warnings: readonly string[]
}

export async function loadApi(
  folder: string,
  read: (file: string) => Promise<Readonly<Record<string, unknown>>>,
): Promise<Api> {
  const root = join(folder, "src", "api")
  const routes: Route[] = []
  const warnings: string[] = []
  for (const file of await findNamed(root, "route")) {
    const place = relative(root, file)
    if (isPrivate(place)) continue
    const route = readRoute(relative(folder, file), place, await read(file))
    if (route !== null) routes.push(route)
    if (route !== null && OWN_PATHS.includes(route.path))
      warnings.push(
        `${route.file}: nobody is answered here, because ${route.path} is answered by the server itself.`,
      )
    if (route === null)
      warnings.push(
        `${relative(folder, file)}: expected an export GET, POST, PUT, PATCH, DELETE, OPTIONS or HEAD. The file is skipped.`,
      )
  }
  refuseTwinRoutes(routes)
  const file = await findOne(root, "middlewares")
  const middlewares =
    file === null ? NO_MIDDLEWARES : checkMiddlewares(relative(folder, file), (await read(file)).default)
  return { routes, middlewares, warnings }
}

const OWN_PATHS: readonly string[] = ["/health", "/ready"]

/** What lies in a folder whose name begins with `_` is not for callers. */
function isPrivate(place: string): boolean {
  return place.split(/[/\\]/).some((segment) => segment.startsWith("_"))
}
