import { setTimeout as wait } from "node:timers/promises"
import type { HandlerLogger } from "../bus/events.ts"
import type { Carillon } from "../carillon.ts"
import type { CarillonContainer } from "../container.ts"
import { LoginLimit } from "../identity/login-limit.ts"
import { tokenSecret } from "../identity/secret.ts"
import { Tokens } from "../identity/tokens.ts"
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
  const { users } = carillon
  await ensureAdmin(users)
  const secret = await tokenSecret(carillon.records, process.env.CARILLON_SECRET)
  if (secret.from === "store" && mode === "start")
    logger.warn(
      "Log-ins are signed with a secret that is kept in the store. Set CARILLON_SECRET, so that reading the store is not enough to log in.",
    )
  const tokens = new Tokens({ key: secret.key, users, lifetimeMs: http.tokenLifetimeMs, now: Date.now })
  const signIn = signInRoute({ users, tokens, limit: new LoginLimit(() => performance.now()) })
  const isTheirs = api.routes.some(({ path }) => path === signIn.path)
  return new Door({
    routes: isTheirs ? api.routes : [signIn, ...api.routes],
    middlewares: api.middlewares,
    container,
    logger,
    http,
    authenticate: authenticator(tokens),
  })
}

const ANSWER_WITHIN_MS = 2_000

/** Whether the store answers. */
export async function storeAnswers(carillon: Carillon): Promise<boolean> {
  const asked = carillon.records.queries.record("health", "store").then(
    () => true,
    () => false,
  )
  return Promise.race([asked, wait(ANSWER_WITHIN_MS, false, { ref: false })])
}
