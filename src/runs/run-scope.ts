import type { WithinScopes } from "../bus/within.ts"
import { ForbiddenError, InvalidInputError, NotFoundError } from "../core/errors.ts"
import { isWithin, parseScope, type Scope, scopeKey, scopeKeys } from "../core/scope.ts"
import { scopeHere } from "./origin.ts"

/** Where a request may look, and which scope it speaks of. */
export interface Scoped extends WithinScopes {
  readonly scope?: Partial<Scope> | string
  readonly context?: { readonly scope?: Partial<Scope> | string }
}

/**
 * The key of the scope that a request speaks of: its own words, else the scope of the delivery or step that it comes from,
 * else the only one that its caller is bound to, else the Carillon's own.
 */
export function scopeOf(request: Scoped, own: string): string {
  const wish = request.context?.scope ?? request.scope
  if (wish !== undefined && wish !== null) return scopeKey(wish)
  const keys = scopeKeys(request.scopes)
  const only = keys?.length === 1 ? keys[0] : undefined
  return scopeHere() ?? only ?? own
}

/**
 * Where a run is started.
 *
 * @throws NotFoundError for a scope that its caller cannot see; InvalidInputError where it could be one of several
 */
export function scopeToStartIn(request: Scoped, own: string): string {
  if (isOpen(request))
    throw new InvalidInputError(
      "Expected a `scope`, for the caller is bound to more than one, got none. Say in which of them the run is to lie.",
    )
  const key = scopeOf(request, own)
  if (isWithin(scopeKeys(request.scopes), key)) return key
  const { account, workspace } = parseScope(key)
  throw new NotFoundError(
    `There is no scope \`${account}/${workspace}\` for this caller. Name one that is theirs as \`scope\`.`,
  )
}

/** Nothing says which of several scopes is meant. */
function isOpen({ context, scope, scopes }: Scoped): boolean {
  return (context?.scope ?? scope ?? scopeHere() ?? null) === null && (scopeKeys(scopes)?.length ?? 0) > 1
}

/** Other scopes' events may be staged under the same group: a run that ends releases or clears them all. */
export function checkOwnGroup(eventGroupId: string | null, { scopes }: WithinScopes): void {
  if (eventGroupId === null || scopeKeys(scopes) === undefined) return
  throw new ForbiddenError(
    "Expected no `eventGroupId` from who is bound to some scopes: an event group belongs to all of them. Leave it out, and the run gets a group of its own.",
  )
}
