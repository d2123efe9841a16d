import { errors, jwtVerify, SignJWT } from "jose"
import type { KnownUser, User, Users } from "./users.ts"

const ALGORITHM = "HS256"
const ISSUER = "carillon"
const AUDIENCE = "user"
const LONGEST_TOKEN = 4_096

export interface TokensOptions {
  readonly key: Uint8Array
  readonly users: Pick<Users, "find">
  readonly lifetimeMs: number
  readonly now: () => number
}

/** Says who somebody is, once they have logged in: a signed token, good until it expires or the user is gone. */
export class Tokens {
  readonly #options: TokensOptions

  constructor(options: TokensOptions) {
    this.#options = options
  }

  issue({ id, email, generation }: KnownUser): Promise<string> {
    const { key, lifetimeMs, now } = this.#options
    const issuedAt = Math.floor(now() / 1_000)
    return new SignJWT({ email, generation, actor_id: id, actor_type: AUDIENCE })
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(id)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + Math.ceil(lifetimeMs / 1_000))
      .sign(key)
  }

  /** The user of a token; null for one that is expired, forged, broken, or of a user who is gone or has another password. */
  async userOf(token: string): Promise<User | null> {
    const claims = await this.#claimsOf(token)
    if (claims === null) return null
    const user = await this.#options.users.find(claims.email)
    const isTheirs = user !== null && user.id === claims.id && user.generation === claims.generation
    return isTheirs ? user : null
  }

  async #claimsOf(token: string): Promise<Claims | null> {
    if (token.length > LONGEST_TOKEN) return null
    try {
      const { payload } = await jwtVerify<Claims>(token, this.#options.key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ["sub", "exp", "iat"],
        currentDate: new Date(this.#options.now()),
      })
      const { sub, email, generation } = payload
      return typeof sub === "string" && typeof email === "string" ? { id: sub, email, generation } : null
    } catch (error) {
      if (error instanceof errors.JOSEError) return null // why is not the stranger's business
      throw error
    }
  }
}

interface Claims {
  readonly id: string
  readonly email: string
  readonly generation: number
}
