import { errors, jwtVerify, SignJWT } from "jose"
import type { KeyRing } from "./key-ring.ts"
import type { KnownUser, User } from "./users.ts"

const ALGORITHM = "HS256"
const ISSUER = "carillon"
const AUDIENCE = "user"
const PURPOSE = "log-ins"
const LONGEST_TOKEN = 4_096

export interface SessionsOptions {
  /** What log-ins are signed with: its first key. */
  readonly ring: () => Promise<KeyRing>
  /** What they are believed under: each of its keys. Null = none was made yet, so nobody can have logged in. */
  readonly existingRing: () => Promise<KeyRing | null>
  readonly users: { find(email: string): Promise<KnownUser | null> }
  readonly now: () => number
}

/** Says who somebody is, once they have logged in: a signed token, good until it expires or the user is gone. */
export class Sessions {
  readonly #options: SessionsOptions

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  async issue({ id, email, generation }: KnownUser, lifetimeMs: number): Promise<string> {
    const { keyId, key } = (await this.#options.ring()).derive(PURPOSE)
    const issuedAt = Math.floor(this.#options.now() / 1_000)
    return new SignJWT({ email, generation, actor_id: id, actor_type: AUDIENCE })
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: keyId })
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
    const ring = await this.#options.existingRing()
    if (ring === null) return null
    const keyOf = ({ kid }: { kid?: string }): Uint8Array => {
      const key = ring.deriveFrom(kid ?? "", PURPOSE)
      if (key === null) throw new errors.JWKSNoMatchingKey()
      return key
    }
    try {
      const { payload } = await jwtVerify<Claims>(token, keyOf, {
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
