import { ConfigError } from "../../core/errors.ts"
import type { LoginLimit } from "../../identity/login-limit.ts"
import type { Tokens } from "../../identity/tokens.ts"
import { normalisedEmail, type Users } from "../../identity/users.ts"
import { HttpError } from "./http-error.ts"
import type { Asked, AuthContext } from "./request.ts"
import type { Route } from "./route.ts"

export interface SignInOptions {
  readonly users: Users
  readonly tokens: Tokens
  readonly limit: LoginLimit
}

/** `POST /auth/user/emailpass`: a token for an e-mail address and its password. */
export function signInRoute({ users, tokens, limit }: SignInOptions): Route {
  return {
    file: "carillon",
    path: "/auth/user/emailpass",
    authenticate: false,
    handlers: {
      POST: async (req, res) => {
        const { email, password } = credentialsIn(req.body)
        const waitMs = limit.take(email, req.ip)
        if (waitMs > 0) throw tooOften(waitMs)
        const user = await users.authenticate(email, password)
        if (user === null) throw new HttpError(401, "Invalid email or password")
        limit.giveBack(email, req.ip)
        res.set("cache-control", "no-store").json({ token: await tokens.issue(user) })
      },
    },
  }
}

/** Who a request is from, by its `Authorization: Bearer`. @throws HttpError with 401 */
export function authenticator(tokens: Tokens): (asked: Asked) => Promise<AuthContext> {
  return async (asked) => {
    const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(asked.get("authorization") ?? "")?.[1]
    const user = token === undefined ? null : await tokens.userOf(token)
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
  return { email: normalisedEmail(email), password }
}

function tooOften(waitMs: number): HttpError {
  const seconds = Math.ceil(waitMs / 1_000)
  return new HttpError(429, `Too many log-ins failed. Try again in ${seconds} seconds.`, {
    headers: { "retry-after": String(seconds) },
  })
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
