import type { RouteContract } from "../contract/route.ts"
import { ForbiddenError } from "../core/errors.ts"
import { isWithin, type Scopes, scopeKey } from "../core/scope.ts"
import { type Access, isAllowed } from "../identity/access.ts"

/** @throws ForbiddenError when the credential does not reach so far */
export function checkAllowed(access: Access, { permission, reach }: RouteContract): void {
  if (permission !== null && !isAllowed(access, permission))
    throw new ForbiddenError(
      `Expected a credential with the permission ${permission}, got one without. Ask whoever manages roles, or use another.`,
    )
  if (reach === "installation" && access.scopes !== "all")
    throw new ForbiddenError(
      "Expected a credential for all scopes, for this is about the installation as a whole, got one that is bound to scopes.",
    )
}

/** The credential's scopes, or of those the one that is asked for: nothing, where it is none of them. */
export function scopesOf({ scopes }: Access, asked: string | undefined): Scopes {
  if (asked === undefined) return scopes
  const key = scopeKey(asked)
  return isWithin(scopes, key) ? [key] : []
}
