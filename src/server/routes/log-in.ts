import { logIn } from "../../contract/server.ts"
import { HttpError } from "../../http/http-error.ts"
import { type Served, serve } from "../served.ts"

export interface LogInOptions {
  readonly lifetimeMs: number
}

/** A token for an e-mail address and its password. */
export function logInRoutes({ lifetimeMs }: LogInOptions): readonly Served[] {
  return [
    serve(logIn, async ({ carillon, body: { email, password }, address }) => {
      const token = await carillon.identity.logIns.tokenFor({ email, password, address, lifetimeMs })
      if (token !== null) return { token }
      throw new HttpError(401, "Expected the address and password of a user, got others.", {
        headers: { "www-authenticate": "Bearer" },
      })
    }),
  ]
}
