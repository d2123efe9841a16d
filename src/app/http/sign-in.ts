import { ConfigError, TooManyAttemptsError } from "../../core/errors.ts"
import { HttpError } from "../../http/http-error.ts"
import type { LogIns } from "../../identity/log-ins.ts"
import type { Sessions } from "../../identity/sessions.ts"
import type { Users } from "../../identity/users.ts"
import type { Asked, AuthContext } from "./request.ts"
import type { Route } from "./route.ts"

export interface SignInOptions {
  readonly logIns: LogIns
  readonly lifetimeMs: number
}

/** `POST /auth/user/emailpass`: a token for an e-mail address and its password. */
export function signInRoute({ logIns, lifetimeMs }: SignInOptions): Route {
  return {
    file: "carillon",
    path: "/auth/user/emailpass",
    authenticate: false,
    handlers: {
      POST: async (req, res) => {
        const { email, password } = credentialsIn(req.body)
        const asked = { email, password, address: req.ip, lifetimeMs }
        const token = await logIns.tokenFor(asked).catch((error) => {
          throw error instanceof TooManyAttemptsError ? tooOften(error) : error
        })
        if (token === null) throw new HttpError(401, "Invalid email or password")
        res.set("cache-control", "no-store").json({ token })
      },
    },
  }
}

/** Who a request is from, by its `Authorization: Bearer`. @throws HttpError with 401 */
export function authenticator(sessions: Sessions): (asked: Asked) => Promise<AuthContext> {
  return async (asked) => {
    const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(asked.get("authorization") ?? "")?.[1]
    const user = token === undefined ? null : await sessions.userOf(token)
    if (user === null) throw new HttpError(401, "Unauthorized", { headers: { "www-authenticate": "Bearer" } })
    return {
      actor_id: user.id,
      actor_type: "user",
      auth_identity_id: user.id,
      app_metadata: { user_id: user.id, email: user.email },
    }
  }
}

const LONGEST = 256

function credentialsIn(body: unknown): { email: string; password: string } {
  const { email, password } = (body ?? {}) as { email?: unknown; password?: unknown }
  const details = Object.entries({ email, password }).flatMap(([path, value]) =>
    typeof value === "string" && value !== "" && value.length <= LONGEST
      ? []
      : [{ path, message: `Expected text of 1 to ${LONGEST} characters` }],
  )
  if (details.length > 0 || typeof email !== "string" || typeof password !== "string")
    throw new HttpError(400, 'Expected a body such as {"email":"admin@shop.example","password":"…"}.', {
      details,
    })
  return { email, password }
}

function tooOften({ message, retryAfterMs }: TooManyAttemptsError): HttpError {
  const headers = { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) }
  return new HttpError(429, message, { headers })
}

/** The first user, for who cannot run `carillon user create`. @throws ConfigError when only half is said */
export async function ensureAdmin(
  users: Users,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  const { CARILLON_ADMIN_EMAIL: email, CARILLON_ADMIN_PASSWORD: password } = env
  if (!email && !password) return
  if (!email || !password)
    throw new ConfigError(
      `Expected \`CARILLON_ADMIN_EMAIL\` and \`CARILLON_ADMIN_PASSWORD\` together, got only one of them.`,
    )
  await users.ensure({ email, password })
}
