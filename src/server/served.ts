import type { Carillon } from "../carillon.ts"
import type { BodyOf, GivenOf, ParamsOf, QueryOf, RouteContract } from "../contract/route.ts"
import type { Scopes } from "../core/scope.ts"
import type { ByteLimits } from "../http/body.ts"
import type { Received } from "../http/received.ts"
import type { Reply } from "../http/reply.ts"
import type { Access } from "../identity/access.ts"
import type { Cursors } from "./cursors.ts"

/** A request as a route gets it: known, allowed, and checked. */
export interface Asked<R extends RouteContract = RouteContract> {
  readonly carillon: Carillon
  readonly access: Access
  /** What the answer may speak of: the credential's scopes, narrowed by `?scope=`. */
  readonly scopes: Scopes
  readonly params: ParamsOf<R>
  readonly query: QueryOf<R>
  readonly body: BodyOf<R>
  readonly request: Received
  /** Where it came from. */
  readonly address: string
  readonly cursors: Cursors
  /** Goes into the audit entry of this request, beside its path and parameters. Nothing of a payload. */
  readonly note: (details: Readonly<Record<string, unknown>>) => void
  /** For answers that take long: whether the credential would still be let in, with the same scopes. */
  readonly isStillAllowed: () => Promise<boolean>
}

/** A route with what answers it. */
export interface Served {
  readonly contract: RouteContract
  readonly handle: (asked: Asked) => Promise<unknown>
  /** Reads the body, where it comes in other forms than JSON. */
  readonly read?: (request: Received, limits: ByteLimits) => Promise<unknown>
}

/** What a handler returns is the body, as the contract says; a `Reply` goes as it is. */
export function serve<R extends RouteContract>(
  contract: R,
  handle: (asked: Asked<R>) => Promise<GivenOf<R> | Reply>,
): Served {
  return { contract, handle: handle as Served["handle"] }
}

/** The same for a route that reads its body itself. */
export function serveRead<R extends RouteContract, Body>(
  contract: R,
  read: (request: Received, limits: ByteLimits) => Promise<Body>,
  handle: (asked: Omit<Asked<R>, "body"> & { readonly body: Body }) => Promise<GivenOf<R> | Reply>,
): Served {
  return { contract, read, handle: handle as Served["handle"] }
}
