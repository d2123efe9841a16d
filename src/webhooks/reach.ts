import { ForbiddenError, InvalidInputError } from "../core/errors.ts"
import { scopeKey } from "../core/scope.ts"
import { type Access, canSee } from "../identity/access.ts"
import type { NewWebhook } from "./shapes.ts"

/** Where a webhook goes to, and with which secrets, is theirs to know who may see all that is sent there. */
export function isTheirs({ scopes }: Access, scope: string | null): boolean {
  return scope === null ? scopes === "all" : canSee({ scopes }, scope)
}

/**
 * The scope (its key) that somebody asks for; null = every one.
 *
 * @throws InvalidInputError for what is none, or where one has to be said; ForbiddenError for one that is not theirs
 */
export function scopeFor(by: Access, asked: NewWebhook["scope"], own: string): string | null {
  const scope = asked === undefined ? usualScope(by, own) : asked === null ? null : scopeKey(asked)
  if (isTheirs(by, scope)) return scope
  throw new ForbiddenError(
    scope === null
      ? "Expected a `scope`: a webhook without one hears all of them, and is for those who may see all."
      : "Expected a `scope` that the credential is bound to, got another.",
  )
}

function usualScope({ scopes }: Access, own: string): string {
  if (scopes === "all") return own
  const [only, ...others] = scopes
  if (only !== undefined && others.length === 0) return only
  throw new InvalidInputError(
    "Expected a `scope`, for the credential is bound to more than one or to none, got none.",
  )
}
