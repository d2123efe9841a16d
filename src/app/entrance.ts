import type { HandlerLogger } from "../bus/events.ts"
import type { Carillon } from "../carillon.ts"
import type { CarillonContainer } from "../container.ts"
import type { Api } from "./api.ts"
import { Door } from "./http/door.ts"
import type { HttpOptions } from "./http/options.ts"
import { authenticator, ensureAdmin, signInRoute } from "./http/sign-in.ts"

export interface EntranceOptions {
  readonly carillon: Carillon
  readonly container: CarillonContainer
  readonly logger: HandlerLogger
  readonly api: Api
  readonly http: HttpOptions
  readonly mode: "dev" | "start"
}

/** The door of an app: its own routes, and those for logging in. */
export async function newDoor({
  carillon,
  container,
  logger,
  api,
  http,
  mode,
}: EntranceOptions): Promise<Door> {
  const { users, sessions, logIns, keys } = carillon.identity
  await ensureAdmin(users)
  await keys.ring() // an app that could let nobody in does not start
  if (keys.origin === "file" && mode === "start")
    logger.warn(
      "Log-ins are signed with a secret that was made for development. Set CARILLON_SECRET: in production (NODE_ENV) the app does not start without it.",
    )
  const { tokenLifetimeMs: lifetimeMs } = http
  const signIn = signInRoute({ logIns, lifetimeMs })
  const isTheirs = api.routes.some(({ path }) => path === signIn.path)
  return new Door({
    routes: isTheirs ? api.routes : [signIn, ...api.routes],
    middlewares: api.middlewares,
    container,
    logger,
    http,
    authenticate: authenticator(sessions),
  })
}
